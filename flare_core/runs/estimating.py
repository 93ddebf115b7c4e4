"""What a fine-tuning will take, measured before it begins: a few steps are made as the run would make them, and thrown away."""

import contextlib
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flare_core.runs.carry import Transfer, carried_policy
from flare_core.runs.finetune import check_rows, senses_of, tuner_of

STEPS: Final = 16  # of every row, an update; a run's own may be longer, which costs as much a step
HOUSES: Final = 64
KEPT: Final = 2  # checkpoints that a run keeps
_UNIT: Final = 1024 if sys.platform != "darwin" else 1  # of ru_maxrss, in bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Of one fine-tuning.

    Attributes:
        steps: of training. measured: steps that the figures were measured over.
        steps_per_second: of training, collecting and learning; playing_per_second: of collecting alone, as an evaluation plays.
        evaluations: how often the held-out episodes are played; evaluation_steps: of all of them at most, if none ends before its horizon.
        memory_bytes: of this process and of AI2-THOR's; what an update adds is taken for a rollout of the recipe's own length.
        checkpoint_bytes, bundle_bytes: of one of each.
    """

    rows: int
    steps: int
    measured: int
    steps_per_second: float
    playing_per_second: float
    evaluations: int
    evaluation_steps: int
    memory_bytes: int
    checkpoint_bytes: int
    bundle_bytes: int

    @property
    def training_s(self) -> float:
        """Seconds of the training alone."""
        return self.steps / self.steps_per_second

    @property
    def evaluation_s(self) -> float:
        """Seconds of the evaluations at most."""
        return self.evaluation_steps / self.playing_per_second

    @property
    def disk_bytes(self) -> int:
        """Of the run's folder when it is done."""
        return KEPT * self.checkpoint_bytes + self.bundle_bytes

    def rows_of_table(self) -> list[tuple[str, str]]:
        """What is printed."""
        return [
            ("to be done", "estimate"),
            ("steps of training", f"{self.steps:,}, {self.steps_per_second:,.0f} a second: {span(self.training_s)}"),
            (
                "evaluation before and after",
                f"at most {self.evaluation_steps:,} steps in {self.evaluations} parts, {self.playing_per_second:,.0f} a second: "
                f"{span(self.evaluation_s)}",
            ),
            ("together", f"at most {span(self.training_s + self.evaluation_s)}"),
            ("memory", f"{self.memory_bytes / 1e9:.1f} GB, houses beyond the {HOUSES} of this measurement not counted"),
            (
                "disk",
                f"{self.disk_bytes / 1e6:,.0f} MB: {KEPT} checkpoints of {self.checkpoint_bytes / 1e6:,.1f} and a bundle of "
                f"{self.bundle_bytes / 1e6:,.1f}",
            ),
        ]


def estimate(transfer: Transfer, *, seed: int, workers: int) -> Estimate:
    """Make two short updates as the run would, time the second, and leave nothing behind.

    Raises:
        TrainError: rows cannot be shared out among the workers.
        SimError: AI2-THOR does not start.
    """
    check_rows(transfer, workers)
    recipe = transfer.recipe
    short = recipe.model_copy(
        update={"rollout": min(STEPS, recipe.rollout), "critic_warmup_steps": 0, "houses": min(HOUSES, recipe.houses)},
    )
    policy, _ = carried_policy(transfer)
    bundle_bytes = sum(tensor.numel() * tensor.element_size() for tensor in policy.own_state().values())
    with tempfile.TemporaryDirectory() as folder:
        with tuner_of(transfer, policy, senses_of(transfer), Path(folder), short, seed=seed, workers=workers) as tuner:
            resident = _begin_to_watch_memory()
            tuner.update()
            before, began = tuner.progress.steps, time.perf_counter()
            collecting_s = tuner.update()["collect_s"]
            seconds, measured = time.perf_counter() - began, tuner.progress.steps - before
            saved = tuner.save()
            grown = _growth(resident) * tuner.learner.processes  # forked ones share what was there before and hold a rollout each
            memory = resident + int(grown * recipe.rollout / short.rollout) + _elsewhere(tuner.environments)
        checkpoint_bytes = sum(file.stat().st_size for file in saved.rglob("*") if file.is_file())
    evaluations = 4 if recipe.evaluate_greedy else 2
    return Estimate(
        rows=recipe.rows, steps=recipe.steps, measured=measured, steps_per_second=measured / seconds,
        playing_per_second=measured / collecting_s, evaluations=evaluations,
        evaluation_steps=evaluations * recipe.evaluation_episodes * transfer.task.horizon, memory_bytes=memory,
        checkpoint_bytes=checkpoint_bytes, bundle_bytes=bundle_bytes,
    )  # fmt: skip


def span(seconds: float) -> str:
    """A length of time for people: 40 s, 12 min, 3.4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _begin_to_watch_memory() -> int:
    """Bytes that this process holds now; on Linux its peak is counted from here on."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def _growth(resident: int) -> int:
    """Bytes that came on top of `resident` at the most; they grow with the length of a rollout."""
    peak = _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
    return max(0, peak - resident)


def _status(name: str) -> int:
    """Bytes by a name of /proc/self/status; 0 where there is none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0


def _elsewhere(environments: Any) -> int:
    """Bytes of AI2-THOR's processes."""
    leaders = [pid for stage in environments for pid in getattr(stage.play.simulator, "leaders", ())]
    if not leaders:
        return 0
    from flare_core.simulators.thor.keeper import memory_gb

    return int(1e9 * sum(memory_gb(pid) for pid in leaders))
