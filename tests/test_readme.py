"""What the README says holds: its table is that of the last full run, its robot can be read, its links and commands exist."""

import json
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from flare_core.bundles.bundle import load_bundle, weights_digest
from flare_core.cli import main
from flare_core.embodiments.spec import load_embodiment
from flare_core.evaluation.report import comparison_table, markdown
from flare_core.runs.compose import load_plan
from flare_core.tasks.spec import load_task

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "results" / "demo.json"
BEGIN, END = "<!-- result of make demo -->", "<!-- end of result -->"


def filler(name: str = "fill_readme") -> ModuleType:
    """A script as a module."""
    found = spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_every_table_in_the_readme_is_that_of_its_committed_result() -> None:
    readme = (ROOT / "README.md").read_text()
    assert filler().filled(readme) == readme, "run python scripts/fill_readme.py"


def test_the_demo_of_the_readme_is_the_last_full_run() -> None:
    result = json.loads(RESULT.read_text())
    shown = (ROOT / "README.md").read_text().split(BEGIN)[1].split(END)[0]
    assert markdown(comparison_table(result)) in shown
    assert result["before"]["episodes"] == result["after"]["episodes"] >= 500
    assert result["difference"]["low"] > 0, "fine-tuning has to gain something"


def test_the_table_of_tasks_is_that_of_its_committed_scores_and_of_the_specs_that_come_along() -> None:
    scores, page = json.loads((ROOT / "results" / "tasks.json").read_text()), (ROOT / "docs" / "tasks.md").read_text()
    assert filler("judge_tasks").filled(page, scores) == page, "run python scripts/judge_tasks.py --page-only"
    for name, found in scores["tasks"].items():
        assert found["spec_sha256"] == load_task(name)[1].sha256, name
        assert found["expert"]["success_low"] > 0.9
        assert found["random"]["success_high"] < 0.05


def test_the_tasks_of_the_page_are_valid(tmp_path: Path) -> None:
    texts = re.findall(r"```yaml[^\n]*\n(kind: task\n.*?)```", (ROOT / "docs" / "tasks.md").read_text(), flags=re.DOTALL)
    assert len(texts) == 2
    for at, text in enumerate(texts):
        (tmp_path / f"{at}.yaml").write_text(text)
        load_task(tmp_path / f"{at}.yaml")


def demo_overrides() -> list[str]:
    """What `make demo` changes of its transfer."""
    line = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("DEMO := "))
    return line.removeprefix("DEMO := -o ").split(" -o ")


@pytest.mark.parametrize("name", ["demo", "locobot", "turtlebot4"])
def test_results_are_of_the_policy_and_the_specs_that_come_along(name: str) -> None:
    path = ROOT / "results" / f"{name}.json"
    result = json.loads(path.read_text())
    overrides = demo_overrides() if name == "demo" else []
    found = load_plan(result["transfer"], [tuple(pair.split("=")) for pair in overrides])
    hashes = {"transfer": found.loaded, "embodiment": found.embodiment, "task": found.task_spec, "recipe": found.recipe_spec}
    assert result["specs"] == {kind: spec.sha256 for kind, spec in hashes.items()}
    assert result["policy"] == weights_digest(found.bundle.state)
    assert (result["split"], result["overrides"]) == ("test", overrides)
    assert result["difference"]["low"] > 0


@pytest.mark.parametrize(
    ("name", "transfer"), [("view_fit_locobot", "stretch_to_locobot"), ("view_fit_turtlebot4", "stretch_to_turtlebot4")]
)
def test_views_were_chosen_for_the_policy_that_comes_along(name: str, transfer: str) -> None:
    result = json.loads((ROOT / "results" / f"{name}.json").read_text())
    found = load_plan(transfer)
    assert result["policy"] == weights_digest(found.bundle.state)
    used = next(entry.fit for entry in found.plan.views.entries if entry.view == "navigation")
    assert result["fits"][used]["success"] == max(fit["success"] for fit in result["fits"].values())


