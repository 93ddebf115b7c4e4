"""A robot's spec out of a URDF: what it says, where it says so, and what it leaves open."""

import re
from pathlib import Path
from typing import Final

import numpy as np

from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import SpecError, UrdfError
from flare_core.runs.making.findings import Finding, Findings, Part, Question, directed, dotted, metres
from flare_core.runs.making.new_files import check_name, check_place, save_checked
from flare_core.runs.making.spec_text import spec_text
from flare_core.runs.making.urdf_arm import Limbs, arm_of, left_open, limbs_of
from flare_core.runs.making.urdf_base import Floor, base_of, floor_of, rolls
from flare_core.runs.making.urdf_cameras import camera_of, turning_of
from flare_core.runs.making.urdf_frames import Eye, eyes_of
from flare_core.runs.making.urdf_robot import Robot, read_robot
from flare_core.runs.making.urdf_sensors import sensors_of
from flare_core.runs.making.urdf_solids import solids_of
from flare_core.yaml_tree import Value

_STEPS: Final = "how far does your robot go in one action? These are the sizes of the shipped policy: metres and degrees."
_CONTACT: Final = "does the robot notice when something stops it (bumper, stalled motor)? Then add `senses: [contact]`."
_ROLE: Final = "which camera is the one that the policy navigates by? Give it `role: navigation`; until then it is the first."
_NO_CAMERA: Final = "where is the camera, and what does it see? The URDF has none; a level one at the front of the top stands in."


def robot_of_urdf(name: str, urdf: Path, path: Path, *, scale: float = 1.0) -> Findings:
    """Write `path`, a robot's spec, from what a URDF says.

    Args:
        scale: metres of one unit of the URDF.

    Raises:
        SpecError: the name is not legal or the place is taken.
        UrdfError: the URDF cannot be read, or no spec can say what it describes.
    """
    check_name(name, "embodiment")
    check_place(path)
    found = find_in(urdf, scale=scale)
    try:
        save_checked(spec_text(name, found), path, load_embodiment)
    except SpecError as bad:
        if path.exists():
            raise
        told = "\n".join(_without_draft(line, found) for line in str(bad).splitlines())
        raise UrdfError(f"{urdf}: what it describes is no robot that a spec can say, so nothing was written:\n{told}") from None
    return found


def _without_draft(line: str, found: Findings) -> str:
    """A fault of the file that was not kept, by the URDF's element instead of that file's line."""
    said = re.sub(r"^.*?\.yaml:\d+: ", "", line)
    key = said.partition(": ")[0]
    source = next((one.source for one in found.part.values if key.startswith(dotted(one.loc)) and one.source), "")
    return f"{said} (from {source})" if source else said


def find_in(urdf: Path, *, scale: float = 1.0) -> Findings:
    """What a URDF says about the base, the cameras, the arm and the gripper.

    Raises:
        UrdfError: with what is wrong, where, and how to mend it.
    """
    robot = read_robot(urdf, scale=scale)
    solids, unread = solids_of(robot)
    floor = floor_of(robot, solids)
    limbs = limbs_of(robot)
    eyes = eyes_of(robot, sensors_of(robot))
    heights = np.array([eye.pose[2, 3] - floor.point[2] for eye in eyes if limbs is None or eye.link not in limbs.links])
    heads = _heads(robot, eyes)
    part = base_of(robot, solids, floor, arm=_swinging(robot, limbs, heads), eyes=heights, unread=unread)
    part += _cameras(robot, eyes, limbs, floor, part)
    part += arm_of(robot, limbs, floor) if limbs is not None else left_open(robot, heads=heads)
    return Findings(origin=urdf.name, part=part + _actions(part), unread=tuple(one.text for one in unread))


def _heads(robot: Robot, eyes: tuple[Eye, ...]) -> tuple[str, ...]:
    """Joints that turn cameras which a spec can say."""
    found: dict[str, None] = {}
    for eye in eyes:
        turning = turning_of(robot, eye)
        if not turning.others:
            found |= {joint.name: None for joint in (turning.pan, turning.tilt) if joint is not None}
    return tuple(found)


