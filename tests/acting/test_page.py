"""The page for robot builders: its program runs, and it names every field, every message and every limit as they are."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import flare_core
from flare_core.acting import wire
from flare_core.acting.server import Limits
from flare_core.commands.acting import serve
from flare_core.embodiments.needs import needs_of
from flare_core.embodiments.spec import load_embodiment
from tests.acting.rig import grey

PAGE = (Path(__file__).parents[2] / "docs" / "robot.md").read_text()


def test_its_program_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    policy = flare_core.load("shipped:stretch_objectnav")
    done: list[object] = []
    robot = SimpleNamespace(images=lambda: grey(policy), state=policy.home_state, do=done.append)
    limit = program.replace("policy.horizon:", "5:")
    assert limit != program
    exec(limit, {"robot": robot})
    assert 1 <= len(done) <= 5
    assert len(capsys.readouterr().out.splitlines()) == len(done)


@pytest.mark.parametrize("robot", ["stretch_re1_feeling", "locobot"])
def test_it_names_every_field_of_the_state(robot: str) -> None:
    for name in needs_of(load_embodiment(robot)[0]):
        assert f"`{name.replace('head.', 'CAMERA.')}`" in PAGE


def test_it_names_every_question_and_its_fields() -> None:
    for model in (wire.Reset, wire.Act, wire.Health):
        (kind,) = model.model_fields["type"].annotation.__args__  # type: ignore[union-attr]
        (row,) = re.findall(rf"^\| `\{{type: {kind}.*$", PAGE, flags=re.MULTILINE)
        assert all(name in row for name in model.model_fields if name != "id")


def test_its_limits_are_the_defaults() -> None:
    defaults = {option.name: option.default for option in serve.params}
    assert f"--port {defaults['port']} --timeout {defaults['timeout']:g} --clients {defaults['clients']}`" in PAGE
    assert (Limits().idle_s, Limits().clients, Limits().send_s) == (defaults["timeout"], defaults["clients"], 5.0)
