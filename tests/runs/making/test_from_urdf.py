"""`flare new robot --urdf`: what is taken from a URDF, by hand for five robots, and what stays a question."""

import re
from pathlib import Path

import pytest

from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import UrdfError
from flare_core.runs.making.findings import Findings
from flare_core.runs.making.from_urdf import find_in, robot_of_urdf
from flare_core.yaml_tree import Value
from tests.cli_tools import flare

pytest.importorskip("yourdfpy")

URDF = Path(__file__).parents[2] / "data" / "urdf"


def values(found: Findings, *stem: str) -> dict[str, Value]:
    return {".".join(map(str, one.loc[len(stem) :])): one.value for one in found.part.values if one.loc[: len(stem)] == stem}


def asked(found: Findings, *loc: str) -> list[str]:
    return [one.text for one in found.part.questions if one.loc == loc]


def source(found: Findings, *loc: str) -> str:
    return next(one.source for one in found.part.values if one.loc == loc)


def test_a_turtlebot_by_hand() -> None:
    found = find_in(URDF / "turtle.urdf")
    # Cylinder of 0.17 m around the axis; the tower's top is 0.04 + 0.1 + 0.1055 + 0.211 / 2 above base_footprint.
    assert values(found, "base") == {"radius_m": 0.17, "height_m": 0.351, "centre": {}}
    # 0.04 + 0.204 up; 1.25 rad are 71.62 degrees; the optical frame's z is the robot's x, so it looks level and ahead.
    assert values(found, "cameras", "oakd") == {
        "role": "navigation", "mount": {"back_m": 0.06, "up_m": 0.244}, "horizontal_fov_deg": 71.62, "width_px": 320, "height_px": 240,
    }  # fmt: skip
    assert source(found, "base", "height_m") == "turtle.urdf:38, top of visual box of tower"
    assert source(found, "cameras", "oakd", "horizontal_fov_deg") == "turtle.urdf:58, sensor rgbd_camera"
    assert "midpoint of the wheels left_wheel_joint and right_wheel_joint; floor at base_footprint" in source(found, "base", "centre")
    assert found.unread == ()  # the mesh is only what it looks like; the cylinder is what it touches things with


def test_a_locobot_by_hand() -> None:
    found = find_in(URDF / "loco.urdf")
    # The wheels and the round base are both 0.02 m ahead of base_link, so the centre is on the axis.
    assert values(found, "base") == {"radius_m": 0.178, "height_m": 0.591, "centre": {}}
    camera = values(found, "cameras", "camera")
    # x: -0.1 + 0.025 + 0.1 - 0.02 of the axis; z: 0.5 + 0.03 + 0.061; a turn of 10 degrees about y looks down.
    assert camera["mount"] == {"forward_m": 0.005, "left_m": 0.015, "up_m": 0.591, "pitch_down_deg": 10}
    # Pan about z up: upper is to the left. Tilt about y: positive is down.
    assert camera["pan"] == {"left_deg": 70, "right_deg": 90}
    assert camera["tilt"] == {"up_deg": 80, "down_deg": 75}
    assert asked(found, "cameras", "camera", "horizontal_fov_deg")
    assert len(asked(found, "arm")) == 1
    assert "(waist, shoulder)" in asked(found, "arm")[0]
    assert "camera's centre" in asked(found, "base", "height_m")[0]
    assert found.unread == ("loco.urdf:33: visual of camera_link: the mesh package://loco/meshes/d435.dae is not on this computer",)


