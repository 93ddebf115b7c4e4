"""URDFs that cannot be read: one clear message each, with line and remedy; and shapes that are told and left out."""

import time
from pathlib import Path

import pytest

from flare_core.errors import UrdfError
from flare_core.runs.making.from_urdf import find_in

pytest.importorskip("yourdfpy")

BOX = "<collision><geometry><box size='0.4 0.3 0.5'/></geometry></collision>"
BASE = f"<link name='base'>{BOX}</link>"


def joint(kind: str = "fixed", inner: str = "", *, name: str = "j", parent: str = "base", child: str = "camera") -> str:
    return f"<joint name='{name}' type='{kind}'><parent link='{parent}'/><child link='{child}'/>{inner}</joint>"


def written(folder: Path, text: str, name: str = "robot.urdf") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def robot(folder: Path, *parts: str) -> Path:
    """A robot whose parts stand on lines of their own, the first on line 2."""
    return written(folder, "\n".join(["<robot name='r'>", *parts, "</robot>"]))


CAMERA = "<link name='camera'/>"
HEAD = "<origin xyz='0 0 0.4'/>"
TILT = "<origin xyz='0 0 0.4'/><axis xyz='0 1 0'/><limit lower='-80' upper='75'/>"
FAULTS = {
    "no link": ((), "robot.urdf:1: there is no <link> in this file. Is it a part that another file includes?"),
    "no child": (("<joint name='j' type='fixed'/>", BASE), "robot.urdf:2: joint 'j' has no parent. Add <parent link=\"...\"/>"),
    "no such link": ((BASE, joint(child="camra"), CAMERA), "joint 'j': no link 'camra' to be its child. Did you mean 'camera'?"),
    "no such type": ((BASE, CAMERA, joint("revolut")), "joint 'j': no type 'revolut'. Use one of fixed, revolute, continuous, prismatic"),
    "follows nothing": (
        (BASE, CAMERA, joint("continuous", "<mimic joint='k'/>")),
        "robot.urdf:4: joint 'j': follows 'k', no joint of this name. Name the joint that the motor moves",
    ),
    "nameless beside": (("<link/>", joint(), CAMERA), "no link 'base' to be its parent"),
    "twice": ((BASE, BASE), "robot.urdf:3: the link 'base' is there already, on line 2. Give one of the two another name"),
    "nameless": (("<link/>",), "robot.urdf:2: a <link> without a name. Add name=..."),
    "two bases": ((BASE, CAMERA), "2 links hang on nothing: 'base', 'camera'. Join all but the base to the rest, with fixed joints"),
    "two parents": ((BASE, CAMERA, joint(), joint(name="k")), "link 'camera' is the child of 'j' and 'k'. A link hangs on one joint"),
    "circle": (
        (BASE, "<link name='a'/>", "<link name='b'/>", joint(parent="a", child="b"), joint(name="k", parent="b", child="a")),
        "robot.urdf:5: joints go round in a circle: 'j', 'k'. A URDF is a tree; remove one of them",
    ),
    "comma": ((BASE, CAMERA, joint(inner="<origin xyz='0,1 0 1'/>")), "joint 'j': <origin>: xyz='0,1 0 1' should be 3 numbers with spaces"),
    "nan": ((BASE, CAMERA, joint(inner="<origin xyz='0 nan 1'/>")), "<origin>: xyz='0 nan 1' should be 3 numbers with spaces between them"),
    "degrees": (
        (BASE, CAMERA, joint(inner="<origin rpy='0 90 0'/>")),
        "rpy='0 90 0' looks like degrees; a URDF is in radians. Write '0 1.5708 0'",
    ),
    "no axis": ((BASE, CAMERA, joint("continuous", "<axis xyz='0 0 0'/>")), "an axis of length 0 points nowhere"),
    "no size": (("<link name='base'><collision><geometry><box/></geometry></collision></link>",), "<box> has no size. Add size=..."),
    "limits in degrees": (
        (BASE, CAMERA, joint("revolute", TILT)),
        "joint 'j': limits of -80 and 75 rad look like degrees; a URDF is in radians. Write lower=\"-1.3963\" upper=\"1.3090\"",
    ),
    "limits swapped": (
        (BASE, CAMERA, joint("revolute", TILT.replace("-80", "1").replace("75", "-1"))),
        "joint 'j': lower 1 is above upper -1. Swap them",
    ),
    "fov in degrees": (
        (BASE, CAMERA, joint(inner=HEAD), "<gazebo reference='camera'><sensor type='camera' name='s'><camera><horizontal_fov>69"
         "</horizontal_fov></camera></sensor></gazebo>"),
        "robot.urdf:5: sensor 's': a horizontal field of view of 69 rad is none. URDF is in radians: 69 degrees are 1.2043",
    ),
    "below the floor": ((BASE, CAMERA, joint(inner="<origin xyz='0 0 -0.4'/>")), "the camera camera is 0.150 m below the floor."),
    "drives along y": (
        (BASE, *(f"<link name='wheel{at}'/>" + joint("continuous", f"<origin xyz='{x} 0 0'/><axis xyz='1 0 0'/>", name=f"j{at}",
         child=f"wheel{at}") for at, x in enumerate((-0.2, 0.2)))),
        "turn about the x axis, so the robot drives along y; ROS has x forward (REP 103)",
    ),
    "xacro inside": ((BASE, CAMERA, joint(inner="<origin xyz='0 0 ${height}'/>")), "only ROS can expand. Expand it first: `xacro "),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_told_once_with_its_remedy(name: str, tmp_path: Path) -> None:
    parts, said = FAULTS[name]
    with pytest.raises(UrdfError) as bad:
        find_in(robot(tmp_path, *parts))
    assert said in str(bad.value)


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UrdfError) as bad:
        find_in(robot(tmp_path, BASE, joint("revolut", "<origin xyz='0 0'/>"), "<joint name='k' type='fixed'/>"))
    assert len(str(bad.value).splitlines()) == 5


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.urdf", "", "a.urdf: the file is empty. A URDF begins with <robot name=...>"),
        ("a.urdf", "<sdf/>", "a.urdf:1: this is SDF, not a URDF, which begins with <robot name=...>. Convert it first"),
        ("a.urdf", "<mujoco/>", "this is MuJoCo's MJCF, not a URDF"),
        ("a.urdf", "not xml", "a.urdf:1: not valid XML"),
        ("a.urdf.xacro", "<robot/>", "a.urdf.xacro: this is xacro, which only ROS can expand. Expand it first: `xacro "),
        ("a.urdf", "<robot xmlns:xacro='http://www.ros.org/wiki/xacro'>\n<xacro:macro/></robot>", "a.urdf:2: this is xacro"),
        ("a.urdf", "<!DOCTYPE r [<!ENTITY a 'aa'>]><robot name='&a;'/>", "a.urdf: has a <!DOCTYPE> or <!ENTITY>"),
    ],
)
def test_what_is_no_urdf_is_told_by_what_it_is(name: str, text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UrdfError) as bad:
        find_in(written(tmp_path, text, name))
    assert said in str(bad.value)


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(UrdfError, match=r"no such file\. Give the path of a \.urdf file"):
        find_in(tmp_path / "no.urdf")
    with pytest.raises(UrdfError, match="is a folder, not a URDF file"):
        find_in(tmp_path)


