"""The `spoc` policy against a straight-line re-creation of the release's arithmetic (bench/straight.py), on one thread.

    OMP_NUM_THREADS=1 python bench/spoc.py [--rounds 3] [--steps 32] [--rows 8]

Same sizes (small_3), same random weights, same inputs, dropout off in both; the two take turns in one process. Seconds are the
process's own (CPU), best of the rounds; memory is the peak of a fresh process that does one update and nothing else.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from straight import Half, half_of, name_here
from torch import Tensor
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

from flare_core.evaluation.report import markdown
from flare_core.learning.ppo import Learner
from flare_core.learning.rollout import Rollout
from flare_core.learning.spec import RecipeSpec
from flare_core.learning.worker import Batch, Coefficients
from flare_core.policies.spec import View
from flare_core.policies.spoc.inputs import PADDING, SpocInputs
from flare_core.policies.spoc.policy import SpocPolicy
from flare_core.policies.spoc.spec import SpocSpec
from flare_core.policies.spoc.tower import SpocTower

ACTIONS = tuple(f"action_{at}" for at in range(20))
VIEWS = tuple(View(name=name, width=384, height=224) for name in ("navigation", "manipulation"))
LENGTHS = (5, 9, 6, 7, 8, 5, 6, 9)  # tokens of the rows' instructions, as "find a mug" and "navigate to the house plant" have
VARIANTS = ("straight-line", "float32", "bfloat16")


def make_policy(exact: bool) -> SpocPolicy:
    torch.manual_seed(0)
    return SpocPolicy(SpocSpec(views=VIEWS, actions=ACTIONS, body_inputs=("holding",), exact=exact))


def make_inputs(steps: int, rows: int) -> SpocInputs:
    make = torch.Generator().manual_seed(1)
    text = torch.randint(2, 32000, (1, rows, max(LENGTHS)), generator=make).repeat(steps, 1, 1)
    for row in range(rows):
        text[:, row, LENGTHS[row % len(LENGTHS)] :] = PADDING
    return SpocInputs(
        features=torch.randn(steps, rows, 2, 84, 384, generator=make),
        views=torch.arange(2).expand(steps, rows, 2),
        text=text,
        previous=torch.randint(0, 21, (steps, rows), generator=make),
        holding=torch.randint(0, 2, (steps, rows), generator=make),
        step=torch.arange(steps).unsqueeze(1).repeat(1, rows),
    )


def make_batch(actor: SpocTower, inputs: SpocInputs) -> Batch:
    """A rollout that is all one episode, with random rewards' worth of advantages."""
    steps, rows = inputs.step.shape
    make = torch.Generator().manual_seed(2)
    starts = torch.zeros(steps, rows, dtype=torch.bool)
    starts[0] = True
    none = torch.zeros(steps, rows)
    rollout = Rollout(
        inputs=inputs, after=inputs.at(slice(0, 1)), starts=starts, starts_after=starts[0], memory=actor.empty_memory(rows),
        actions=torch.randint(0, 20, (steps, rows), generator=make), logp=torch.full((steps, rows), -3.0),
        allowed=torch.ones(steps, rows, 20, dtype=torch.bool), rewards=none, costs=none[..., None][..., :0], terminated=none > 0,
        truncated=none > 0, final=None, final_at=torch.zeros(0, 2, dtype=torch.int64), episodes=[],
    )  # fmt: skip
    return Batch(
        rollout=rollout, advantages=torch.randn(steps, rows, generator=make), returns=torch.randn(steps, rows, 1, generator=make),
        critic_memory=actor.empty_memory(rows), reference=None,
    )  # fmt: skip


def make_learner(policy: SpocPolicy, arithmetic: str) -> Learner:
    recipe = RecipeSpec(name="bench", learning_rate=2e-5, epochs=1, joint_gradient_norm=True, arithmetic=arithmetic)
    none = torch.zeros(20, dtype=torch.bool)
    nobody: Any = None  # plays: batches are made here
    return Learner(policy, recipe, [nobody], none, none, 0)


