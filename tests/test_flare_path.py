"""The real path as one: a FLaRe checkpoint is imported, carried onto the LoCoBot, and trained through AI2-THOR's client."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

import flare_core
from flare_core.bundles.bundle import load_bundle
from flare_core.policies.families import policy_of, shape_from_json
from tests.adapters.formats import layouts
from tests.cli_tools import flare, move_home, overrides

FLARE = Path(sys.executable).with_name("flare")
FILE = "FLaRe_objectnav_sparse_reward_000021026752.pt"
IS_FULL = "FLARE_FULL_SIZE" in os.environ  # as large as the release: minutes
SIZE = layouts.REAL if IS_FULL else layouts.Size()
ROLLOUT = 4 if IS_FULL else 16


def run(*words: str) -> str:
    done = flare(*words)
    assert done.exit_code == 0, done.output[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny checkpoint in the release's layout, with its encoder and a tokenizer beside it, imported; where commands are given."""
    folder = tmp_path_factory.mktemp("path")
    with pytest.MonkeyPatch.context() as patch:
        move_home(patch, folder)
        patch.chdir(folder)
        _import(folder)
        yield folder


def _import(folder: Path) -> None:
    layouts.save_allenact(folder / FILE, layouts.random_state(layouts.flare_rl(SIZE)))
    torch.save(layouts.random_state(layouts.dinov2(SIZE, "")), folder / "dinov2.pth")
    words = Tokenizer(models.WordLevel({"<pad>": 0, "</s>": 1, "<unk>": 2, "find": 3, "a": 4}, "<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    (folder / "tokenizer.json").write_text(words.to_str())
    said = run("import", FILE, "--image-encoder", "dinov2.pth", "--tokenizer", "tokenizer.json", "--out", "bundles/flare_objectnav")
    assert "Format flare-rl" in said


def test_only_head_and_previous_action_change_by_the_plan(folder: Path) -> None:
    assert "look_left" in run("plan", "flare_objectnav_to_locobot")
    run("adapt", "flare_objectnav_to_locobot", "--no-calibrate", "--out", "adapted")
    source, target = load_bundle(folder / "bundles/flare_objectnav").state, load_bundle(folder / "adapted").state
    assert sorted(source) == sorted(target)
    changed = {name for name in source if source[name].shape != target[name].shape or not torch.equal(source[name], target[name])}
    assert changed == {"actor.head.weight", "actor.head.bias", "actor.previous.weight"}
    kept = torch.equal(source["actor.head.weight"][:8], target["actor.head.weight"][:8])  # SPOC's first eight actions are LoCoBot's
    assert kept
    assert torch.equal(source["actor.previous.weight"][-1], target["actor.previous.weight"][-1])  # the start of an episode


def test_evaluation_updates_and_bundle_through_client_and_engine(folder: Path) -> None:
    small = {
        "simulator.executable": f"{shlex.quote(str(FLARE))} thor-engine --build nanna", "simulator.processes": 2, "recipe.rows": 2,
        "recipe.rollout": ROLLOUT, "recipe.steps": 6 * ROLLOUT, "recipe.critic_warmup_steps": 2 * ROLLOUT, "recipe.houses": 4,
        "recipe.evaluation_episodes": 2, "recipe.evaluate_greedy": "false", "recipe.learning_rate": 0.01, "task.horizon": 20,
        "task.reward.step": -0.01,  # random weights find nothing, and nothing is learned from no reward at all
    }  # fmt: skip
    words = overrides(*(f"{key}={value}" for key, value in small.items()))
    assert "NOT AI2-THOR" in run("train", "flare_objectnav_to_locobot", "--out", "run", *words)
    records = [json.loads(line) for line in (folder / "run/log.jsonl").read_text().splitlines()]
    assert [record["actor_learns"] for record in records] == [False, True, True]
    before, after = load_bundle(folder / "bundles/flare_objectnav"), load_bundle(folder / "run/bundle")
    policy = policy_of(shape_from_json(after.policy), after.state)
    assert len(policy.spec.actions) == 12
    frozen = [name for name in before.state if name.startswith("encoder.")]
    assert frozen
    assert all(torch.equal(before.state[name], after.state[name]) for name in frozen)
    learnt = [name for name in before.state if name.startswith("actor.fusion.")]
    assert any(not torch.equal(before.state[name], after.state[name]) for name in learnt)
    assert after.results is not None
    acting = flare_core.load(str(folder / "run/bundle"))
    camera = acting.cameras["head"]
    picture = np.random.default_rng(0).integers(256, size=(camera.height_px, camera.width_px, 3), dtype=np.uint8)
    found = []
    for instruction in ("find a mug", "find a find a find a"):
        acting.reset(instruction)
        action = acting.act({"head": picture}, acting.home_state())
        assert action.name in policy.spec.actions
        found.append(list(acting.probabilities.values()))
    assert found[0] != found[1]  # the text itself is read
    acting.reset("a zyzzyva")  # in no vocabulary of ours; the text encoder has a token for anything
