"""The commands that read, plan and show: what they print, what they refuse, and with which exit code."""

import json
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from flare_core.adapters.plan import Plan
from flare_core.cli import main
from flare_core.houses.validate import document_faults
from tests.cli_tools import flare, overrides, tiny_bundle

HOUSE = Path(__file__).parent / "data" / "houses" / "house_746.json"
COMMANDS = (
    "check", "list", "show", "describe", "schema", "plan", "adapt", "import", "pretrain", "train", "evaluate", "watch", "push", "pull",
    "migrate", "serve", "act", "houses", "bench", "doctor", "thor-engine", "thor-record", "new", "report",
)  # fmt: skip
TURTLEBOT = "kind: transfer  # mine\npolicy: {policy}\nembodiment: turtlebot4\ntask: objectnav_short\n"
CHOICES = "views:\n  navigation: {from: oakd, fit: resize}\n  manipulation: absent\n"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def transfer(tiny: Path, tmp_path: Path) -> Path:
    """A transfer to a TurtleBot that lacks its choices."""
    path = tmp_path / "mine.yaml"
    path.write_text(TURTLEBOT.format(policy=tiny))
    return path


def test_every_command_has_its_help() -> None:
    assert sorted(main.commands) == sorted(COMMANDS)
    for command in COMMANDS:
        assert flare(command, "--help").output.startswith(f"Usage: main {command}")


def test_help_imports_nothing_that_computes() -> None:
    script = "import sys; from flare_core.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "click" in loaded
    assert not loaded & {"torch", "numba", "numpy", "matplotlib", "rich", "pydantic", "yaml", "gymnasium"}


def test_check_says_ok_for_every_kind() -> None:
    result = flare("check", "locobot", "objectnav", "graft", "objectnav_stretch")
    assert result.exit_code == 0
    begun = [
        "locobot: ok, embodiment locobot: 12 actions, 1 camera",
        "objectnav: ok, task objectnav: 15 targets, 5 templates, horizon 600",
        "graft: ok, recipe graft: ",
        "objectnav_stretch: ok, pretraining objectnav_stretch: stretch_re1, objectnav, ",
    ]
    assert [line[: len(start)] for line, start in zip(result.output.splitlines(), begun, strict=True)] == begun


def test_check_reports_the_faults_of_all_files_and_still_reads_the_good_ones(tmp_path: Path) -> None:
    bad, odd = tmp_path / "bad.yaml", tmp_path / "odd.yaml"
    bad.write_text("kind: recipe\nextends: graft\nstepss: 5\nrows: many\n")
    odd.write_text("kind: receipt\n")
    result = flare("check", bad, "graft", odd, "nosuch")
    assert result.exit_code == 1
    assert "graft: ok" in result.output
    assert f"{bad}:3: stepss: no such key 'stepss'" in result.output
    assert f"{bad}:4: rows: should be a valid integer; got 'many'" in result.output
    assert f"{odd}:1: kind: no kind 'receipt'." in result.output
    assert "nosuch: no such file, and no packaged spec has this name" in result.output


def test_check_offers_the_file_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bot.yaml").write_text("kind: embodiment\nextends: locobot\n")
    assert "no packaged spec has this name. Did you mean the file bot.yaml? See" in flare("check", "bot").output


