"""A tiny policy with random weights, and a way to run `flare` within the test's own process."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from flare_core.bundles.bundle import Bundle, save_bundle
from flare_core.cli import main
from flare_core.embodiments.spec import load_embodiment
from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import PolicySpec, View
from flare_core.tasks.spec import load_task

BUDGET = (
    "recipe.steps=1024", "recipe.rows=8", "recipe.rollout=8", "recipe.minibatches=2", "recipe.critic_warmup_steps=128", "recipe.houses=4",
    "recipe.evaluation_episodes=6", "task.horizon=24", "task.reward.step=-0.1",
)  # fmt: skip


def flare(*words: str | Path) -> Result:
    """Run one command; what it raises beyond its exit code is a failure of the test."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def overrides(*pairs: str) -> list[str]:
    """`-o` before each."""
    return [word for pair in pairs for word in ("-o", pair)]


def share_houses(home: Path) -> None:
    """Let another home folder use the houses that are compiled in this one; what else is kept there stays apart."""
    place = Path(".cache") / "flare_core" / "houses"
    (Path.home() / place).mkdir(parents=True, exist_ok=True)
    (home / place).parent.mkdir(parents=True, exist_ok=True)
    (home / place).symlink_to(Path.home() / place)


def move_home(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Run what follows as from another home folder, on a wide terminal and with no GPU chosen, as a client of AI2-THOR wants it."""
    share_houses(home)
    patch.setenv("HOME", str(home))
    patch.setenv("COLUMNS", "200")
    patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def tiny_bundle(folder: Path, robot: str | Path = "stretch_re1") -> Path:
    """A policy of the Stretch, or of another robot or many bodies, that is small enough to train in seconds."""
    body, embodiment = load_embodiment(robot, random="middle")
    _, task = load_task("objectnav_short")
    spec = PolicySpec(
        views=(View(name="navigation", width=32, height=18), View(name="manipulation", width=16, height=9)), actions=body.action_names,
        body_inputs=body.body_inputs, channels=(4, 4, 8, 8), features=16, width=32, heads=2, layers=1, context=8,
    )  # fmt: skip
    torch.manual_seed(0)
    bundle = Bundle(
        name="tiny", state=SmallPolicy(spec).state_dict(), policy=spec.to_json(), embodiment=body, embodiment_spec=embodiment.resolved,
        task=task.resolved, lineage={"command": "none", "commit": "unknown", "seed": 0},
    )  # fmt: skip
    return save_bundle(folder, bundle)