def test_the_robot_of_the_readme_has_ten_lines_and_is_valid(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(kind: embodiment\n.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert len(text.splitlines()) == 10
    path = tmp_path / "mybot.yaml"
    path.write_text(text)
    body, _ = load_embodiment(path)
    assert body.action_names == ("move_ahead", "rotate_right", "rotate_left", "done")
    assert body.camera_for("navigation") is not None


LINKING = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.stem)
def test_links_lead_to_files(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        assert link.startswith(("https://", "#")) or (page.parent / link.partition("#")[0]).is_file(), link


@pytest.mark.parametrize("page", [page for page in LINKING if page.parent != ROOT], ids=lambda page: page.stem)
def test_links_of_the_documentation_lead_to_what_the_site_has_too(page: Path) -> None:
    at_the_top = {ROOT / name for name in ("README.md", *filler("site_hooks").AT_THE_TOP)}
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if not link.startswith(("https://", "#")):
            target = (page.parent / link.partition("#")[0]).resolve()
            assert target in at_the_top or (ROOT / "docs") in target.parents, f"{page.name}: {link} is no page; write its path as code"


def test_every_command_is_in_the_readme_and_no_other() -> None:
    named = set(re.findall(r"\bflare ([a-z]+(?:-[a-z]+)*)", (ROOT / "README.md").read_text()))
    assert named == set(main.commands) - {"schema"}


def test_pictures_are_small() -> None:
    assert all(path.stat().st_size < 150_000 for path in (ROOT / "docs" / "pictures").glob("*.png"))


def test_the_table_of_fine_tuned_tasks_is_that_of_its_runs() -> None:
    path, page = ROOT / "results" / "finetuned.json", (ROOT / "docs" / "tasks.md").read_text()
    runs = json.loads(path.read_text()) if path.exists() else {"runs": {}}
    assert filler("finetune_tasks").filled(page, runs) == page, "run python scripts/finetune_tasks.py --page-only"
    shipped = weights_digest(load_bundle("shipped:stretch_chores").state)
    for name, run in runs["runs"].items():
        pairs = [(key.removeprefix("task."), text) for key, _, text in (one.partition("=") for one in run["changed"])]
        specs = {"embodiment": load_embodiment("stretch_re1_feeling")[1], "task": load_task(run["task"], overrides=pairs)[1]}
        assert {kind: run["specs"][kind] for kind in specs} == {kind: spec.sha256 for kind, spec in specs.items()}, name
        assert run["policy"] == shipped or run["begins_with"] != "`stretch_chores`", name


def test_the_table_of_robots_never_trained_on_is_what_the_results_say() -> None:
    script = filler("zero_shot")
    data = json.loads(script.RESULTS.read_text()) if script.RESULTS.exists() else {}
    page = script.PAGE.read_text()
    assert script.filled(page, data) == page, "run python scripts/zero_shot.py --page-only"
    outcome = {"number": [0, 1, 2, 3], "houses": [0, 0, 1, 1], "task": "objectnav_short"}
    gap = script.against(outcome | {"success": [0, 0, 0, 1]}, outcome | {"success": [1, 1, 0, 1]}, 0)
    assert gap["mean"] == 0.5
    shares = {"success": 0.5, "success_low": 0.2, "success_high": 0.8, "length": 90.0, "length_low": 80.0, "length_high": 100.0}
    row = {"robot": "locobot", "policy": script.RANDOM, "new_actions": script.MASKED, "task": "objectnav_short", **shares}
    told = script.table({"rows": [row | {"difference": {"mean": 0.1, "low": 0.0, "high": 0.2}}], "episodes": 4, "seed": 0})
    assert "| locobot | random bodies | masked | 50.0 [20.0, 80.0] | - | 90 [80, 100] | +10.0 [+0.0, +20.0] |" in told
    with pytest.raises(SystemExit, match="did not play the same episodes"):
        script.against(outcome | {"success": [0] * 4}, outcome | {"number": [0, 1, 2, 4], "success": [0] * 4}, 0)


def test_the_table_of_randomisations_is_what_the_results_say() -> None:
    script = filler("measure_randomisation")
    data = json.loads(script.RESULTS.read_text()) if script.RESULTS.exists() else {}
    page = script.PAGE.read_text()
    assert script.filled(page, data) == page, "run python scripts/measure_randomisation.py --page-only"
    outcome = {"number": [0, 1, 2, 3], "houses": [0, 0, 1, 1]}
    found = script.figures(outcome | {"success": [1, 1, 0, 1]}, outcome | {"success": [0, 0, 0, 1]}, 0)
    assert (found["success"]["mean"], found["difference"]["mean"]) == (0.75, 0.5)
    with pytest.raises(SystemExit, match="did not play the same episodes"):
        script.figures(outcome | {"success": [0] * 4}, outcome | {"houses": [0, 0, 0, 1], "success": [0] * 4}, 0)
