"""The arm in a URDF, where it plainly is what a spec can say: a lift, a telescope and a wrist that turns about the vertical."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from flare_core.errors import UrdfError
from flare_core.runs.making.findings import Finding, Part, Question, degrees, directed, metres
from flare_core.runs.making.urdf_base import LEVEL, Floor, rolls
from flare_core.runs.making.urdf_cameras import turning_limits
from flare_core.runs.making.urdf_frames import words_of
from flare_core.runs.making.urdf_robot import Array, Joint, Robot
from flare_core.yaml_tree import Value

_HANDS: Final = ("grasp_center", "grasp", "ee", "tcp", "tool0", "gripper", "hand", "suction")
_FINGERS: Final = frozenset({"gripper", "finger", "fingers", "hand", "claw", "jaw"})
_SUCTION: Final = frozenset({"suction", "vacuum"})
_REACH: Final = {"forward": (1.0, 0.0), "left": (0.0, 1.0), "back": (-1.0, 0.0), "right": (0.0, -1.0)}
_LONG_ENOUGH_M: Final = 0.1  # a shorter slide is a suspension or a finger


@dataclass(frozen=True, slots=True, kw_only=True)
class Limbs:
    """An arm's joints, from the shoulder out.

    Attributes:
        slides: of the telescope, one after the other.
        links: everything that the lift moves.
        hand: the link that is taken for the hand.
    """

    lift: Joint
    slides: tuple[Joint, ...]
    wrist: Joint | None
    links: tuple[str, ...]
    hand: str


def limbs_of(robot: Robot) -> Limbs | None:
    """The arm, or None if nothing is plainly one."""
    for lift in robot.joints:
        if lift.kind != "prismatic" or abs(float(lift.axis[2])) <= LEVEL or _travel(lift) < _LONG_ENOUGH_M:
            continue
        links = tuple(link for link in robot.links if lift in robot.way(link))
        level = [
            joint
            for joint in robot.joints
            if joint.parent in links and joint.kind == "prismatic" and abs(joint.axis[2]) < math.sqrt(1 - LEVEL**2)
        ]
        slides = _one_after_the_other(robot, level)
        if not slides or sum(_travel(slide) for slide in slides) < _LONG_ENOUGH_M:
            continue
        beyond = [link for link in links if slides[-1] in robot.way(link)]
        wrist = next((joint for joint in robot.joints if joint.turns and joint.child in beyond and abs(joint.axis[2]) > LEVEL), None)
        return Limbs(lift=lift, slides=tuple(slides), wrist=wrist, links=links, hand=_hand(robot, beyond))
    return None


def _one_after_the_other(robot: Robot, level: Sequence[Joint]) -> list[Joint]:
    """Of level slides, the first and those behind it that go the same way."""
    found: list[Joint] = []
    for joint in sorted(level, key=lambda one: len(robot.way(one.child))):
        follows = not found or found[-1] in robot.way(joint.child)
        if follows and (not found or float(found[0].axis @ joint.axis) > LEVEL):
            found.append(joint)
    return found


def _travel(joint: Joint) -> float:
    return 0.0 if joint.low is None or joint.high is None else joint.high - joint.low


def _hand(robot: Robot, beyond: Sequence[str]) -> str:
    """The link that grasps: by name, else the last one."""
    for wanted in _HANDS:
        named = [link for link in beyond if wanted in words_of(link) or (len(wanted) > 4 and wanted in link.lower())]
        if named:
            return min(named, key=len)
    return max(beyond, key=lambda link: len(robot.way(link)))


def arm_of(robot: Robot, limbs: Limbs, floor: Floor) -> Part:
    """The spec's `arm` and `gripper`.

    Raises:
        UrdfError: limits that are none.
    """
    reach = _reach(limbs.slides[0].axis)
    if reach is None:
        return left_open(robot, "the telescope goes out at an angle to the base's sides, which a spec cannot say")
    wrist = _wrist(robot, limbs.wrist)
    low = sum(_low(robot, slide) for slide in limbs.slides)
    high = sum(_high(robot, slide) for slide in limbs.slides)
    home = sum(slide.home for slide in limbs.slides)
    telescope = "; ".join(robot.source(slide) for slide in (limbs.slides[0], limbs.slides[-1])[: len(limbs.slides)])
    lift = _span(_low(robot, limbs.lift), _high(robot, limbs.lift), limbs.lift.home)
    at_zero = robot.posed(**{joint.name: 0.0 for joint in (limbs.lift, *limbs.slides)})[limbs.hand][:3, 3]
    forward, left, up = floor.seen_from(at_zero)
    shoulder: dict[str, Value] = {**directed(forward, "forward_m", "back_m"), **directed(left, "left_m", "right_m"), "up_m": up}
    hand = robot.joint_to(limbs.hand)
    values = (
        Finding(loc=("arm", "lift"), value=lift, source=robot.source(limbs.lift)),
        Finding(loc=("arm", "extend"), value=_span(low, high, home), source=telescope),
        *wrist.values,
        Finding(loc=("arm", "reach"), value=reach, source=f"axis of {robot.source(limbs.slides[0])}"),
        Finding(loc=("arm", "shoulder"), value=shoulder, source="" if hand is None else f"{robot.source(hand)}: where {limbs.hand} is"),
        Finding(loc=("arm", "hand_radius_m"), value=0.1, source=""),
    )
    questions = (
        *wrist.questions,
        Question(
            loc=("arm", "shoulder"), text=f"{limbs.hand} is taken for the hand, with lift and extension at 0. Is it where things are held?"
        ),
        Question(loc=("arm", "hand_radius_m"), text="within which distance of the hand can a thing be grasped? 0.1 m stands in."),
    )
    return Part(values=values, questions=questions) + _gripper(robot, limbs)


def _low(robot: Robot, joint: Joint) -> float:
    return _checked(robot, joint)[0]


def _high(robot: Robot, joint: Joint) -> float:
    return _checked(robot, joint)[1]


def _checked(robot: Robot, joint: Joint) -> tuple[float, float]:
    low, high = joint.low or 0.0, joint.high or 0.0
    if low > high:
        raise UrdfError(f"{robot.source(joint)}: lower {low:g} is above upper {high:g}. Swap them")
    return low, high


def _span(low: float, high: float, home: float) -> dict[str, Value]:
    return {"low_m": metres(low), "high_m": metres(high), "home_m": metres(home)}


def _reach(axis: Array) -> str | None:
    flat = axis[:2] / np.linalg.norm(axis[:2])
    return next((name for name, way in _REACH.items() if float(flat @ np.array(way)) > LEVEL), None)


def _wrist(robot: Robot, wrist: Joint | None) -> Part:
    loc = ("arm", "wrist")
    if wrist is None:
        text = "no joint turns the hand about the vertical, so it stays straight out. Is that so?"
        values = (Finding(loc=loc, value={"left_deg": 0, "right_deg": 0}, source="no such joint"),)
        return Part(values=values, questions=(Question(loc=loc, text=text),))
    low, high = turning_limits(robot, wrist)
    low_deg, high_deg = (-180.0, 180.0) if low is None or high is None else (math.degrees(low), math.degrees(high))
    if low_deg > 0 or high_deg < 0:
        return Part(
            questions=(Question(loc=loc, text=f"{wrist.name} cannot be at 0, straight out; what are its limits from there?"),)
        ) + Part(values=(Finding(loc=loc, value={"left_deg": 0, "right_deg": 0}, source=""),))
    left, right = (high_deg, -low_deg) if wrist.axis[2] > 0 else (-low_deg, high_deg)
    value: dict[str, Value] = {"left_deg": degrees(min(left, 360.0)), "right_deg": degrees(min(right, 360.0))}
    text = f"limits count from straight out; is the hand straight out of the telescope where {wrist.name} is 0?"
    return Part(values=(Finding(loc=loc, value=value, source=robot.source(wrist)),), questions=(Question(loc=loc, text=text),))


def _gripper(robot: Robot, limbs: Limbs) -> Part:
    for link in limbs.links:
        kind = "suction" if words_of(link) & _SUCTION else "parallel" if words_of(link) & _FINGERS else ""
        if kind:
            source = f"{robot.at(robot.link_element(link))}, link {link}"
            question = Question(loc=("gripper",), text=f"the name {link} says that there is a gripper. Is it {kind}?")
            return Part(values=(Finding(loc=("gripper",), value=kind, source=source),), questions=(question,))
    return Part(questions=(Question(loc=("gripper",), text="is there a gripper? `gripper: parallel` or `gripper: suction`."),))


def left_open(robot: Robot, why: str = "", heads: Sequence[str] = ()) -> Part:
    """A question where joints could be an arm that a spec cannot say.

    Args:
        heads: joints that turn cameras.
    """
    joints = [joint for joint in robot.joints if joint.kind in ("prismatic", "revolute") and joint.name not in heads and not rolls(joint)]
    if not why and len(joints) < 2:
        return Part()
    names = ", ".join(joint.name for joint in joints[:6])
    why = why or "it is not plainly a lift with a telescope, which is the arm that a spec can say"
    text = f"is there an arm ({names})? {why[0].upper()}{why[1:]}. Leave it out, and keep it inside of the base's outline while driving."
    return Part(questions=(Question(loc=("arm",), text=text),))
