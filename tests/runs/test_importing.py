"""`flare import`: from a foreign file to a bundle that loads, with its account; and the list of public checkpoints."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from flare_core.adapters.formats.known_checkpoints import known_by_file, known_checkpoints
from flare_core.adapters.formats.known_formats import FORMATS
from flare_core.bundles.bundle import load_bundle
from flare_core.commands.importing import FORMATS as CHOICES
from flare_core.embodiments.spec import load_embodiment
from flare_core.policies.families import policy_of, shape_from_json
from flare_core.policies.spoc.spec import SpocSpec
from flare_core.runs.carry import own_views
from flare_core.tasks.spec import load_task
from tests.adapters.formats import layouts
from tests.cli_tools import flare

SIZE = layouts.Size()
OBJECTNAV = "FLaRe_objectnav_sparse_reward_000021026752.pt"


def encoder(folder: Path) -> Path:
    path = folder / "dinov2_vits14_pretrain.pth"
    torch.save(layouts.random_state(layouts.dinov2(SIZE, "")), path)
    return path


def test_a_lightning_file_becomes_a_bundle_that_loads(tmp_path: Path) -> None:
    file = layouts.save_lightning(tmp_path / "FLaRe_IL_50000.ckpt", layouts.random_state(layouts.flare_il(SIZE)))
    done = flare("import", file, "--out", tmp_path / "bundle")
    assert done.exit_code == 0, done.output
    assert "Format flare-il: all 119 names are those of FLaRe, behaviour cloning, Lightning" in done.output
    assert "118 carried, " not in done.output  # of the 119, div_term and T5's second name are left out
    assert "117 carried, 2 left out of 119 tensors." in done.output
    assert "The licence of these weights is unknown" in done.output
    bundle = load_bundle(tmp_path / "bundle")
    spec = shape_from_json(bundle.policy)
    assert isinstance(spec, SpocSpec)
    policy = policy_of(spec, bundle.state)
    assert sorted(policy.state_dict()) == sorted(bundle.state)
    assert bundle.embodiment.name == "stretch_spoc"
    assert bundle.embodiment.action_names == spec.actions
    assert bundle.task["name"] == "objectnav"


def test_the_lineage_says_what_the_bundle_was_made_from(tmp_path: Path) -> None:
    file = layouts.save_allenact(tmp_path / OBJECTNAV, layouts.random_state(layouts.flare_rl(SIZE)))
    done = flare("import", file, "--out", tmp_path / "bundle", "--image-encoder", encoder(tmp_path))
    assert done.exit_code == 0, done.output
    lineage = load_bundle(tmp_path / "bundle").lineage
    assert lineage["checkpoint"]["format"] == "flare-rl"
    assert lineage["checkpoint"]["file"] == OBJECTNAV
    assert len(lineage["checkpoint"]["sha256"]) == 64
    assert lineage["checkpoint"]["notes"] == {"total_steps": 21026752, "trainer_seed": 1}
    assert lineage["parent"]["reference"].endswith(f"r2.dev/FLaRe_ckpts/{OBJECTNAV}")
    assert lineage["licence"] is None
    tensors = lineage["tensors"]
    assert len(tensors) == 172
    assert ["critic.fc.bias", "left out", [], "the head that values states; training starts a critic anew"] in tensors
    assert ["last_actions_embed.weight", "carried", ["actor.previous.weight"], "without the row for padding"] in tensors


@pytest.mark.parametrize(("file", "task"), [("FLaRe_fetch_sparse_reward_000047079268.pt", "fetch"), ("mine.pt", "objectnav")])
def test_a_public_file_is_known_by_its_name(file: str, task: str, tmp_path: Path) -> None:
    path = layouts.save_allenact(tmp_path / file, layouts.random_state(layouts.flare_rl(SIZE, copies=())))
    assert known_by_file(file, "flare-rl-shared") is None  # the public one has a separate critic
    layouts.save_allenact(path, layouts.random_state(layouts.flare_rl(SIZE)))
    assert flare("import", path, "--out", tmp_path / "bundle", "--image-encoder", encoder(tmp_path)).exit_code == 0
    assert load_bundle(tmp_path / "bundle").task["name"] == task


def test_an_encoder_that_stays_on_the_hub_has_to_give_what_the_policy_takes(tmp_path: Path) -> None:
    file = layouts.save_allenact(tmp_path / "model.pt", layouts.random_state(layouts.flare_rl(SIZE)))
    refused = flare("import", file, "--out", tmp_path / "bundle")
    assert refused.exit_code == 1
    assert "its compressor takes 128 numbers for each patch" in refused.output
    assert not (tmp_path / "bundle").exists()
    fits = layouts.random_state(layouts.flare_rl(replace(SIZE, image=384), copies=()))
    done = flare("import", layouts.save_allenact(file, fits), "--out", tmp_path / "bundle")
    assert "The image encoder is not in it; it comes from hub://facebook/dinov2-small@ed25f3a3" in done.output
    bundle = load_bundle(tmp_path / "bundle")
    assert not any(name.startswith("encoder.image.") for name in bundle.state)
    assert bundle.policy["image_source"].startswith("hub://facebook/dinov2-small@")


def test_ring_is_given_the_whole_image_pressed_into_a_square(tmp_path: Path) -> None:
    ring = layouts.random_state(layouts.ring(replace(SIZE, image=768, text=768)))
    done = flare("import", layouts.save_allenact(tmp_path / "ring.ckpt", ring), "--out", tmp_path / "bundle")
    assert done.exit_code == 0, done.output
    bundle = load_bundle(tmp_path / "bundle")
    spec = shape_from_json(bundle.policy)
    assert [(view.width, view.height) for view in spec.views] == [(256, 256), (256, 256)]
    views = own_views(spec, bundle.embodiment, None, None)
    assert dict(views.covered) == {"navigation": 1.0, "manipulation": 1.0}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "Give FILE and --out DIR, or --known to see what there is."),
        (("no.ckpt", "--out", "x"), 1, "no.ckpt: there is no such file"),
        (("evil.ckpt", "--out", "x"), 1, "its pickle names `posix.system`"),
        (("il.ckpt", "--out", "x", "--format", "ring"), 1, "is not a ring checkpoint"),
        (("il.ckpt", "--out", "taken"), 1, "exists and is not a bundle"),
        (("il.ckpt", "--out", "x", "--task", "objectnavv"), 1, "Did you mean 'objectnav'?"),
        (("il.ckpt", "--out", "x", "--image-encoder", "il.ckpt"), 1, "the checkpoint holds its own image encoder"),
        (("il.ckpt", "--out", "x", "--image-encoder", "hub://facebook/dinov2-small"), 1, "names no revision"),
    ],
)
def test_what_cannot_be_imported_is_one_message(
    words: tuple[str, ...], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    layouts.save_lightning(tmp_path / "il.ckpt", layouts.random_state(layouts.flare_il(SIZE)))
    torch.save({"state_dict": {"x": _Evil()}}, tmp_path / "evil.ckpt")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    done = flare("import", *words)
    assert done.exit_code == code
    assert said in done.output
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "ran").exists()


class _Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch ran",)


def test_known_lists_public_checkpoints_and_claims_no_size_or_licence() -> None:
    done = flare("import", "--known")
    assert done.exit_code == 0
    for one in known_checkpoints():
        assert one.id in done.output
    assert "None is downloaded by this command" in done.output


def test_known_checkpoints_name_formats_robots_and_tasks_that_there_are() -> None:
    known = known_checkpoints()
    assert len({one.id for one in known}) == len(known)
    for one in known:
        assert one.format in FORMATS
        assert load_embodiment(one.robot)[0].name == one.robot
        assert load_task(one.task)[0].name == one.task
        assert one.where.startswith(("https://", "hub://"))
    assert ("auto", *FORMATS) == CHOICES


@pytest.mark.skipif("FLARE_FULL_SIZE" not in os.environ, reason="1.3 GB of memory and disk; set FLARE_FULL_SIZE=1")
def test_a_full_size_checkpoint_is_imported_within_memory_and_time(tmp_path: Path) -> None:
    shapes = layouts.flare_il(layouts.REAL)
    assert len(shapes) == 312
    file = layouts.save_lightning(tmp_path / "FLaRe_IL_50000.ckpt", layouts.random_state(shapes))
    begin = time.perf_counter()
    done = flare("import", file, "--out", tmp_path / "bundle")
    assert done.exit_code == 0, done.output
    assert time.perf_counter() - begin < 60
    bundle = load_bundle(tmp_path / "bundle")
    # 78,345,620 parameters by instantiation of the release; less 512 + 512 of padding rows and 256 of div_term, which is no parameter.
    assert sum(value.numel() for value in bundle.state.values()) == 78_345_620 - 2 * 512
    assert json.loads((tmp_path / "bundle" / "policy.json").read_text())["image_config"]["num_attention_heads"] == 6
