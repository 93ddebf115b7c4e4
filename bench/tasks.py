"""What a task costs: steps a second of the environment of every task, beside those of its simulator alone, on one thread.

    OMP_NUM_THREADS=1 python bench/tasks.py [--seconds 5] [--rounds 3]

Both apply the same actions and take the same pictures; the environment also judges success, pays rewards, counts costs, masks
actions, accounts for episodes and begins new ones. Rounds alternate between the two.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import numpy.typing as npt
import torch

from flare_core.embodiments.spec import load_embodiment
from flare_core.evaluation.report import markdown
from flare_core.runs.stages import NOTHING, Scene, embedded, houses_of, training_stages
from flare_core.seeding import stream
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary

TASKS = (
    "objectnav",
    "objectnav_relative",
    "roomnav",
    "gotopoint",
    "roomvisit_shaped",
    "fetch",
    "fetch_gentle_limit",
    "objectnav_look_around",
)
ROWS, HOUSES = 32, 32
VIEWS = {"navigation": (64, 64), "manipulation": (64, 64)}


def rate(step: Callable[[], object], seconds: float) -> float:
    """Steps of all rows a second."""
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        step()
        count += ROWS
    return count / (time.perf_counter() - began)


def compared(name: str, seconds: float, rounds: int) -> list[str]:
    """One row of the table."""
    scene = Scene(
        pack=houses_of("train", HOUSES), body=load_embodiment("stretch_re1")[0], task=load_task(name)[0], renders=VIEWS,
        vocabulary=Vocabulary.load(),
    )  # fmt: skip
    (stage,), (other,) = (training_stages(scene, ROWS, 1, 0, NOTHING) for _ in range(2))
    alone, draws = embedded(other), stream(0, "bench/tasks")
    speechless = np.array(
        [at for at, action in enumerate(scene.body.actions) if action.effect.kind != "say"]
    )  # endings would measure resets

    def actions() -> npt.NDArray[np.int64]:
        return speechless[draws.integers(len(speechless), size=ROWS)]

    def play() -> None:
        stage.step(actions())

    def move() -> None:
        alone.apply(actions())
        for camera, (width, height) in VIEWS.items():
            alone.images(camera, width, height)
        alone.world()

    rate(play, 1.0), rate(move, 1.0)
    pairs = [(rate(move, seconds), rate(play, seconds)) for _ in range(rounds)]
    share = median(100 * played / moved for moved, played in pairs)
    moved, played = (median(pair[at] for pair in pairs) for at in (0, 1))
    return [f"`{name}`", f"{moved:,.0f}", f"{played:,.0f}", f"{share:.0f}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = [compared(name, asked.seconds, asked.rounds) for name in TASKS]
    print(markdown([["task", "simulator alone, steps/s", "with the task, steps/s", "share, %"], *rows]))


if __name__ == "__main__":
    main()