def test_check_refuses_a_task_with_a_word_that_has_no_vector(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("kind: task\nextends: objectnav\ntemplates: ['fnid {a} {target}']\n")
    result = flare("check", path)
    assert result.exit_code == 1
    assert "mine.yaml:3: templates.0: the word 'fnid' has no vector" in result.output
    assert "Did you mean 'find'?" in result.output


def test_check_plans_a_transfer(transfer: Path) -> None:
    assert "Add `manipulation: absent` under `views:`" in flare("check", transfer).output
    transfer.write_text(transfer.read_text() + CHOICES)
    assert flare("check", transfer).output == f"{transfer}: ok, transfer mine: stretch_re1 to turtlebot4, 0 new rows\n"


def test_list_names_every_kind() -> None:
    lines = flare("list").output.splitlines()
    assert [line.split(":")[0] for line in lines] == ["embodiment", "task", "recipe", "transfer", "pretraining", "bundle"]
    assert "locobot" in lines[0]


def test_show_draws_the_robot_and_what_it_sees(tmp_path: Path) -> None:
    picture = tmp_path / "robot.png"
    result = flare("show", "locobot", "--out", picture)
    assert result.exit_code == 0
    assert "radius 0.176 m, 0.89 m high" in result.output
    assert "pan 90° left to 90° right" in result.output
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_schema_writes_one_file_for_each_kind(tmp_path: Path) -> None:
    assert flare("schema", "--out", tmp_path).exit_code == 0
    kinds = sorted(path.stem for path in tmp_path.glob("*.json"))
    assert kinds == ["embodiment", "pretraining", "recipe", "task", "transfer"]
    assert sorted(json.loads(flare("schema").output)) == kinds


def test_plan_refuses_and_names_every_line_to_add(transfer: Path) -> None:
    result = flare("plan", transfer)
    assert result.exit_code == 1
    assert "Add `navigation: {from: oakd, fit: resize}` under `views:`" in result.output
    assert "Add `manipulation: absent` under `views:`" in result.output


def test_plan_writes_the_missing_lines_and_leaves_the_rest(transfer: Path) -> None:
    before = transfer.read_text()
    result = flare("plan", transfer, "--write")
    assert result.exit_code == 0
    assert transfer.read_text() == before + CHOICES
    again = flare("plan", transfer, "--write")
    assert again.exit_code == 0
    assert transfer.read_text() == before + CHOICES


def test_plan_does_not_write_to_a_packaged_transfer(tiny: Path) -> None:
    result = flare("plan", "stretch_to_turtlebot4", "--write", *overrides(f"policy={tiny}", "embodiment=locobot"))
    assert result.exit_code == 1
    assert "is a packaged transfer. Copy it to a file of your own" in result.output


def test_plan_shows_head_views_and_body_inputs(tiny: Path) -> None:
    output = flare("plan", "stretch_to_locobot", *overrides(f"policy={tiny}")).output
    for heading in ("Action head", "Source actions left behind: pickup", "Views", "covered", "Body inputs"):
        assert heading in output
    assert "mean of the trained rows" in output


def test_plan_json_is_the_plan_with_the_share_of_the_views_that_is_covered(tiny: Path) -> None:
    def covered(fit: str) -> dict[str, float]:
        text = flare("plan", "stretch_to_locobot", "--json", *overrides(f"policy={tiny}", f"views.navigation.fit={fit}")).output
        assert Plan.from_json(text).target == "locobot"
        return cast(dict[str, float], json.loads(text)["covered"])

    assert 0.2 < covered("reproject")["navigation"] < 0.4
    assert covered("resize") == {"navigation": 1.0, "manipulation": 0.0}


def test_overrides_reach_the_spec_that_they_name(tiny: Path) -> None:
    changed = overrides(
        f"policy={tiny}",
        "recipe=flare",
        "recipe.critic_warmup_steps=7",
        "recipe.steps=77",
        "task.horizon=33",
        "embodiment.base.radius_m=0.2",
    )
    assert "recipe flare" in flare("plan", "stretch_to_locobot", *changed).output
    for key, wrong in (("recipe.stepss", "stepss"), ("task.horizn", "horizn"), ("embodiment.basse", "basse"), ("recip", "recip")):
        result = flare("plan", "stretch_to_locobot", *overrides(f"policy={tiny}", f"{key}=1"))
        assert result.exit_code == 1
        assert f"-o {key}: no such key '{wrong}'" in " ".join(result.output.split())


def test_houses_writes_houses_that_createhouse_takes(tmp_path: Path) -> None:
    assert flare("houses", "--split", "val", "--count", "2", "--out", tmp_path).exit_code == 0
    files = sorted(tmp_path.glob("*.json"))
    assert [path.name for path in files] == ["val_1000000000.json", "val_1000000001.json"]
    assert all(document_faults(json.loads(path.read_text())) == () for path in files)


def test_houses_inspects_a_real_house_and_draws_it(tmp_path: Path) -> None:
    picture = tmp_path / "house.png"
    result = flare("houses", HOUSE, "--picture", picture)
    assert result.exit_code == 0
    assert "3 door, 1 frame, 5 window; 64 objects: 8 Chair" in result.output
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["frob"], 2, "No such command"),
        (["check"], 2, "Missing argument"),
        (["check", "/"], 1, "is a folder"),
        (["plan", "nosuch"], 1, "no transfer 'nosuch'"),
        (["show", "stretch_re2", "--out", "x.png"], 1, "Did you mean 'stretch_re1'?"),
        (["evaluate", "nosuch"], 1, "there is no such folder"),
        (["evaluate", "nosuch", "--episodes", "0"], 2, "is not in the range"),
        (["houses"], 2, "give FILE.json to inspect a house, or --out"),
        (["houses", "nosuch.json"], 1, "nosuch.json"),
        (["train", "--out", "x"], 2, "without TRANSFER, --policy and --embodiment and --task must be given too"),
        (["train", "a.yaml", "--policy", "b", "--out", "x"], 2, "not both"),
        (["train", "a.yaml", "--recipe", "flare", "--out", "x"], 2, "not both"),
        (["train", "a.yaml", "--out", "x", "-o", "steps"], 2, "is not KEY=VALUE"),
        (["train", "nosuch", "--out", "x"], 1, "no transfer 'nosuch'"),
        (["pretrain", "nosuch", "--out", "x"], 1, "no pretraining 'nosuch'"),
        (["schema", "--out", "/proc/nosuch"], 1, "/proc/nosuch"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_users_fault_is_one_message_and_an_exit_code(words: list[str], code: int, message: str) -> None:
    result = flare(*words)
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output


def test_describe_tells_shows_and_scores_a_task_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "kind: task\nextends: objectnav_room\nname: mine\nsuccess: 'then(near(target, within_m: 3), facing(target, within_deg: 30))'\n"
        "reward: {collision: -0.5, terms: [{when: 'stowed()', value: 0.1, once: false}]}\nhorizon: 90\n"
        "constraints: {collisions_per_episode: {at_most: 2, by: lagrange}}\nmetrics: {came_near: 'near(target, within_m: 1)'}\n"
    )
    result = flare("describe", path, "--episodes", "6", "--out", tmp_path / "pictures")
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    for words in (
        "mine, done by stretch_re1.",
        "in rooms of a kind that is named",
        "or after 90 steps without success",
        "if then first the robot's axis is within 3 m of a target, and later the base faces a target to within 30 degrees",
        "Reward: 10 for success; -0.5 for a contact; 0.1 at every step when the arm is stowed.",
        "Limits: collisions per episode at most 2, by a multiplier that the learner finds.",
        "Metrics of its own: came near (the robot's axis is within 1 m of a target).",
        "expert",
        "random",
    ):
        assert words in text, words
    assert sorted(file.name for file in (tmp_path / "pictures").iterdir()) == ["episodes.png", "starts.png"]
    refused = flare("describe", "fetch", "--embodiment", "locobot")
    assert refused.exit_code == 1
    assert "locobot can hold nothing" in refused.output