def _swinging(robot: Robot, limbs: Limbs | None, heads: tuple[str, ...]) -> tuple[str, ...]:
    """Links that an arm moves; a head that turns a camera and a wheel are none."""
    arms = set(limbs.links if limbs is not None else ())
    for link in robot.links:
        if any(joint.name not in heads and joint.kind != "continuous" and not rolls(joint) for joint in robot.moving_way(link)):
            arms.add(link)
    return tuple(sorted(arms))


def _cameras(robot: Robot, eyes: tuple[Eye, ...], limbs: Limbs | None, floor: Floor, base: Part) -> Part:
    part, held = Part(), Part()
    on_hand = {eye.name for eye in eyes if limbs is not None and eye.link in limbs.links}
    shaky = {eye.name for eye in eyes if eye.name not in on_hand and _beyond_a_spec(robot, eye)}
    steady = [eye for eye in eyes if eye.name not in shaky]
    candidates = [eye.name for eye in steady if eye.name not in on_hand]
    for eye in steady:
        role = "navigation" if candidates == [eye.name] else ""
        part += camera_of(robot, eye, floor, carried_by="wrist" if eye.name in on_hand else "", role=role)
    for eye in eyes:
        if eye.name in shaky:
            names = ", ".join(joint.name for joint in robot.moving_way(eye.link))
            text = f"the camera {eye.name} is left out, as joints move it that no spec can say ({names}). Add it if it stands still."
            held += Part(questions=(Question(loc=("cameras",), text=text),))
    if steady and len(candidates) != 1:
        held += Part(questions=(Question(loc=("cameras",), text=_ROLE),))
    if not steady:
        held += _stand_in_camera(base)
    return held + part


def _beyond_a_spec(robot: Robot, eye: Eye) -> bool:
    """Whether a camera is moved by more than a pan, a tilt and a lift."""
    return any(joint.kind != "prismatic" or abs(float(joint.axis[2])) < 0.99 for joint in turning_of(robot, eye).others)


def _stand_in_camera(base: Part) -> Part:
    """A level camera at the front of the top."""
    found = {one.loc[1]: one.value for one in base.values if one.loc[:1] == ("base",)}
    height, radius, length, centre = (found.get(key) for key in ("height_m", "radius_m", "length_m", "centre"))
    assert isinstance(height, float | int)
    assert isinstance(centre, dict)
    half = radius if isinstance(radius, float | int) else length / 2 if isinstance(length, float | int) else 0.0
    middle = {key: float(size) for key, size in centre.items() if isinstance(size, float | int)}
    forward = metres(half + middle.pop("forward_m", 0.0) - middle.pop("back_m", 0.0))
    mount: dict[str, Value] = {**directed(forward, "forward_m", "back_m"), **middle, "up_m": height}
    said: dict[str, Value] = {"role": "navigation", "mount": mount, "horizontal_fov_deg": 69, "width_px": 640, "height_px": 480}
    values = tuple(Finding(loc=("cameras", "camera", key), value=value, source="") for key, value in said.items())
    return Part(values=values, questions=(Question(loc=("cameras",), text=_NO_CAMERA),))


def _actions(part: Part) -> Part:
    """A vocabulary to begin with: the shipped policy's, for as much of a body as there is."""
    locs = {one.loc for one in part.values}
    full = ("arm", "lift") in locs and ("gripper",) in locs
    values = [Finding(loc=("actions", "preset"), value="spoc" if full else "spoc_navigation", source="")]
    turned = [(camera, joint) for _, camera, joint in (loc for loc in locs if len(loc) == 3) if joint in ("pan", "tilt")]
    if turned:
        camera = min(str(name) for name, _ in turned)
        ways = [("left", "pan", 30), ("right", "pan", 30), ("up", "tilt", 15), ("down", "tilt", 15)]
        rows: list[Value] = [
            {f"look_{way}": {"turn_camera": {"camera": camera, f"{way}_deg": size}}}
            for way, joint, size in ways
            if (camera, joint) in turned
        ]
        values.append(Finding(loc=("actions", "add"), value=rows, source=""))
    questions = (Question(loc=("actions",), text=_STEPS), Question(loc=("actions",), text=_CONTACT))
    return Part(values=tuple(values), questions=questions)