def test_a_stretch_by_hand() -> None:
    found = find_in(URDF / "stretch.urdf")
    # Sides: wheels of 0.0508 m at 0.15765 m; back: -0.117 - 0.325 / 2; front: the wheels'. Mast: 0.0284 + 0.675 + 1.35 / 2.
    assert values(found, "base") == {"width_m": 0.4169, "length_m": 0.3303, "height_m": 1.3784, "centre": {"back_m": 0.1144}}
    camera = values(found, "cameras", "camera")
    # x: -0.067 + 0.03; y: 0.135 - 0.053; z: 0.0284 + 1.33 + 0.02. On its side: 1280 x 720 become 720 x 1280, 69 degrees stand upright.
    assert camera["mount"] == {"back_m": 0.037, "left_m": 0.082, "up_m": 1.3784}
    assert (camera["vertical_fov_deg"], camera["width_px"], camera["height_px"]) == (69, 720, 1280)
    assert "clockwise by 90 degrees" in asked(found, "cameras", "camera")[0]
    assert "counter" not in asked(found, "cameras", "camera")[0]  # the picture's upper edge is to the robot's right
    assert (camera["pan"], camera["tilt"]) == ({"left_deg": 90, "right_deg": 220}, {"up_deg": 45, "down_deg": 88})
    assert camera["role"] == "navigation"
    arm = values(found, "arm")
    assert arm["lift"] == {"low_m": 0.0, "high_m": 1.1, "home_m": 0.0}
    assert arm["extend"] == {"low_m": 0.0, "high_m": 0.26, "home_m": 0.0}  # two slides of 0.13 m, the second follows the first
    assert (arm["reach"], arm["wrist"]) == ("right", {"left_deg": 200, "right_deg": 75})
    # x: -0.067 - 0.037 + 0.083; y: 0.135 - 0.1 - 0.013 - 0.02 - 0.2; z: 0.0284 + 0.1666 - 0.05.
    assert arm["shoulder"] == {"back_m": 0.021, "right_m": 0.198, "up_m": 0.145}
    hand = values(found, "cameras", "gripper_camera")
    # y: 0.135 - 0.1 - 0.013 - 0.02 - 0.05; z: 0.0284 + 0.1666 + 0.03; it looks out along the arm, the right way up.
    assert hand["mount"] == {"back_m": 0.021, "right_m": 0.048, "up_m": 0.225, "yaw_right_deg": 90}
    assert hand["carried_by"] == "wrist"
    assert not asked(found, "cameras", "gripper_camera")


def test_millimetres_are_refused_with_the_remedy_and_read_with_it() -> None:
    path = URDF / "millimetres.urdf"
    with pytest.raises(UrdfError) as bad:
        find_in(path)
    assert str(bad.value).startswith(f"{path}: the robot measures 300.0 m from end to end; a URDF is in metres. Give --scale: 0.001 if ")
    found = find_in(path, scale=0.001)
    assert values(found, "base") == {"width_m": 0.24, "length_m": 0.3, "height_m": 0.3, "centre": {}}
    assert found.value("cameras", "camera", "mount") == {"forward_m": 0.14, "right_m": 0.02, "up_m": 0.25, "yaw_right_deg": 30}
    with pytest.raises(UrdfError, match=r"measures 0\.35 mm from end to end; a URDF is in metres\. Leave --scale out"):
        find_in(URDF / "turtle.urdf", scale=0.001)


