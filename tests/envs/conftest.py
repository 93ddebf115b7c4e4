"""Generated houses for tests that play episodes."""

import pytest

from flare_core.houses.generate import generate_house
from flare_core.houses.procthor import parse_house
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.pack import ScenePack, pack


@pytest.fixture(scope="session")
def houses() -> ScenePack:
    return pack([compile_scene(parse_house(generate_house(seed, "train"), str(seed))) for seed in range(6)])
