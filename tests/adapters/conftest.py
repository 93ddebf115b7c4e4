"""Two invented robots whose numbers are easy to follow by hand."""

import math
from dataclasses import replace

import pytest

from flare_core.embodiments.body import Action, Arm, Camera, Effect, Embodiment, Footprint, Range


def _move(name: str, metres: float) -> Action:
    return Action(name=name, effect=Effect(kind="move_base", axis="forward", amount=metres))


def _turn(name: str, degrees: float) -> Action:
    """Positive is to the right."""
    return Action(name=name, effect=Effect(kind="turn_base", axis="right", amount=math.radians(degrees)))


def _look(name: str, axis: str, degrees: float) -> Action:
    return Action(name=name, effect=Effect(kind="turn_camera", axis=axis, amount=math.radians(degrees), camera="head"))


def _lens(name: str, role: str, up_m: float, pitch_deg: float) -> Camera:
    """160x90 pixels, focal length 80: 90 degrees from left to right."""
    return Camera(
        name=name, role=role, up_m=up_m, pitch=math.radians(pitch_deg), fx=80.0, fy=80.0, cx=80.0, cy=45.0, width_px=160, height_px=90
    )


@pytest.fixture
def tall() -> Embodiment:
    """A tall robot with an arm: six actions, two cameras."""
    arm = Arm(
        lift=Range(low=0.0, high=1.0),
        extend=Range(low=0.0, high=0.5),
        wrist=Range(low=-1.0, high=1.0),
        home_lift=0.75,
        home_extend=0.25,
        home_wrist=0.0,
        reach_yaw=math.pi / 2,
        shoulder_right_m=0.0,
        shoulder_up_m=0.2,
        shoulder_forward_m=0.0,
        hand_radius_m=0.1,
    )
    actions = (
        _move("move_ahead", 0.2),
        _turn("rotate_right", 30.0),
        _turn("rotate_left", -30.0),
        _turn("rotate_left_small", -6.0),
        Action(name="arm_up", effect=Effect(kind="move_arm", axis="lift", amount=0.1)),
        Action(name="done", effect=Effect(kind="say", axis="done")),
    )
    return Embodiment(
        name="tallbot",
        footprint=Footprint(radius_m=0.2, height_m=1.4),
        cameras=(_lens("eyes", "navigation", 1.3, 27.0), _lens("hand", "manipulation", 1.3, 33.0)),
        arm=arm,
        gripper="parallel",
        actions=actions,
    )


@pytest.fixture
def low() -> Embodiment:
    """A low robot without an arm whose one camera pans and tilts."""
    actions = (
        _move("forward", 0.25),
        _turn("left", -30.0),
        _turn("right", 30.0),
        _look("look_left", "pan", -30.0),
        _look("look_up", "tilt", -15.0),
        Action(name="finish", effect=Effect(kind="say", axis="done")),
    )
    head = replace(_lens("head", "navigation", 0.4, 0.0), pan=Range(low=-1.5, high=1.5), tilt=Range(low=-1.0, high=1.0))
    return Embodiment(
        name="lowbot", footprint=Footprint(radius_m=0.15, height_m=0.4), cameras=(head,), arm=None, gripper="none", actions=actions
    )