class Straight:
    """Both halves of the re-creation, their optimiser and its step."""

    def __init__(self, policy: SpocPolicy, critic: SpocTower) -> None:
        self.actor = half_of(policy.spec, make_policy(True).encoder.text, policy.actor, 20)
        self.critic = half_of(policy.spec, make_policy(True).encoder.text, critic, 1)
        self.halves: tuple[Half, Half] = (self.actor, self.critic)
        self.parameters = [p for half in self.halves for p in half.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(self.parameters, lr=2e-5)

    def see(self, inputs: SpocInputs) -> dict[str, Tensor]:
        """The inputs as the release has them: feature maps with the channels first, padded ids with a mask."""
        steps, rows = inputs.step.shape
        maps = inputs.features.transpose(-1, -2).unflatten(-1, (7, 12)).contiguous()
        return {
            "maps": maps, "tokens": inputs.text.clamp(min=0), "real": inputs.text != PADDING, "previous": inputs.previous,
            "holding": inputs.holding, "time": inputs.step, "episode": torch.zeros(steps, rows, dtype=torch.int64),
        }  # fmt: skip

    def losses(self, seen: dict[str, Tensor], batch: Batch) -> Tensor:
        logits, values = self.actor(**seen), self.critic(**seen)
        logp = torch.log_softmax(logits, dim=-1).gather(-1, batch.rollout.actions.unsqueeze(-1)).squeeze(-1)
        ratio = (logp - batch.rollout.logp).exp()
        gains = batch.advantages
        policy_loss = -torch.min(ratio * gains, ratio.clamp(0.9, 1.1) * gains).mean()
        return policy_loss + 0.5 * 0.5 * F.mse_loss(values, batch.returns)

    def update(self, seen: dict[str, Tensor], batch: Batch) -> None:
        self.losses(seen, batch).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 0.5)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


@torch.no_grad()
def straight_steps(straight: Straight, seen: dict[str, Tensor], steps: int) -> None:
    for half in straight.halves:
        half.begin(seen["tokens"].shape[1], 500)
    for t in range(steps):
        now = {name: tensor[t : t + 1] for name, tensor in seen.items()}
        for half in straight.halves:
            half(**now)


@torch.no_grad()
def our_steps(actor: SpocTower, inputs: SpocInputs, steps: int) -> None:
    memory = actor.empty_memory(inputs.step.shape[1])
    for t in range(steps):
        _, memory = actor.step(inputs.at(t), memory)


def gradients_differ(steps: int, rows: int) -> tuple[float, float]:
    """Largest difference of a gradient between ours and the straight-line one, and of it to the largest gradient of its tensor.

    In double precision, and in the release's arithmetic, in which padding is attended to, so that both compute the same function.
    """
    policy = make_policy(True).double()
    learner, inputs = make_learner(policy, "float32"), make_inputs(steps, rows)
    inputs = replace(inputs, features=inputs.features.double())
    learner.critic.double()
    straight, batch = Straight(policy, learner.critic), make_batch(policy.actor, inputs)
    for half in straight.halves:
        half.double()
    straight.losses(straight.see(inputs), batch).backward()
    learner.workers[0].batch = batch
    learner.workers[0].find_gradients(torch.arange(rows), Coefficients(), 1)
    most, relative = 0.0, 0.0
    for tower, half in ((learner.actor, straight.actor), (learner.critic, straight.critic)):
        theirs = dict(half.named_parameters())
        for name, mine in tower.named_parameters():
            one, two = mine.grad, theirs[name_here(name)].grad
            assert one is not None and two is not None, name  # noqa: PT018
            gap = float((one - two.reshape(one.shape)).abs().max())
            most, relative = max(most, gap), max(relative, gap / max(float(two.abs().max()), 1e-12))
    return most, relative


def one_update(variant: str, steps: int, rows: int) -> Callable[[], object]:
    """An update of its own networks."""
    policy, inputs = make_policy(False), make_inputs(steps, rows)
    batch = make_batch(policy.actor, inputs)
    learner = make_learner(policy, "float32" if variant == "straight-line" else variant)
    if variant == "straight-line":
        straight = Straight(policy, learner.critic)
        seen = straight.see(inputs)
        return lambda: straight.update(seen, batch)
    learner.workers[0].batch = batch
    return lambda: learner.learn(rows, 0, Coefficients())