@pytest.mark.parametrize(("name", "scale"), [("turtle", 1), ("loco", 1), ("stretch", 1), ("millimetres", 0.001)])
def test_what_is_written_passes_check_and_says_what_was_found(
    name: str, scale: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = flare("new", "robot", f"my_{name}", "--urdf", URDF / f"{name}.urdf", "--scale", str(scale))
    assert result.exit_code == 0, result.output
    assert flare("check", f"my_{name}.yaml").exit_code == 0
    found, text = find_in(URDF / f"{name}.urdf", scale=scale), (tmp_path / f"my_{name}.yaml").read_text()
    assert text.count("# QUESTION: ") == len(found.part.questions) > 0
    _, loaded = load_embodiment(tmp_path / f"my_{name}.yaml")
    resolved: Value = loaded.resolved
    for one in found.part.values:
        here = resolved
        for key in one.loc:
            here = here.get(str(key), {}) if isinstance(here, dict) else {}
        assert here == one.value, one.loc
    assert flare("new", "robot", f"my_{name}", "--urdf", URDF / f"{name}.urdf").exit_code == 1  # it is there already
    assert (tmp_path / f"my_{name}.yaml").read_text() == text


WHEELED = """<robot name="small"><link name="base_link">{base}</link>
<joint name="l" type="continuous"><parent link="base_link"/><child link="left_wheel"/>
<origin xyz="0 0.12 0.05"/><axis xyz="0 1 0"/></joint>
<link name="left_wheel"><collision><geometry><sphere radius="0.05"/></geometry></collision></link>
<joint name="r" type="continuous"><parent link="base_link"/><child link="right_wheel"/>
<origin xyz="0 -0.12 0.05"/><axis xyz="0 1 0"/></joint>
<link name="right_wheel"><collision><geometry><sphere radius="0.05"/></geometry></collision></link></robot>"""
MESH = '<collision><geometry><mesh filename="package://small/base.stl"/></geometry></collision>'
BOX = '<collision><origin xyz="0.05 0 0.1"/><geometry><box size="0.3 0.6 0.2"/></geometry></collision>'


@pytest.mark.parametrize(
    ("base", "said"),
    [
        (MESH, "that of left_wheel, right_wheel alone: collision of base_link could not be read"),
        ("", "that of left_wheel, right_wheel alone: base_link itself has no shape"),
        (MESH + BOX, "that of base_link, left_wheel, right_wheel: collision of base_link could not be read"),
        (BOX, None),
    ],
)
def test_an_outline_without_a_part_of_the_base_is_a_question_in_the_file(base: str, said: str | None, tmp_path: Path) -> None:
    urdf = tmp_path / "small.urdf"
    urdf.write_text(WHEELED.format(base=base))
    found = robot_of_urdf("mine", urdf, tmp_path / "mine.yaml")
    questions = asked(found, "base")
    assert [said in one for one in questions] == [True] if said else questions == []
    text = (tmp_path / "mine.yaml").read_text().replace("\n#   ", " ")
    assert ("# QUESTION: the outline is" in text) == (said is not None)
    lost = "# Not read: small.urdf:1: collision of base_link: the mesh package://small/base.stl is not on this computer"
    assert (lost in text) == (MESH in base)


def test_the_camera_that_stands_in_is_where_its_question_says(tmp_path: Path) -> None:
    # The box of 0.3 m and its middle 0.05 m ahead of the axis: its front is at 0.2 m, its top at 0.2 m above the base link.
    urdf = tmp_path / "small.urdf"
    urdf.write_text(WHEELED.format(base=BOX))
    found = find_in(urdf)
    assert found.value("cameras", "camera", "mount") == {"forward_m": 0.2, "up_m": found.value("base", "height_m")}
    assert "at the front of the top stands in" in asked(found, "cameras")[0]


def test_a_broken_file_is_told_by_its_line_and_leaves_nothing_behind(tmp_path: Path) -> None:
    result = flare("new", "robot", "mine", "--urdf", URDF / "broken.urdf", "--out", tmp_path / "mine.yaml")
    assert result.exit_code == 1
    assert re.search(r"broken\.urdf:4: not valid XML: .*box", result.output)
    assert list(tmp_path.iterdir()) == []


def test_what_no_spec_can_say_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    tall = tmp_path / "tall.urdf"
    tall.write_text('<robot name="r"><link name="base"><collision><geometry><box size="0.4 0.4 4"/></geometry></collision></link></robot>')
    with pytest.raises(UrdfError) as bad:
        robot_of_urdf("mine", tall, tmp_path / "mine.yaml")
    first, *faults = str(bad.value).splitlines()
    assert first == f"{tall}: what it describes is no robot that a spec can say, so nothing was written:"
    height = next(fault for fault in faults if fault.startswith("base.height_m: should be less than or equal to 3; got 4"))
    assert height.endswith("(from tall.urdf:1, top of collision box of base)")
    assert "yaml" not in str(bad.value)
    assert [path.name for path in tmp_path.iterdir()] == ["tall.urdf"]


def test_without_the_extra_the_message_names_the_command_that_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yourdfpy", None)
    with pytest.raises(UrdfError, match=re.escape("pip install 'flare-core[urdf]'")):
        find_in(URDF / "turtle.urdf")
