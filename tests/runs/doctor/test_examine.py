"""Whole machines: healthy, hostile, and this one; what is printed and with which exit code."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from flare_core.runs.doctor import machine as machines
from flare_core.runs.doctor.diagnosis import Diagnosis, Finding
from flare_core.runs.doctor.examine import examine
from flare_core.runs.doctor.machine import Answer, Machine, answer_of, is_writable, numbers, this_machine
from tests.cli_tools import flare
from tests.doctor_tools import machine, versions

KEYS = {"name", "state", "needed_for", "optional", "why_optional", "found", "mend"}


def use(monkeypatch: pytest.MonkeyPatch, found: Machine) -> None:
    monkeypatch.setattr(machines, "this_machine", lambda environment: found)


def refuse(*_: Any, **__: Any) -> Any:
    raise PermissionError(13, "Permission denied", "somewhere")


def test_a_machine_without_thor_gpu_and_hub_is_fit_for_the_toolkit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, machine(tmp_path, find_library=lambda name: None, installed=versions(ai2thor=None)))
    result = flare("doctor")
    assert result.exit_code == 0
    assert "AI2-THOR is optional: the embedded simulator, which is the default, does without AI2-THOR." in result.output
    assert "The toolkit has all that it needs." in result.output
    assert "# Vulkan loader, display\napt-get update && apt-get install -y libvulkan1\n" in result.output
    assert result.output.count("install -y libvulkan1") == 1


def test_what_the_toolkit_needs_decides_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, machine(tmp_path, free=lambda folder: 0))
    for words in (("doctor",), ("doctor", "--json")):
        assert flare(*words).exit_code == 1
    assert "The toolkit cannot work here; missing: disk of the home folder, disk of this folder." in flare("doctor").output


def test_json_is_one_object_with_the_same_content_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine(tmp_path, free=lambda folder: 0)
    use(monkeypatch, found)
    told = json.loads(flare("doctor", "--json").output)
    assert told.keys() == {"ok", "findings", "mend"}
    assert told["ok"] is False
    assert all(one.keys() == KEYS and one["state"] in ("ok", "missing", "warning") for one in told["findings"])
    assert all((one["mend"] == "") == (one["state"] == "ok") for one in told["findings"])
    assert all((one["why_optional"] != "") == one["optional"] for one in told["findings"])
    rows = [(one["name"], one["state"], one["found"]) for one in told["findings"]]
    assert rows == [(name, state, what) for name, state, _, what in examine(found).rows()[1:]]
    assert [one["command"] for one in told["mend"]] == list(dict.fromkeys(one["mend"] for one in told["findings"] if one["mend"]))


def test_commands_are_printed_unbroken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, machine(tmp_path))
    lines = flare("doctor").output.splitlines()
    assert set(examine(machine(tmp_path)).remedies()) <= set(lines)


def test_a_machine_that_refuses_everything_raises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = machine(
        tmp_path, environment={"DISPLAY": "\x00", "CUDA_VISIBLE_DEVICES": "0", "HF_ENDPOINT": "?"}, version="", requires_python=None,
        requirements=(), installed=lambda name: None, which=lambda name: name, run=lambda command, limit_s: Answer(code=None),
        find_library=lambda name: None, free=refuse, make_fifo=refuse,
    )  # fmt: skip
    for name in ("exists", "is_dir", "is_file", "iterdir", "read_text", "stat", "open"):
        monkeypatch.setattr(Path, name, refuse)
    found = examine(hostile)
    assert {"packages", "torch", "kernel cache", "memory", "WSGI", "build", "Hub login"} <= {one.name for one in found.findings}
    assert "kernel cache" in found.lacking


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_other_systems_can_be_looked_at(tmp_path: Path, system: str) -> None:
    assert examine(machine(tmp_path, system=system)).lacking == ()


def test_wsgi_is_told_of_only_where_there_are_no_pipes(tmp_path: Path) -> None:
    assert "WSGI" not in {one.name for one in examine(machine(tmp_path)).findings}
    assert "WSGI" in {one.name for one in examine(machine(tmp_path, make_fifo=refuse)).findings}


def test_this_machine_is_looked_at_without_changing_it_and_without_a_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    environment = dict(os.environ) | {"HOME": str(tmp_path)}
    monkeypatch.setenv("HOME", str(tmp_path))
    found = examine(this_machine(environment))
    told = {one.name: one for one in found.findings}
    assert (told["Python"].state, told["packages"].state, told["torch"].state) == ("ok", "ok", "ok")
    assert (told["Hub login"].state == "ok") == any(environment.get(name) for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"))
    assert list(tmp_path.iterdir()) == []


def test_each_command_is_told_once_with_all_that_it_mends() -> None:
    findings = tuple(
        Finding(name=name, needed_for="Hub", state="ok" if not mend else "warning", found="", mend=mend)
        for name, mend in (("a", "x"), ("b", ""), ("c", "y"), ("d", "x"))
    )
    assert Diagnosis(findings=findings).remedies() == {"x": ("a", "d"), "y": ("c",)}


def test_a_program_that_hangs_is_stopped_with_all_that_it_started() -> None:
    begun = time.monotonic()
    answer = answer_of(["sh", "-c", "sleep 60 & sleep 60"], 0.2, os.environ)
    assert answer == Answer(code=None, complaint="no answer within 0.2 s")
    assert time.monotonic() - begun < 10


def test_programs_answer_with_their_code_text_and_last_complaint() -> None:
    answer = answer_of(["sh", "-c", "echo $WORD; echo one >&2; echo two >&2; exit 3"], 10, {"WORD": "told", "PATH": os.environ["PATH"]})
    assert answer == Answer(code=3, text="told\n", complaint="two")
    assert answer_of(["/no/such/program"], 10, {}).code is None


def test_looking_whether_a_folder_is_writable_leaves_nothing_behind(tmp_path: Path) -> None:
    assert is_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    assert not is_writable(tmp_path / "file")


@pytest.mark.parametrize(("version", "release"), [("2.13.0+cpu", (2, 13, 0)), ("3.13.0rc1", (3, 13, 0)), ("0+966bd", (0,)), ("x", ())])
def test_versions_are_compared_by_their_release(version: str, release: tuple[int, ...]) -> None:
    assert numbers(version) == release
