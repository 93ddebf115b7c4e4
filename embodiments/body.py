"""The frozen values of one robot that the rest of the toolkit sees.

Frame: x right, y up, z forward, metres, left-handed, as AI2-THOR. The origin is the floor point under the axis
of rotation. Yaw is clockwise seen from above (yaw 0 looks along +z, +90 degrees along +x), pitch is positive
looking down; angles are radians. Degrees and named directions exist only in YAML.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

EffectKind = Literal["move_base", "turn_base", "turn_camera", "move_arm", "move_hand", "turn_wrist", "grasp", "release", "say"]
Need = Literal["holding", "empty_gripper"]
Sense = Literal["contact", "said"]
"""`contact`: whether something stopped the last action, as a bumper, a stalled motor or odometry that falls short tell.
`said`: how often `sub_done` was said in this episode, one entry for each of `MOST_SAID` times."""
MOST_SAID: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an action does, as one signed amount along one named axis.

    Attributes:
        kind: what moves.
        axis: the axis of the amount: move_base "forward" | "right"; turn_base "right" (clockwise);
            turn_camera "pan" (clockwise) | "tilt" (down); move_arm "lift" (up) | "extend" (out);
            move_hand "forward" | "right" | "up"; turn_wrist "right" (clockwise); say "done" | "sub_done";
            grasp and release "".
        amount: signed, metres or radians; 0.0 for grasp, release and say.
        camera: the camera that turns, for turn_camera only.
    """

    kind: EffectKind
    axis: str = ""
    amount: float = 0.0
    camera: str | None = None

    @property
    def unit(self) -> str:
        """'m', 'rad' or '' (nothing to measure)."""
        if self.kind in ("move_base", "move_arm", "move_hand"):
            return "m"
        return "rad" if self.kind in ("turn_base", "turn_camera", "turn_wrist") else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One row of the policy head: a name, its effect, and when it is allowed.

    Attributes:
        masked: why this robot never can do it (a static mask), or None.
        needs: states in which alone it is allowed (a dynamic mask).
    """

    name: str
    effect: Effect
    masked: str | None = None
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """The base as an upright cylinder or box: what of the robot can touch things.

    Attributes:
        radius_m: of the cylinder; None for a box.
        half_width_m, half_length_m: half sizes of the box along x and z; 0 for a cylinder.
        right_m, forward_m: centre of the shape, seen from the axis of rotation.
        height_m: from the floor.
    """

    radius_m: float | None
    half_width_m: float = 0.0
    half_length_m: float = 0.0
    right_m: float = 0.0
    forward_m: float = 0.0
    height_m: float

    @property
    def swept_radius_m(self) -> float:
        """Radius around the axis of rotation that the base never leaves, however it turns."""
        if self.radius_m is not None:
            return math.hypot(self.right_m, self.forward_m) + self.radius_m
        return math.hypot(abs(self.right_m) + self.half_width_m, abs(self.forward_m) + self.half_length_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Closed interval of a joint."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A pinhole camera on the robot.

    Attributes:
        role: which of the policy's views it naturally is ("navigation", "manipulation"), or None.
        on: what carries it. "head" turns with its own pan and tilt; "wrist" moves with lift, extension and wrist yaw.
        right_m, up_m, forward_m: optical centre with every joint at its home position.
        yaw, pitch: direction of view with every joint at home.
        fx, fy, cx, cy: intrinsics in pixels of a width_px x height_px image; (cx, cy) counts from the top left corner.
        pan: limits of the pan joint (clockwise positive) or None if it cannot pan.
        tilt: limits of the tilt joint (down positive), added to `pitch`, or None.
    """

    name: str
    role: str | None = None
    on: Literal["base", "head", "wrist"] = "base"
    right_m: float = 0.0
    up_m: float
    forward_m: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    fx: float
    fy: float
    cx: float
    cy: float
    width_px: int
    height_px: int
    pan: Range | None = None
    tilt: Range | None = None

    @property
    def vertical_fov(self) -> float:
        """Angle between the top and bottom edge of the image, radians (for a centred principal point)."""
        return math.atan(self.cy / self.fy) + math.atan((self.height_px - self.cy) / self.fy)

    @property
    def horizontal_fov(self) -> float:
        """Angle between the left and right edge of the image, radians (for a centred principal point)."""
        return math.atan(self.cx / self.fx) + math.atan((self.width_px - self.cx) / self.fx)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A lift, a telescope along +x (right, as on the Stretch) or +z (forward), and a wrist that yaws.

    Attributes:
        lift, extend: limits in metres; `home_*` where they start.
        wrist: limits of the wrist yaw in radians, clockwise positive.
        reach_yaw: direction that the telescope extends in, relative to the base (pi/2 = to the right).
        shoulder_*_m: where the hand is at lift = extend = 0, in the robot's frame.
        hand_radius_m: radius of the hand sphere.
    """

    lift: Range
    extend: Range
    wrist: Range
    home_lift: float
    home_extend: float
    home_wrist: float
    reach_yaw: float
    shoulder_right_m: float
    shoulder_up_m: float
    shoulder_forward_m: float
    hand_radius_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMounts:
    """Cameras as other robots carry them, in a share of the episodes.

    Each amount is uniform from 0 to its limit (metres, radians) and the same for all cameras.
    """

    share: float
    lower_m: float
    raised: float
    narrower: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Jitter:
    """Uncertainty of the mounts, drawn once an episode, uniform within plus or minus these, and on top of it other mounts."""

    pitch: float = 0.0
    yaw: float = 0.0
    fov: float = 0.0
    position_m: float = 0.0
    other_mounts: OtherMounts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Uncertainty of motion: standard deviation of a normal error added to every base move and turn."""

    move_m: float = 0.0
    turn: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Embodiment:
    """One robot.

    Attributes:
        cameras: in the order of the spec.
        actions: in the order of the policy head's rows.
        on_contact: "cancel" (AI2-THOR: the move does not happen) or "stop" (it goes as far as it can).
        max_interact_height_m: highest point that the gripper is used at, or None.
        senses: what the policy is told beside its joints and its gripper, see Sense.
    """

    name: str
    footprint: Footprint
    cameras: tuple[Camera, ...]
    arm: Arm | None
    gripper: Literal["none", "parallel", "suction"]
    actions: tuple[Action, ...]
    jitter: Jitter = Jitter()
    noise: Noise = Noise()
    on_contact: Literal["cancel", "stop"] = "cancel"
    senses: tuple[Sense, ...] = ()

    def camera(self, name: str) -> Camera:
        """The camera of that name; KeyError if there is none."""
        for camera in self.cameras:
            if camera.name == name:
                return camera
        raise KeyError(name)

    def camera_index(self, name: str) -> int:
        """Position of a camera in `cameras`; KeyError if there is none."""
        for at, camera in enumerate(self.cameras):
            if camera.name == name:
                return at
        raise KeyError(name)

    def camera_for(self, role: str) -> Camera | None:
        """The camera with that role; the first camera stands in for 'navigation'."""
        for camera in self.cameras:
            if camera.role == role:
                return camera
        return self.cameras[0] if role == "navigation" and self.cameras else None

    @property
    def action_names(self) -> tuple[str, ...]:
        return tuple(action.name for action in self.actions)

    @property
    def body_inputs(self) -> tuple[str, ...]:
        """Names of the entries of the `body` observation, in order: joints scaled to [-1, 1], then `holding` and senses in {0, 1}."""
        names: list[str] = []
        if self.arm is not None:
            names += ["lift", "extend", "wrist"]
        for camera in self.cameras:
            names += [f"pan:{camera.name}"] if camera.pan is not None else []
            names += [f"tilt:{camera.name}"] if camera.tilt is not None else []
        names += ["holding"] if self.gripper != "none" else []
        names += ["contact"] if "contact" in self.senses else []
        names += [f"said_{count}" for count in range(1, MOST_SAID + 1)] if "said" in self.senses else []
        return tuple(names)