def peak_mb(variant: str, steps: int, rows: int) -> tuple[float, float]:
    """Resident memory of a fresh process before its update, and its peak."""
    words = [sys.executable, __file__, "--alone", variant, "--steps", str(steps), "--rows", str(rows)]
    before, peak = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return before, peak


def alone(variant: str, steps: int, rows: int) -> None:
    """What `peak_mb` runs."""
    work = one_update(variant, steps, rows)
    before = resident_mb("VmRSS")
    work()
    print(json.dumps([before, resident_mb("VmHWM")]))


def resident_mb(name: str) -> float:
    """Of this process, from the kernel; `getrusage` counts the parent's peak too."""
    line = next(line for line in Path("/proc/self/status").read_text("ascii").splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def table(rows: list[list[Any]]) -> None:
    print(markdown([[str(cell) for cell in row] for row in rows]) + "\n", flush=True)


def actor_steps(rounds: int, rows: int, steps: int = 16) -> None:
    """Steps with a cache of keys and values: a whole rollout of `steps` each time."""
    policy, inputs = make_policy(False), make_inputs(steps, rows)
    straight = Straight(policy, policy.make_critic())
    seen = straight.see(inputs)
    best = {"straight-line": float("inf"), "float32": float("inf")}
    for _ in range(rounds + 1):  # the first one warms up
        best["straight-line"] = min(best["straight-line"], seconds(lambda: straight_steps(straight, seen, steps)) / steps)
        best["float32"] = min(best["float32"], seconds(lambda: our_steps(policy.actor, inputs, steps)) / steps)
    first = best["straight-line"]
    table([[f"actor step, {rows} rows", "ms", "times as fast"], *[[k, f"{1e3 * v:.0f}", f"{first / v:.2f}"] for k, v in best.items()]])


def updates(rounds: int, steps: int, rows: int) -> None:
    """One pass over a rollout: forward, backward and Adam, of actor and critic."""
    works = {variant: one_update(variant, steps, rows) for variant in VARIANTS}
    best = dict.fromkeys(VARIANTS, float("inf"))
    for _ in range(rounds):
        for variant, work in works.items():
            best[variant] = min(best[variant], seconds(work))
    del works
    memory = {variant: peak_mb(variant, steps, rows) for variant in VARIANTS}
    first = best["straight-line"]
    rest = [
        [variant, f"{best[variant]:.1f}", f"{first / best[variant]:.2f}", f"{memory[variant][0]:,.0f}", f"{memory[variant][1]:,.0f}"]
        for variant in VARIANTS
    ]
    table([[f"PPO update, {steps} steps of {rows} rows", "s", "times as fast", "MB before", "MB at most"], *rest])


def operators(variant: str, steps: int, rows: int) -> None:
    """Where the time of an update goes."""
    work = one_update(variant, steps, rows)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        work()
    del work
    events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    whole = sum(event.self_cpu_time_total for event in events)
    table([[f"update, {variant}: operator", "own time, %"], *[[e.key, f"{100 * e.self_cpu_time_total / whole:.1f}"] for e in events[:8]]])


def main() -> None:
    """Read the arguments and print the tables."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--steps", type=int, default=32)
    words.add_argument("--rows", type=int, default=8)
    words.add_argument("--alone", choices=VARIANTS, help="one update of this kind, and its memory, as JSON")
    asked = words.parse_args()
    torch.set_num_threads(1)
    if asked.alone:
        alone(asked.alone, asked.steps, asked.rows)
        return
    actor_steps(asked.rounds, asked.rows)
    most, relative = gradients_differ(2, asked.rows)
    print(f"gradients in float64: ours and the straight-line ones differ by {most:.0e}, {relative:.0e} of their tensor's largest\n")
    updates(asked.rounds, asked.steps, asked.rows)
    for variant in VARIANTS[1:]:
        operators(variant, 8, asked.rows)


if __name__ == "__main__":
    main()
