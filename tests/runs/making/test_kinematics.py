"""Forward kinematics of random chains against 4 x 4 matrices by hand, through to the words of a spec."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flare_core.embodiments.directions import along
from flare_core.runs.making.from_urdf import find_in
from flare_core.runs.making.urdf_robot import read_robot

pytest.importorskip("yourdfpy")

Array = npt.NDArray[np.float64]
Pose = tuple[list[float], list[float]]
length = st.floats(-0.3, 0.3).map(lambda value: round(value, 3))
angle = st.floats(-3.1, 3.1).map(lambda value: round(value, 3))
pose = st.tuples(st.lists(length, min_size=3, max_size=3), st.lists(angle, min_size=3, max_size=3))


def turn(axis: Array, angle: float) -> Array:
    """Rodrigues' formula, (3, 3)."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross)


def matrix(xyz: list[float], rpy: list[float]) -> Array:
    """URDF's origin: roll about x, then pitch about y, then yaw about z, all fixed."""
    x, y, z = np.eye(3)
    found = np.eye(4)
    found[:3, :3] = turn(z, rpy[2]) @ turn(y, rpy[1]) @ turn(x, rpy[0])
    found[:3, 3] = xyz
    return found


def origin(said: Pose) -> str:
    return f'<origin xyz="{" ".join(map(str, said[0]))}" rpy="{" ".join(map(str, said[1]))}"/>'


BASE = '<link name="l0"><collision><origin xyz="0 0 1"/><geometry><box size="3 3 2"/></geometry></collision></link>'


@given(poses=st.lists(pose, min_size=1, max_size=5), camera=pose, optical=st.booleans())
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mount_is_what_matrices_by_hand_say(poses: list[Pose], camera: Pose, optical: bool, tmp_path: Path) -> None:
    name = "eye_camera_optical_frame" if optical else "eye_camera"
    links = [f"l{at}" for at in range(len(poses) + 1)]
    text = ['<robot name="chain">', BASE, *(f'<link name="{link}"/>' for link in links[1:]), f'<link name="{name}"/>']
    whole = np.eye(4)
    whole[2, 3] = 1.5  # so that no chain ends below the floor
    for at, said in enumerate(poses):
        lifted = ([said[0][0], said[0][1], round(said[0][2] + (1.5 if at == 0 else 0), 3)], said[1])
        parts = f'<parent link="{links[at]}"/><child link="{links[at + 1]}"/>{origin(lifted)}'
        text.append(f'<joint name="j{at}" type="fixed">{parts}</joint>')
        whole = whole @ matrix(*said)
    whole = whole @ matrix(*camera)
    text.append(f'<joint name="eye" type="fixed"><parent link="{links[-1]}"/><child link="{name}"/>{origin(camera)}</joint></robot>')
    (tmp_path / "chain.urdf").write_text("".join(text))
    mount = find_in(tmp_path / "chain.urdf").value("cameras", "eye_camera", "mount")
    assert isinstance(mount, dict)
    said_values = {key: float(value) for key, value in mount.items() if isinstance(value, int | float)}
    get = said_values.get
    place = [along(get("forward_m"), get("back_m")), along(get("left_m"), get("right_m")), get("up_m")]
    assert place == pytest.approx(whole[:3, 3].tolist(), abs=2e-4)
    pitch, yaw = along(get("pitch_down_deg"), get("pitch_up_deg")), along(get("yaw_left_deg"), get("yaw_right_deg"))
    # From the words of the spec back to a direction: ahead is x; left turns it towards y, down towards -z.
    ahead = turn(np.array([0.0, 0, 1]), math.radians(yaw)) @ turn(np.array([0.0, 1, 0]), math.radians(pitch)) @ np.array([1.0, 0, 0])
    assert ahead.tolist() == pytest.approx((whole[:3, 2] if optical else whole[:3, 0]).tolist(), abs=4e-4)


@given(poses=st.lists(pose, min_size=2, max_size=5), data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_moving_joints_are_where_matrices_by_hand_say(poses: list[Pose], data: st.DataObject, tmp_path: Path) -> None:
    kinds = [data.draw(st.sampled_from(["fixed", "revolute", "prismatic", "continuous"])) for _ in poses]
    axes = [data.draw(st.sampled_from([[1.0, 0, 0], [0, -1.0, 0], [0, 0, 2.0], [1.0, 2.0, -1.0]])) for _ in poses]
    values = [data.draw(st.floats(-0.4, 0.4)) for _ in poses]
    text, whole = ['<robot name="chain"><link name="l0"/>'], np.eye(4)
    for at, said in enumerate(poses):
        axis, value = np.array(axes[at]), values[at]
        limit = '<limit lower="-0.5" upper="0.5"/>' if kinds[at] in ("revolute", "prismatic") else ""
        inner = f'<parent link="l{at}"/><child link="l{at + 1}"/>{origin(said)}<axis xyz="{" ".join(map(str, axes[at]))}"/>{limit}'
        text.append(f'<link name="l{at + 1}"/><joint name="j{at}" type="{kinds[at]}">{inner}</joint>')
        moved = np.eye(4)
        if kinds[at] == "prismatic":
            moved[:3, 3] = value * axis / np.linalg.norm(axis)
        elif kinds[at] != "fixed":
            moved[:3, :3] = turn(axis, value)
        whole = whole @ matrix(*said) @ moved
    (tmp_path / "chain.urdf").write_text("".join([*text, "</robot>"]))
    robot = read_robot(tmp_path / "chain.urdf")
    moving = {f"j{at}": values[at] for at, kind in enumerate(kinds) if kind != "fixed"}
    np.testing.assert_allclose(robot.posed(**moving)[f"l{len(poses)}"], whole, atol=1e-9)
