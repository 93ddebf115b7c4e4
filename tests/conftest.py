"""One thread for each process: two that share a core's worth of time are many times slower. And houses to play episodes in."""

import os
import signal
from collections.abc import Iterator
from typing import Final

import pytest
import torch

from flare_core.houses.generate import generate_house
from flare_core.houses.procthor import parse_house
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.pack import ScenePack, pack

torch.set_num_threads(1)

LONG: Final = (  # a minute or more each
    "test_thor_run.py", "test_flare_path.py", "test_cli_runs.py", "test_finetune.py", "test_any_body.py", "test_learning.py",
)  # fmt: skip

# A shell's background job ignores Ctrl-C, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules come first, each in another process's share of the tests: begun last, they would be waited for by all."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    shares = [item for item in items if item.path.name not in LONG]
    for at in reversed(range(min(processes, len(LONG)))):
        own = [item for item in items if item.path.name in LONG[at::processes]]
        begin = len(items) * at // processes + 8  # xdist's shares are equal but for a few tests
        shares[begin:begin] = own
    items[:] = shares


@pytest.fixture(scope="session")
def houses() -> ScenePack:
    """Six generated houses."""
    return pack([compile_scene(parse_house(generate_house(seed, "train"), str(seed))) for seed in range(6)])


@pytest.fixture(scope="module")
def brief_calibration() -> Iterator[None]:
    """New actions get their probabilities from 512 states instead of 4,096: enough where it is not asked how near they come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flare_core.runs.finetune.CALIBRATION_STEPS", 8)
        yield
