"""What cannot be started, or cannot stand for a robot, is refused with one message that says how to mend it."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from flare_core.adapters.spec import SimulatorSpec
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import SimError
from flare_core.simulators.thor import launching
from flare_core.simulators.thor.launching import controller_arguments
from flare_core.simulators.thor.representation import check_window, represent
from tests.simulators.scenes import body, eye


def refused(executable: str) -> str:
    with pytest.raises(SimError) as fault:
        controller_arguments(SimulatorSpec(kind="thor", executable=executable))
    return str(fault.value)


def test_executables_that_the_client_would_choke_on_are_refused_before_it_does(tmp_path: Path) -> None:
    missing = tmp_path / "thor"
    assert (
        refused(str(missing))
        == f"simulator.executable: there is no {missing}. Check the path; `flare doctor` lists the builds that it finds"
    )
    missing.write_text("#!/bin/sh\n")
    assert refused(str(missing)) == f"simulator.executable: {missing} may not be run. `chmod +x {missing}` lets it"
    assert "is a folder. Name the executable in it" in refused(str(tmp_path))
    spaced = tmp_path / "my thor"
    spaced.write_text("#!/bin/sh\n")
    spaced.chmod(0o755)
    assert f"Write {shlex.quote(str(spaced))!r}" in refused(str(spaced))
    assert controller_arguments(SimulatorSpec(kind="thor", executable=shlex.quote(str(spaced))))["local_executable_path"]
    assert "is empty" in refused(" ")
    assert "cannot be read as a command" in refused("thor '")


def test_without_a_display_the_platform_that_needs_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(launching, "X_SOCKETS", tmp_path)
    monkeypatch.setattr(launching.sys, "platform", "linux")
    with pytest.raises(SimError, match=r"Use `simulator\.platform: CloudRendering`"):
        controller_arguments(SimulatorSpec(kind="thor"))
    assert controller_arguments(SimulatorSpec(kind="thor", platform="CloudRendering"))["platform"] == "CloudRendering"
    (tmp_path / "X3").touch()
    assert "x_display" not in controller_arguments(SimulatorSpec(kind="thor")), "the client finds it by itself"


def test_keys_of_ai2thor_do_not_go_with_the_embedded_simulator() -> None:
    with pytest.raises(ValidationError, match="executable and processes go with `kind: thor`"):
        SimulatorSpec(executable="x", processes=2)
    with pytest.raises(ValidationError, match="`executable` is a build already"):
        SimulatorSpec(kind="thor", executable="x", commit_id="y")


def test_robots_stand_for_what_they_are_in_the_modes_that_are_like_them() -> None:
    assert represent(load_embodiment("locobot")[0], "5.0.0").mode.name == "locobot"
    assert represent(load_embodiment("stretch_re1")[0], "5.0.0").mode.name == "stretch"
    found = represent(load_embodiment("turtlebot4")[0], "nanna", round_base="box")
    assert found.mode.name == "fpin"
    size = found.initialize["agentInitializationParams"]["colliderScaleRatio"]
    assert size == pytest.approx({"x": 0.35, "y": 0.351, "z": 0.35})
    assert found.differences == ("base: the square of 0.35 m around a circle; its corners stick out by 0.072 m",)


def test_a_robot_that_no_mode_can_stand_for_is_refused_with_what_is_in_the_way_of_each() -> None:
    with pytest.raises(SimError) as fault:
        represent(load_embodiment("turtlebot4")[0], "5.0.0")
    assert str(fault.value).splitlines() == [
        "turtlebot4: no agent mode of build 5.0.0 can stand for it.",
        "  stretch: it has an arm, and the robot has none; its radius is 0.185 m, the robot's 0.175 m; its height is 1.437 m, the "
        "robot's 0.351 m; its middle ahead is -0.109 m, the robot's 0.000 m",
        "  locobot: its height is 0.900 m, the robot's 0.351 m",
        "  default: its radius is 0.200 m, the robot's 0.175 m; its height is 1.800 m, the robot's 0.351 m",
        "  fpin: build 5.0.0 does not have it",
    ]
    with pytest.raises(SimError, match="Write `round_base: box` under `simulator:`"):
        represent(load_embodiment("turtlebot4")[0], "nanna")
    with pytest.raises(SimError, match=r"stretch: its arm's lift is from -0.055 to 1.0457, the robot's from 0 to 0.25"):
        represent(body(), "nanna")
    with pytest.raises(SimError, match="no agent mode 'drone'"):
        represent(body(), "nanna", mode="drone")


def test_cameras_that_unity_cannot_have_are_refused() -> None:
    robot = replace(load_embodiment("locobot")[0], cameras=(eye(cx=40.0),))
    with pytest.raises(SimError, match=r"square pixels and their middle in the middle; this one is off by 12.5 %"):
        represent(robot, "nanna")
    with pytest.raises(SimError, match=r"AI2-THOR's window is 64 x 64: .* Use 113 x 64"):
        check_window(load_embodiment("locobot")[0], 64, 64)
