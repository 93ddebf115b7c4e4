"""One thread for each process: two that share a core's worth of time are many times slower. And houses to play episodes in."""

import signal

import pytest
import torch

from flare_core.houses.generate import generate_house
from flare_core.houses.procthor import parse_house
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.pack import ScenePack, pack

torch.set_num_threads(1)

# A shell's background job ignores Ctrl-C, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def houses() -> ScenePack:
    """Six generated houses."""
    return pack([compile_scene(parse_house(generate_house(seed, "train"), str(seed))) for seed in range(6)])
