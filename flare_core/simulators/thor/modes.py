"""The agent modes of AI2-THOR: what body each of them is. Degrees, as on the wire.

Reference: AI2-THOR's `InitializeBody` of each agent controller in unity/Assets/Scripts (BaseFPSAgentController for `default`,
LocobotFPSAgentController, StretchAgentController, FpinAgentController), as of the 5.x line. The capsules are given there from
the agent's position, which is `origin_m` above the floor; heights here are from the floor.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from flare_core.embodiments.body import Arm, Camera, Embodiment, Footprint, Range

Build = Literal["5.0.0", "nanna"]
"""`5.0.0`: what the release of that name pins. `nanna`: the later builds that SPOC, FLaRe and RING pin, with their actions."""
STANDING_M: Final = 0.9009982  # of the agent's position above the floor, in every mode but fpin
SHOULDER_M: Final = 0.1629765  # of the Stretch's wrist above the floor where its lift is 0 (FLaRe, stretch_state.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eye:
    """A camera in the agent's frame: metres right, above the floor and forward; degrees."""

    right_m: float = 0.0
    up_m: float
    forward_m: float = 0.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    fov_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMode:
    """One agent mode.

    Attributes:
        footprint: what of it touches things; None where the user gives a box (fpin).
        origin_m: of `agent.position` above the floor.
        eye: the main camera. second: the camera that the mode has beside it, as third-party camera 0.
        crouch_m: by how much `Crouch` lowers the main camera; None where there is no crouching.
        up_deg, down_deg: how far the main camera may look from the horizon.
        look_step_deg: LookUp and LookDown turn by this and nothing else; None where any amount will do.
        sideways: whether it can move left and right.
        noise: whether its motions are noisy unless `applyActionNoise` is off.
        builds: which builds have it.
    """

    name: str
    footprint: Footprint | None
    origin_m: float = STANDING_M
    eye: Eye
    second: Eye | None = None
    crouch_m: float | None = None
    up_deg: float = 30.0
    down_deg: float = 60.0
    look_step_deg: float | None = None
    sideways: bool = True
    has_arm: bool = False
    noise: bool = False
    builds: tuple[Build, ...] = ("5.0.0", "nanna")


def _cylinder(radius_m: float, height_m: float, back_m: float = 0.0) -> Footprint:
    return Footprint(radius_m=radius_m, forward_m=-back_m, height_m=height_m)


MODES: Final[Mapping[str, AgentMode]] = MappingProxyType({
    "default": AgentMode(
        name="default", footprint=_cylinder(0.2, 1.8), eye=Eye(up_m=STANDING_M + 0.675, fov_deg=90.0), crouch_m=0.675,
    ),
    "arm": AgentMode(
        name="arm", footprint=_cylinder(0.2, 1.8), eye=Eye(up_m=STANDING_M + 0.675, fov_deg=90.0),
    ),
    "locobot": AgentMode(
        name="locobot", footprint=_cylinder(0.175, 0.9), eye=Eye(up_m=STANDING_M - 0.0312, fov_deg=60.0), up_deg=30.0, down_deg=30.0,
        look_step_deg=30.0, sideways=False, noise=True,
    ),
    "stretch": AgentMode(
        name="stretch", footprint=_cylinder(0.1854628, STANDING_M - 0.1821353 + 1.435714 / 2, 0.1092373),
        eye=Eye(right_m=0.00192035, up_m=STANDING_M + 0.5447009, forward_m=0.0678804, pitch_deg=30.0, fov_deg=59.0),
        second=Eye(
            right_m=0.05390513, up_m=STANDING_M + 0.5238336, forward_m=-0.05884857, yaw_deg=90.0, pitch_deg=50.0, fov_deg=59.0
        ),
        up_deg=25.0, down_deg=90.0, has_arm=True,
    ),
    "fpin": AgentMode(
        name="fpin", footprint=None, origin_m=0.0, eye=Eye(up_m=0.675, fov_deg=90.0), up_deg=90.0, down_deg=90.0, builds=("nanna",),
    ),
})  # fmt: skip

STRETCH_ARM: Final = Arm(
    lift=Range(low=-0.055, high=1.0457), extend=Range(low=0.243, high=0.759),
    wrist=Range(low=math.radians(-260.0), high=math.radians(75.0)),
    home_lift=0.2, home_extend=0.243, home_wrist=0.0, reach_yaw=math.pi / 2, shoulder_right_m=0.0, shoulder_up_m=0.163,
    shoulder_forward_m=0.0, hand_radius_m=0.1,
)  # fmt: skip
"""Limits and offset as FLaRe has them (stretch_state.py). Where the arm is at first is ours: THOR's build leaves it to its physics."""


def body_of(mode: AgentMode, footprint: Footprint | None, hand_radius_m: float) -> Embodiment:
    """The mode as a robot of the embedded simulator, with the main camera and no actions.

    Args:
        footprint: the box of an fpin agent; None for the mode's own.
    """
    shape = footprint or mode.footprint
    assert shape is not None  # fpin always comes with a box
    eye = Camera(
        name="main", role="navigation", right_m=mode.eye.right_m, up_m=mode.eye.up_m, forward_m=mode.eye.forward_m,
        yaw=math.radians(mode.eye.yaw_deg), pitch=math.radians(mode.eye.pitch_deg), fx=1.0, fy=1.0, cx=0.5, cy=0.5, width_px=1,
        height_px=1,
    )  # fmt: skip
    arm = None
    if mode.has_arm:
        own = STRETCH_ARM
        arm = Arm(**{name: getattr(own, name) for name in own.__slots__} | {"hand_radius_m": hand_radius_m})
    return Embodiment(name=mode.name, footprint=shape, cameras=(eye,), arm=arm, gripper="parallel", actions=())