def test_entities_in_another_encoding_and_sizes_without_end_are_refused_at_once(tmp_path: Path) -> None:
    begun = time.monotonic()
    lines = "".join(f"<!ENTITY l{at} '{f'&l{at - 1};' * 10}'>" for at in range(1, 12))
    laughs = f"<?xml version='1.0' encoding='UTF-16'?><!DOCTYPE r [<!ENTITY l0 'ha'>{lines}]><robot name='&l11;'/>"
    (tmp_path / "laughs.urdf").write_bytes(laughs.encode("utf-16"))
    with pytest.raises(UrdfError, match=r"laughs\.urdf"):
        find_in(tmp_path / "laughs.urdf")
    with pytest.raises(UrdfError, match=r"3,000 links; at most 2,000 are read"):
        find_in(robot(tmp_path, *(f"<link name='l{at}'/>" for at in range(3000))))
    with pytest.raises(UrdfError, match="not valid XML"):
        find_in(written(tmp_path, "<robot>" * 5000))
    with (tmp_path / "huge.urdf").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(UrdfError, match="has 1,073,741,824 bytes"):
        find_in(tmp_path / "huge.urdf")
    assert time.monotonic() - begun < 5


def test_a_shape_that_is_no_shape_of_urdf_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    odd = "<visual><geometry><capsule radius='1' length='2'/></geometry></visual>"
    found = find_in(robot(tmp_path, f"<link name='base'>{BOX}{odd}</link>", CAMERA, joint(inner=HEAD)))
    assert found.unread == ("robot.urdf:2: visual of base: <capsule> is no shape of URDF",)
    assert found.value("base", "width_m") == 0.3


def test_a_mesh_in_millimetres_is_told_by_its_line_and_one_with_its_scale_is_read(tmp_path: Path) -> None:
    import trimesh

    (tmp_path / "meshes").mkdir()
    trimesh.creation.box(extents=(400, 300, 500)).export(tmp_path / "meshes" / "base.stl")
    mesh = "<link name='base'><collision><geometry><mesh filename='package://{}/meshes/base.stl'{}/></geometry></collision></link>"
    with pytest.raises(UrdfError) as bad:
        find_in(robot(tmp_path, mesh.format(tmp_path.name, ""), CAMERA, joint(inner=HEAD)))
    assert "robot.urdf:2: the collision mesh of base measures 500.0 m, the robot's joints 0.40 m. Is the mesh in mill" in str(bad.value)
    found = find_in(robot(tmp_path, mesh.format(tmp_path.name, " scale='0.001 0.001 0.001'"), CAMERA, joint(inner=HEAD)))
    assert (found.value("base", "width_m"), found.value("base", "length_m"), found.value("base", "height_m")) == (0.3, 0.4, 0.65)


def test_a_camera_that_an_arm_of_hinges_carries_is_left_out_with_a_question(tmp_path: Path) -> None:
    hinge = "<axis xyz='0 1 0'/><limit lower='-1' upper='1'/>"
    arm = [
        f"<link name='a{at}'/>" + joint("revolute", hinge, name=f"j{at}", parent=f"a{at - 1}" if at else "base", child=f"a{at}")
        for at in range(3)
    ]
    found = find_in(robot(tmp_path, BASE, *arm, CAMERA, joint(name="c", parent="a2")))
    assert next(one.text for one in found.part.questions if one.loc == ("cameras",)).startswith("the camera camera is left out")
    assert found.value("cameras", "camera", "mount") == {"forward_m": 0.2, "up_m": 0.5}  # the front of the top of the base stands in


def test_of_several_cameras_none_is_taken_for_the_policys(tmp_path: Path) -> None:
    found = find_in(
        robot(tmp_path, BASE, CAMERA, joint(inner=HEAD), "<link name='rear_cam'/>", joint(name="k", child="rear_cam", inner=HEAD))
    )
    assert {one.loc[1] for one in found.part.values if one.loc[0] == "cameras"} == {"camera", "rear_cam"}
    assert not [one for one in found.part.values if one.loc[-1] == "role"]
    assert any("which camera is the one that the policy navigates by?" in one.text for one in found.part.questions)
