"""The commands that compute, with a policy and budgets so small that seconds are enough."""

import json
import os
import shutil
import signal
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.path import Path as MplPath

from flare_core.bundles.bundle import load_bundle, save_bundle, weights_digest
from flare_core.runs import benchmark
from flare_core.runs.compose import load_plan
from flare_core.runs.console import ConsoleWatcher
from flare_core.runs.finetune import calibrated_policy, scene_for, senses_of
from flare_core.runs.stages import HELD_OUT_HOUSES
from flare_core.runs.stopping import Stopping
from flare_core.runs.takes import Takes
from flare_core.runs.trails import panels, trails
from tests.cli_tools import BUDGET, flare, overrides, tiny_bundle

HOUSE = Path(__file__).parent / "data" / "houses" / "house_746.json"
TURTLEBOT = ("--embodiment", "turtlebot4", "--task", "objectnav_short")
pytestmark = pytest.mark.usefixtures("brief_calibration")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="module")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole run of `flare train`."""
    out = tmp_path_factory.mktemp("runs") / "locobot"
    result = flare("train", "stretch_to_locobot", "--out", out, *overrides(f"policy={tiny}", *BUDGET))
    assert result.exit_code == 0, result.output
    (out / "printed.txt").write_text(result.output)
    return out


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_train_leaves_bundle_results_table_and_pictures(run: Path) -> None:
    results = read(run / "results.json")
    assert results["before"]["episodes"] == results["after"]["episodes"] == 6
    assert set(results["difference"]) == {"mean", "low", "high"}
    assert results["steps"] == 1024
    assert "embedded simulator" in (run / "results.md").read_text()
    for name in ("learning_curve.png", "top_down.png"):
        assert (run / name).read_bytes().startswith(b"\x89PNG")
    page = (run / "report.html").read_text()
    assert "Finished: 1,024 steps of training." in page
    assert page.count('<article class="shot"') == 6
    printed = (run / "printed.txt").read_text()
    for words in ("Action head", "difference, paired", "6 held-out test episodes", "1 seed (0)", "95 % intervals", "embedded simulator"):
        assert words in printed


def test_the_ways_drawn_from_above_are_those_of_the_judged_episodes(run: Path, tiny: Path) -> None:
    transfer = load_plan("stretch_to_locobot", [("policy", str(tiny)), *(tuple(pair.split("=")) for pair in BUDGET)])
    senses = senses_of(transfer)
    scene = scene_for(transfer, "test", HELD_OUT_HOUSES, senses)
    drawn = trails(scene, calibrated_policy(transfer, 0), senses, 0, "before")
    judged, recorded = read(run / "before.json"), Takes.from_json(read(run / "before_recording.json"))
    for number, trail in enumerate(drawn):
        take = recorded.takes[number]  # taken down while the policy was judged, and not played again
        assert np.allclose(take.points, trail.points, atol=6e-4)
        assert (take.yaw, *np.ravel(take.targets)) == pytest.approx((trail.yaw, *np.ravel(trail.targets)), abs=6e-4)
        assert take.first.startswith(b"\xff\xd8\xff")
        assert take.last.startswith(b"\xff\xd8\xff")
        metres = float(np.hypot(*np.diff(trail.points, axis=0).T).sum())
        last_step = 0.2 if f" in {transfer.task.horizon} steps" in trail.label else 0.0  # not in the way; see `trails`
        assert abs(metres - judged["measures"]["path_m"][number]) <= last_step + 1e-9
        assert trail.succeeded == judged["success"][number]
        assert f"in {judged['measures']['length'][number]:.0f} steps" in trail.label
    for panel, trail in zip(panels(scene, drawn, drawn), drawn, strict=True):
        inside = [MplPath(room.polygon).contains_point(trail.points[0]) for room in panel.house.rooms]
        assert any(inside)
        things = [(thing.position[0], thing.position[2]) for thing in panel.house.objects]
        assert all(min(np.hypot(x - a, z - b) for a, b in things) < 1e-6 for x, z in trail.targets)


def test_train_records_overrides_and_every_tensor_in_the_lineage(run: Path) -> None:
    bundle = load_bundle(run / "bundle")
    lineage = bundle.lineage
    assert lineage["overrides"][1:] == list(BUDGET)
    assert bundle.recipe is not None
    assert bundle.recipe["steps"] == 1024
    assert lineage["command"].startswith("flare train stretch_to_locobot --out ")
    assert {tensor["name"] for tensor in bundle.account} == set(bundle.state)
    assert lineage["parent"]["weights"] == lineage["policy"]
    assert read(run / "bundle" / "plan.json")["summary"]["new"] == ["look_left", "look_right", "look_up", "look_down"]
    assert sorted(bundle.pictures) == ["head", "robot"]
    assert read(run / "bundle" / "lineage.json")["command"] == lineage["command"]
    assert load_bundle(run / "bundle").task["horizon"] == 24


def test_train_refuses_a_folder_that_holds_a_run(run: Path, tiny: Path) -> None:
    again = flare("train", "stretch_to_locobot", "--out", run, *overrides(f"policy={tiny}", *BUDGET))
    assert again.exit_code == 1
    assert "holds a run already. Add --resume" in again.output
    assert "Action head" not in again.output  # it is refused before the plan is printed
    other = flare("train", "stretch_to_locobot", "--out", run, "--resume", *overrides(f"policy={tiny}", *BUDGET, "recipe.steps=2048"))
    assert other.exit_code == 1
    assert "was begun with another recipe" in other.output
    assert "flare train stretch_to_locobot --out" in " ".join(other.output.split()), "the command to give again"


def test_a_run_does_not_go_on_with_another_policy_or_other_workers(run: Path, tiny: Path, tmp_path: Path) -> None:
    bundle = load_bundle(tiny)
    head = bundle.state["actor.head.bias"]
    save_bundle(tmp_path / "other", replace(bundle, state={**bundle.state, "actor.head.bias": head + 1}))
    resumed = flare("train", "stretch_to_locobot", "--out", run, "--resume", *overrides(f"policy={tmp_path}/other", *BUDGET))
    assert resumed.exit_code == 1
    assert "was begun with another policy, transfer" in resumed.output
    one = flare("train", "stretch_to_locobot", "--out", run, "--resume", "--workers", "1", *overrides(f"policy={tiny}", *BUDGET))
    assert "was begun with another workers" in one.output


def test_train_does_not_write_among_other_files_and_says_what_is_damaged(run: Path, tiny: Path, tmp_path: Path) -> None:
    home = tmp_path / "thesis"
    home.mkdir()
    (home / "chapter1.tex").write_text("years of work")
    words = ("train", "stretch_to_locobot", *overrides(f"policy={tiny}", *BUDGET))
    refused = flare(*words, "--out", home)
    assert refused.exit_code == 1
    assert "is not empty (it holds 'chapter1.tex') and is no run" in refused.output
    assert [path.name for path in home.iterdir()] == ["chapter1.tex"]
    for name in ("run.json", "before.json"):
        copy = tmp_path / name.removesuffix(".json")
        shutil.copytree(run, copy)
        (copy / name).write_text((copy / name).read_text()[:40])
        damaged = flare(*words, "--out", copy, "--resume")
        assert damaged.exit_code == 1
        assert f"{name}: is damaged. Remove" in damaged.output


def test_a_tracker_that_is_not_installed_is_told_before_the_plan(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackio", None)
    words = ("train", "stretch_to_locobot", "--out", tmp_path / "run", "--track", "trackio")
    refused = flare(*words, *overrides(f"policy={tiny}", *BUDGET))
    assert refused.exit_code == 1
    assert "trackio is not installed" in refused.output
    assert "Action head" not in refused.output
    assert not (tmp_path / "run").exists()


def test_a_run_in_which_the_policy_would_never_learn_is_refused(tiny: Path, tmp_path: Path) -> None:
    short = flare("train", "stretch_to_locobot", "--out", tmp_path / "short", *overrides(f"policy={tiny}", "recipe.steps=4096"))
    assert short.exit_code == 1
    assert "-o recipe.steps: steps (4,096) has to be more than critic_warmup_steps (30,000), or the policy never learns" in " ".join(
        short.output.split()
    )


def test_a_run_is_judged_in_the_houses_that_were_asked_for_with_the_most_probable_actions_beside(
    run: Path, tiny: Path, tmp_path: Path
) -> None:
    words = ("train", "stretch_to_locobot", "--out", tmp_path / "val", "--split", "val")
    assert flare(*words, *overrides(f"policy={tiny}", *BUDGET, "recipe.steps=256")).exit_code == 0
    val, test = read(tmp_path / "val" / "results.json"), read(run / "results.json")
    assert (val["split"], test["split"]) == ("val", "test")
    assert read(tmp_path / "val" / "before.json")["measures"]["shortest_m"] != read(run / "before.json")["measures"]["shortest_m"]
    assert "held-out val episodes" in (tmp_path / "val" / "results.md").read_text()
    assert test["greedy"]["before"]["episodes"] == 6
    assert test["greedy"]["before"]["use"] != test["before"]["use"]


def test_pictures_are_refused_before_anything_is_drawn_if_they_are_no_png(tmp_path: Path) -> None:
    for words in (("show", "locobot", "--out", tmp_path / "x.txt"), ("houses", HOUSE, "--picture", tmp_path / "x.txt")):
        refused = flare(*words)
        assert refused.exit_code == 2
        assert "pictures are PNG files; give a name that ends in .png" in " ".join(refused.output.split())


def test_adapt_does_not_replace_a_bundle(run: Path, tiny: Path) -> None:
    before = (run / "bundle" / "bundle.json").read_bytes()
    refused = flare("adapt", "stretch_to_locobot", "--out", run / "bundle", *overrides(f"policy={tiny}"))
    assert refused.exit_code == 1
    assert "holds a bundle already" in refused.output
    assert (run / "bundle" / "bundle.json").read_bytes() == before
    assert f"Did you mean {run / 'bundle'}?" in flare("evaluate", run).output.replace("\n", "")


def test_adapt_writes_what_train_begins_with(run: Path, tiny: Path, tmp_path: Path) -> None:
    settings = overrides(f"policy={tiny}", *BUDGET)
    result = flare("adapt", "stretch_to_locobot", "--out", tmp_path / "a", *settings)
    assert result.exit_code == 0
    assert "actor.head.weight" in result.output
    assert flare("adapt", "stretch_to_locobot", "--out", tmp_path / "raw", "--no-calibrate", *settings).exit_code == 0
    adapted, raw, tuned = (load_bundle(path) for path in (tmp_path / "a", tmp_path / "raw", run / "bundle"))
    new = slice(8, 12)  # the four camera actions
    assert not torch.equal(adapted.state["actor.head.bias"][new], raw.state["actor.head.bias"][new])
    assert torch.equal(adapted.state["actor.head.bias"][:8], raw.state["actor.head.bias"][:8])
    assert not torch.equal(tuned.state["actor.head.weight"], adapted.state["actor.head.weight"])
    assert torch.equal(tuned.state["encoder.read.weight"], adapted.state["encoder.read.weight"])  # frozen
    assert adapted.source is not None
    assert adapted.source.name == "stretch_re1"


def test_evaluate_plays_the_runs_own_episodes_again(run: Path) -> None:
    result = flare("evaluate", run / "bundle", "--episodes", "6", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["rows"]["test houses, sampled"]
    assert found == read(run / "results.json")["after"]


def test_evaluate_compares_on_the_same_episodes_and_plays_in_given_houses(run: Path, tiny: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    assert flare("adapt", "stretch_to_locobot", "--out", before, *overrides(f"policy={tiny}", *BUDGET)).exit_code == 0
    words = ("--episodes", "6", "--greedy", "--house", HOUSE, "--against", before, "--json")
    found = json.loads(flare("evaluate", run / "bundle", *words).stdout)
    assert list(found["rows"]) == [
        "test houses, sampled", "test houses, greedy", "house_746, sampled", "house_746, greedy", "before, test houses, sampled",
    ]  # fmt: skip
    kept = read(run / "results.json")
    assert found["against"]["before"] == kept["before"]
    assert found["against"]["difference"] == kept["difference"]


def test_evaluate_plays_another_task_than_the_bundles_own(run: Path) -> None:
    found = json.loads(flare("evaluate", run / "bundle", "--episodes", "2", "--task", "roomnav", "--json").stdout)
    assert found["task"] == "roomnav"
    assert found["rows"]["test houses, sampled"]["episodes"] == 2
    refused = flare("evaluate", run / "bundle", "--episodes", "2", "--task", "pickup")
    assert refused.exit_code == 1
    assert "locobot can hold nothing" in refused.output


def test_evaluate_refuses_to_pair_what_is_no_pair(run: Path, tiny: Path) -> None:
    result = flare("evaluate", run / "bundle", "--episodes", "4", "--against", tiny)
    assert result.exit_code == 1
    assert "do not play the same episodes" in result.output


def test_train_without_a_transfer_writes_one_and_names_the_lines_that_are_missing(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("train", "--policy", tiny, *TURTLEBOT, "--out", out, "--workers", "1", *overrides(*BUDGET))
    refused = flare(*words)
    assert refused.exit_code == 1
    assert "Add `manipulation: absent` under `views:`" in refused.output
    assert f"`flare plan {out / 'transfer.yaml'} --write` adds every line" in refused.output
    assert "embodiment: turtlebot4" in (out / "transfer.yaml").read_text()
    assert flare("plan", out / "transfer.yaml", "--write").exit_code == 0
    done = flare(*words)
    assert done.exit_code == 0, done.output
    assert (out / "bundle" / "README.md").exists()
    other = flare("train", "--policy", tiny, "--embodiment", "locobot", "--task", "objectnav", "--out", out)
    assert other.exit_code == 1
    assert "another embodiment turtlebot4, another task objectnav_short" in other.output


def test_ctrl_c_saves_and_a_resumed_run_ends_as_one_that_was_not_stopped(run: Path, tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "stopped"
    words = ("train", "stretch_to_locobot", "--out", out, *overrides(f"policy={tiny}", *BUDGET))

    def press() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not ((out / "log.jsonl").exists() and (out / "log.jsonl").stat().st_size):
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    stopped = flare(*words)
    presser.join()
    assert stopped.exit_code == 130
    assert "which are kept. Go on with:\n  flare train " in stopped.output
    assert stopped.output.rstrip().endswith(" --resume")
    assert not (out / "bundle").exists()
    steps = [json.loads(line)["steps"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert f"Stopped at {steps[-1]:,} steps" in stopped.output
    before = json.loads((out / "before.json").read_text())
    (out / "before.json").write_text(json.dumps(before | {"seconds": 7000.0}))
    assert flare(*words, "--resume").exit_code == 0
    assert weights_digest(load_bundle(out / "bundle").state) == weights_digest(load_bundle(run / "bundle").state)
    assert json.loads((out / "results.json").read_text())["seconds"] > 7000, "what was spent before the stop counts too"


def test_the_first_ctrl_c_waits_for_a_safe_point_and_the_second_does_not(capfd: pytest.CaptureFixture[str]) -> None:
    with Stopping(ConsoleWatcher()) as watcher:
        watcher.stage("work", 3)
        watcher.advance(1)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            watcher.advance(2)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert "press Ctrl-C again" in capfd.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_time_left_is_told_from_the_pace_since_the_resumption(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 20.0, 40.0])
    monkeypatch.setattr("flare_core.runs.console.time", SimpleNamespace(monotonic=lambda: next(clock)))
    watcher = ConsoleWatcher()
    watcher.stage("work", 100, done=80)
    watcher.advance(80)
    watcher.advance(90)
    assert capfd.readouterr().err.splitlines() == ["work: 80 of 100.", "work: 90 of 100, 40 s left."]


def test_pretrain_sees_imitates_and_practises_and_writes_a_bundle_each_time(tmp_path: Path) -> None:
    views = ("views.navigation.width=32", "views.navigation.height=18", "views.manipulation.width=16", "views.manipulation.height=9")
    (tmp_path / "brief.yaml").write_text("kind: task\nextends: objectnav_short\nname: brief\nhorizon: 40\n")
    small = ("houses=4", "evaluation_episodes=4", f"task={tmp_path}/brief.yaml", *views)
    settings = (
        "cloning.steps=512", "cloning.rows=4", "cloning.rollout=16", "cloning.minibatches=1",
        "perception.frames=512", "perception.buffer=256", "perception.batch=32",
    )  # fmt: skip
    result = flare("pretrain", "objectnav_stretch_plain", "--out", tmp_path / "run", "--workers", "2", *overrides(*small, *settings))
    assert result.exit_code == 0, result.output
    assert "expert" in result.output
    first = load_bundle(tmp_path / "run" / "bundle")
    assert first.embodiment.name == "stretch_re1"
    (tmp_path / "tiny.yaml").write_text(
        "kind: recipe\nextends: practice\nname: tiny\nsteps: 512\nrows: 4\nrollout: 16\nminibatches: 1\ncritic_warmup_steps: 0\nhouses: 4\n"
    )
    practice = overrides(*small, f"start={tmp_path}/run/bundle", f"practice.recipe={tmp_path}/tiny.yaml", "ending.episodes=4")
    result = flare("pretrain", "objectnav_stretch", "--out", tmp_path / "more", "--workers", "2", *practice)
    assert result.exit_code == 0, result.output
    second = load_bundle(tmp_path / "more" / "bundle")
    changed = {name.split(".")[0] for name, value in first.state.items() if not torch.equal(value, second.state[name])}
    assert changed == {"actor"}
    assert [one["command"] for one in second.lineage["ancestors"]] == [first.lineage["command"]]
    assert second.lineage["parent"]["weights"] == weights_digest(first.state)
    assert second.recipe is not None
    assert second.recipe["steps"] == 512


def test_pretraining_without_a_beginning_is_refused(tmp_path: Path) -> None:
    blind = flare("pretrain", "objectnav_stretch_plain", "--out", tmp_path / "run", "-o", "perception=null")
    assert blind.exit_code == 1
    assert "without `perception` there is nothing to begin with" in " ".join(blind.output.split())
    early = flare("pretrain", "objectnav_stretch", "--out", tmp_path / "run", "-o", f"start={tmp_path}/nosuch")
    assert early.exit_code == 1
    assert "First make it: `flare pretrain`" in " ".join(early.output.split())
    assert not (tmp_path / "run").exists()


def test_bench_measures_three_things_and_names_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "make_tuner", partial(benchmark.make_tuner, rows=8))
    result = flare("bench", "--seconds", "0.1")
    assert result.exit_code == 0, result.output
    for words in ("renderer, frames of 64x64", "environment, steps of stretch_re1 with 2 cameras", "training, steps of", "cores", "torch"):
        assert words in result.output


def test_a_limit_of_ones_own_trains_by_yaml_alone_and_its_cost_stands_in_the_table(tiny: Path, tmp_path: Path) -> None:
    task = tmp_path / "careful.yaml"
    task.write_text(
        "kind: task\nextends: objectnav_short\nconstraints:\n  collisions_per_episode: {at_most: 1, by: lagrange}\n"
        "  lingering: {at_most: 0, by: lagrange, when: 'looked_around(at_least_deg: 90)'}\n"
        "metrics: {turned_half: 'looked_around(at_least_deg: 180)'}\n"
    )
    out = tmp_path / "run"
    changes = (f"policy={tiny}", f"task={task}", *BUDGET, "recipe.evaluate_greedy=false", "recipe.horizon=5")
    result = flare("train", "stretch_to_locobot", "--out", out, *overrides(*changes))
    assert result.exit_code == 0, result.output
    results = read(out / "results.json")
    assert "greedy" not in results
    assert {"cost/collisions_per_episode", "cost/lingering"} <= set(results["differences"])
    assert results["before"]["cost/lingering"] > 0
    assert "lingering, cost" in result.output
    assert "turned half, % of" in " ".join(result.output.split())
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert max(record["length"] for record in log if record["length"] is not None) <= 5  # training is cut off earlier than judging
    assert results["before"]["length"] > 5
    assert len(log[-1]["multipliers"]) == 2
    assert log[-1]["multipliers"][1] > 0  # every episode looks around that far
