"""A bundle reads back as it was written, and whatever is damaged, foreign or dangerous is refused with a remedy."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
import yaml

from flare_core.adapters.head import mask_body
from flare_core.adapters.plan import HeadEntry, HeadPlan, InputPlan, Plan, ViewPlan
from flare_core.bundles.bundle import Bundle, load_bundle, save_bundle, weights_digest
from flare_core.bundles.places import shipped
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import BundleError, FlareError
from tests.bundles.damage import edit_json, rewrite

BODY = """
kind: embodiment
name: tallbot
base: {radius_m: 0.25, height_m: 1.6}
cameras:
  head: {role: navigation, mount: {up_m: 1.2, pitch_down_deg: 10}, vertical_fov_deg: 60, width_px: 128, height_px: 72}
actions:
  - move_ahead: {move_base: {forward_m: 0.25}}
  - rotate_left: {turn_base: {left_deg: 30}}
  - done: {say: done}
"""
TASK = {"kind": "task", "name": "objectnav", "horizon": 250}


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    path = tmp_path / "tallbot.yaml"
    path.write_text(BODY)
    body, loaded = load_embodiment(path)
    return Bundle(
        name="tall",
        state={"head.weight": torch.arange(12.0).reshape(3, 4), "head.bias": torch.zeros(3), "steps": torch.tensor([7])},
        policy={"family": "small", "actions": ["move_ahead", "rotate_left", "done"], "body_inputs": [], "width": 4},
        embodiment=body,
        embodiment_spec=loaded.resolved,
        task=TASK,
        lineage={"command": "flare pretrain objectnav", "commit": "abc123", "seed": 3, "steps": 1000},
        results={"sampled": {"episodes": 500, "success": 0.5, "success_low": 0.456, "success_high": 0.544}},
    )


@pytest.fixture
def saved(bundle: Bundle, tmp_path: Path) -> Path:
    return save_bundle(tmp_path / "saved", bundle)


def refusal(folder: Path | str) -> str:
    with pytest.raises(FlareError) as caught:
        load_bundle(folder)
    return str(caught.value)


def test_a_bundle_reads_back_as_it_was_written(bundle: Bundle, saved: Path) -> None:
    got = load_bundle(saved)
    assert {name: tensor.tolist() for name, tensor in got.state.items()} == {name: t.tolist() for name, t in bundle.state.items()}
    assert [tensor.dtype for tensor in got.state.values()] == [bundle.state[name].dtype for name in got.state]
    assert replace(got, state={}) == replace(bundle, state={})


def test_the_folder_holds_what_the_format_says_and_nothing_is_left_beside_it(saved: Path) -> None:
    files = "README.md bundle.json embodiment.yaml evaluation.json lineage.json model.safetensors policy.json task.yaml"
    assert sorted(path.name for path in saved.iterdir()) == files.split()
    assert sorted(path.name for path in saved.parent.iterdir()) == ["saved", "tallbot.yaml"]


def test_the_same_bundle_gives_the_same_bytes(bundle: Bundle, saved: Path, tmp_path: Path) -> None:
    again = save_bundle(tmp_path / "again", bundle)
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {path.name: path.read_bytes() for path in saved.iterdir()}


def test_a_bundle_is_replaced_only_when_asked_for_and_then_whole(bundle: Bundle, saved: Path) -> None:
    with pytest.raises(BundleError, match="saved: holds a bundle already, which is not overwritten"):
        save_bundle(saved, replace(bundle, name="newer"))
    assert load_bundle(saved).name == "tall"
    save_bundle(saved, replace(bundle, name="newer", results=None), replace=True)
    assert load_bundle(saved).name == "newer"
    assert not (saved / "evaluation.json").exists()


def test_saving_never_overwrites_what_is_not_a_bundle(bundle: Bundle, tmp_path: Path) -> None:
    home = tmp_path / "thesis"
    home.mkdir()
    (home / "chapter1.tex").write_text("years of work")
    with pytest.raises(BundleError, match=r"thesis: exists and is not a bundle, so it is not overwritten\. Name another folder"):
        save_bundle(home, bundle)
    assert (home / "chapter1.tex").read_text() == "years of work"


def test_a_save_that_fails_leaves_the_old_bundle_and_no_rest(bundle: Bundle, saved: Path) -> None:
    other = replace(bundle.embodiment, gripper="suction")
    with pytest.raises(BundleError, match="embodiment_spec belongs to another body"):
        save_bundle(saved, replace(bundle, embodiment=other), replace=True)
    with pytest.raises(BundleError, match=r"evaluation\.json: cannot be written as JSON"):
        save_bundle(saved, replace(bundle, results={"success": float("nan")}), replace=True)
    assert load_bundle(saved).name == "tall"
    assert sorted(path.name for path in saved.parent.iterdir()) == ["saved", "tallbot.yaml"]


def test_tensors_that_share_memory_or_lie_across_are_saved(bundle: Bundle, tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    got = load_bundle(save_bundle(tmp_path / "b", replace(bundle, state={"a": weight, "b": weight, "c": weight.T})))
    assert got.state["c"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert got.state["a"].tolist() == got.state["b"].tolist() == weight.tolist()


def test_the_digest_follows_values_and_names_only(bundle: Bundle) -> None:
    backwards = dict(reversed(list(bundle.state.items())))
    assert weights_digest(bundle.state) == weights_digest(backwards)
    assert weights_digest(bundle.state) != weights_digest({**bundle.state, "head.bias": torch.ones(3)})


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: has no bundle.json, so it is not a bundle. `flare adapt` and `flare train` write one"
    assert "there is no such folder" in refusal(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("x")
    assert "is a file. A bundle is a folder" in refusal(tmp_path / "notes.txt")


def test_a_pickled_checkpoint_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "policy.pt"
    torch.save({"weight": torch.ones(1)}, path)
    assert refusal(path) == f"{path}: is a pickle, which can run code when it is read. A bundle is a folder with model.safetensors"


def test_a_pickle_beside_the_weights_is_refused(saved: Path) -> None:
    (saved / "extra").mkdir()
    (saved / "extra" / "optimizer.PT").write_bytes(pickle.dumps({"lr": 1}))
    assert "could run code when it is read" in refusal(saved)


@pytest.mark.parametrize("protocol", [2, 4, "zip"])
def test_a_pickle_under_the_name_of_the_weights_is_refused(saved: Path, tmp_path: Path, protocol: int | str) -> None:
    if protocol == "zip":
        torch.save({"a": torch.ones(1)}, tmp_path / "x")
        data = (tmp_path / "x").read_bytes()
    else:
        data = pickle.dumps({"a": [1.0]}, protocol=int(protocol))
    rewrite(saved, "model.safetensors", data)
    assert "model.safetensors: is a pickle under another name" in refusal(saved)


def test_weights_that_are_damaged_empty_or_not_finite_are_refused(bundle: Bundle, saved: Path, tmp_path: Path) -> None:
    intact = save_bundle(tmp_path / "intact", bundle)
    rewrite(saved, "model.safetensors", b"\x10\0\0\0\0\0\0\0not a header....")
    assert "is not a safetensors file" in refusal(saved)
    rewrite(saved, "model.safetensors", safetensors.torch.save({}))
    assert "holds no tensor" in refusal(saved)
    state = load_bundle(intact).state
    rewrite(saved, "model.safetensors", safetensors.torch.save({**state, "head.bias": torch.tensor([1.0, torch.nan, torch.inf])}))
    assert "head.bias has 2 numbers that are not finite" in refusal(saved)


def test_a_file_that_changed_since_it_was_written_is_refused(saved: Path) -> None:
    data = bytearray((saved / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (saved / "model.safetensors").write_bytes(bytes(data))
    place = saved / "model.safetensors"
    assert refusal(saved) == f"{place}: is not the file that bundle.json records. Copy the bundle again from where it was made"


@pytest.mark.parametrize("name", ["model.safetensors", "policy.json", "embodiment.yaml", "task.yaml", "lineage.json", "evaluation.json"])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    assert refusal(saved) == f"{saved}: lacks {name}. Copy the bundle again from where it was made"


@pytest.mark.parametrize("name", ["../secret.json", "/etc/hostname", "sub/model.safetensors", "run.py"])
def test_a_manifest_cannot_name_other_files(saved: Path, name: str) -> None:
    edit_json(saved, "bundle.json", lambda data: data["files"].update({name: "0" * 64}))
    assert f"'{name}' is no file of a bundle" in refusal(saved)


@pytest.mark.parametrize("name", ["model.safetensors", "task.yaml", "bundle.json"])
def test_a_link_out_of_the_folder_is_refused(saved: Path, tmp_path: Path, name: str) -> None:
    (saved / name).rename(tmp_path / name)
    (saved / name).symlink_to(tmp_path / name)
    assert refusal(saved) == f"{saved / name}: is a link that leads out of the bundle. Copy the file itself into the folder"


@pytest.mark.parametrize("name", ["../shipped/x", "..", "/", "stretch", ""])
def test_a_shipped_name_is_one_of_those_that_are_shipped(name: str) -> None:
    assert f"shipped:{name}: no such bundle is shipped" in refusal(f"shipped:{name}")


def test_a_place_on_the_net_is_not_taken_for_a_path() -> None:
    assert "hub://org/name: is not a folder. `flare pull` fetches a bundle from the Hub" in refusal("hub://org/name")


def test_another_format_or_a_newer_version_is_refused(saved: Path) -> None:
    edit_json(saved, "bundle.json", lambda data: data.update(version=3))
    assert "is of format version 3; this flare reads 2. Install a newer flare" in refusal(saved)
    edit_json(saved, "bundle.json", lambda data: data.update(format="other", version=1))
    assert "format 'other' version 1 is not 'flare-bundle' 2" in refusal(saved)


def test_a_manifest_with_a_bad_digest_is_refused(saved: Path) -> None:
    edit_json(saved, "bundle.json", lambda data: data["files"].update({"policy.json": "abc"}))
    assert "bundle.json: files.policy.json: String should match pattern" in refusal(saved)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"family": }', "policy.json:1: is not JSON"),
        (b"", "policy.json:1: is not JSON"),
        (b"[]", "policy.json: must hold one JSON object, not a list"),
        (b'{"family": "a", "family": "b"}', "policy.json: names 'family' twice"),
        (b'{"width": NaN}', "policy.json: holds NaN, which is not JSON"),
        (b"\xff\xfe", "policy.json: is not UTF-8 text (byte 0)"),
        (b"[" * 100_000, "policy.json"),
        (b" " * 2_000_001, "policy.json: has 2.0 MB, more than the 2 MB"),
        (b'{"actions": [], "body_inputs": []}', "policy.json: family: Field required"),
    ],
)
def test_json_that_is_not_what_it_should_be_is_refused(saved: Path, data: bytes, message: str) -> None:
    rewrite(saved, "policy.json", data)
    assert message in refusal(saved)


def test_all_faults_of_a_file_come_at_once(saved: Path) -> None:
    rewrite(saved, "lineage.json", b'{"command": 3}')
    said = refusal(saved).splitlines()
    assert [line.split(": ")[1] for line in said] == ["command", "commit", "seed"]


def test_weights_of_another_action_order_are_refused(saved: Path) -> None:
    edit_json(saved, "policy.json", lambda data: data.update(actions=["rotate_left", "move_ahead", "done"]))
    assert "actions[0] is 'rotate_left', but 'move_ahead' in embodiment.yaml: rows would change places" in refusal(saved)
    edit_json(saved, "policy.json", lambda data: data.update(actions=["move_ahead", "rotate_left"]))
    assert "actions[2] is 'nothing', but 'done' in embodiment.yaml" in refusal(saved)
    edit_json(saved, "policy.json", lambda data: data.update(actions=["move_ahead", "rotate_left", "done"], body_inputs=["lift"]))
    assert "body_inputs[0] is 'lift', but 'nothing' in embodiment.yaml" in refusal(saved)


@pytest.mark.parametrize("name", ["embodiment.yaml", "task.yaml"])
def test_a_spec_that_needs_another_file_is_refused(saved: Path, name: str) -> None:
    document = yaml.safe_load((saved / name).read_text()) | {"extends": "../../secret.yaml"}
    rewrite(saved, name, yaml.safe_dump(document).encode())
    assert f"{saved / name}: a bundle's spec stands alone, so it has no `extends`" in refusal(saved)


def test_a_spec_of_another_kind_or_with_faults_is_refused(saved: Path) -> None:
    rewrite(saved, "task.yaml", b"kind: recipe\n")
    assert "task.yaml: must begin with `kind: task`" in refusal(saved)
    rewrite(saved, "task.yaml", b"kind: task\nkind: task\n")
    assert "task.yaml:2" in refusal(saved)


@pytest.fixture
def plan() -> Plan:
    entries = (
        HeadEntry(action="move_ahead", effect="", how="keep", source="ahead", source_row=0),
        HeadEntry(action="rotate_left", effect="", how="masked", reason="the floor is too rough to turn on"),
        HeadEntry(action="done", effect="", how="keep", source="done", source_row=1),
    )
    head = HeadPlan(source_actions=("ahead", "done"), trained=(0, 1), entries=entries, dropped=())
    return Plan(
        source="longbot",
        target="tallbot",
        head=head,
        views=ViewPlan(entries=(), unused=()),
        inputs=InputPlan(source_inputs=(), entries=(), dropped=()),
    )


def test_masks_that_the_plan_adds_come_back_with_the_body(bundle: Bundle, plan: Plan, tmp_path: Path) -> None:
    masked = replace(bundle, embodiment=mask_body(bundle.embodiment, plan.head), plan=plan)
    got = load_bundle(save_bundle(tmp_path / "b", masked))
    assert got.plan == plan
    assert [action.masked for action in got.embodiment.actions] == [None, "the floor is too rough to turn on", None]
    assert got.embodiment == masked.embodiment


def test_a_plan_for_other_actions_is_refused(bundle: Bundle, plan: Plan, tmp_path: Path) -> None:
    short = replace(plan, head=replace(plan.head, entries=plan.head.entries[:2]))
    with pytest.raises(BundleError, match=r"plan\.json: head\.entries\[2\] is 'nothing', but 'done' in embodiment\.yaml"):
        save_bundle(tmp_path / "b", replace(bundle, plan=short))


def test_a_plan_that_is_none_is_refused(saved: Path) -> None:
    rewrite(saved, "plan.json", b"{}")
    assert "plan.json: " in refusal(saved)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_bundle_loads_and_is_small(name: str) -> None:
    got = load_bundle(f"shipped:{name}")
    assert got.name == name
    assert sum(tensor.nbytes for tensor in got.state.values()) < 10_000_000
    assert {"command", "commit", "seed"} <= set(got.lineage)
