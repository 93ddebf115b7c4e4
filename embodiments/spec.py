"""The YAML of a robot: pydantic models at the edge, `body.py` values within.

Every size is positive and every direction has a name, so that no sign can be mistaken; `directions.py` turns them into
the signed metres and radians of `body.py`.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self, get_args

import pydantic
from pydantic import Field

from flare_core.embodiments import checks, directions, ranges
from flare_core.embodiments.body import Arm, Camera, Embodiment, Footprint, Jitter, Noise, Range, Sense
from flare_core.embodiments.effects import ActionsSpec, Directed, Entry, Name, actions_of
from flare_core.embodiments.presets import LENSES, LensPreset
from flare_core.errors import SpecError
from flare_core.reading import HEADER, Loaded, Spec, read
from flare_core.yaml_tree import Value

Offset = Annotated[float, Field(ge=0, le=3)]  # metres on the robot
Travel = Annotated[float, Field(ge=-3, le=3)]  # metres of a straight joint
Angle = Annotated[float, Field(ge=0, le=360)]  # degrees on the robot
MIN_FOV_DEG, MAX_FOV_DEG = 1, 175
Fov = Annotated[float, Field(gt=0, lt=MAX_FOV_DEG)]
Pixels = Annotated[int, Field(ge=1, le=16384)]

# A child's key on the left does away with the parent's keys on the right, which say the same in another way.
DISPLACES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {name: (other,) for name, other in directions.OPPOSITES.items() if name not in ("left_deg", "right_deg", "up_deg", "down_deg")}
    | {
        "preset": ("vertical_fov_deg", "horizontal_fov_deg", "intrinsics", "width_px", "height_px"),
        "intrinsics": ("vertical_fov_deg", "horizontal_fov_deg", "preset", "width_px", "height_px"),
        "vertical_fov_deg": ("horizontal_fov_deg", "intrinsics", "preset"),
        "horizontal_fov_deg": ("vertical_fov_deg", "intrinsics", "preset"),
        "uniform": ("of",),
        "radius_m": ("width_m", "length_m"),
        "width_m": ("radius_m",),
        "length_m": ("radius_m",),
    }
)


class CentreSpec(Directed):
    """Centre of the base's outline, seen from the axis of rotation."""

    forward_m: Offset = 0.0
    """Metres before the axis of rotation."""
    back_m: Offset = 0.0
    """Metres behind it."""
    left_m: Offset = 0.0
    """Metres to its left."""
    right_m: Offset = 0.0
    """Metres to its right."""


class BaseSpec(Spec):
    """What of the robot can touch things: an upright cylinder (`radius_m`) or box (`width_m`, `length_m`)."""

    radius_m: Annotated[float, Field(gt=0, le=1.5)] | None = None
    """Of a cylinder. Instead of `width_m` and `length_m`."""
    width_m: Annotated[float, Field(gt=0, le=3)] | None = None
    """Of a box, from left to right."""
    length_m: Annotated[float, Field(gt=0, le=3)] | None = None
    """Of a box, from front to back."""
    height_m: Annotated[float, Field(gt=0, le=3)]
    """Of the whole robot, from the floor."""
    centre: CentreSpec = CentreSpec()
    """Where the outline's middle is, if that is not the axis of rotation."""
    on_contact: Literal["cancel", "stop"] = "cancel"
    """A move that would touch something: does not happen (as in AI2-THOR), or goes as far as it can."""

    @pydantic.model_validator(mode="after")
    def _one_outline(self) -> Self:
        box = self.width_m is not None and self.length_m is not None
        sides = [f"`{name}`" for name in ("width_m", "length_m") if getattr(self, name) is not None]
        if self.radius_m is not None and sides:
            raise ValueError(f"has both `radius_m` and {' and '.join(sides)}; keep one: the radius of a round base, or both sides of a box")
        if (self.radius_m is not None) == box or (self.width_m is None) != (self.length_m is None):
            raise ValueError("needs `radius_m` (a round base), or `width_m` and `length_m` (a rectangular one)")
        return self


class MountSpec(Directed):
    """Optical centre and direction of view with every joint at home, from the floor point under the axis of rotation."""

    forward_m: Offset = 0.0
    """Metres before the axis of rotation."""
    back_m: Offset = 0.0
    """Metres behind it."""
    left_m: Offset = 0.0
    """Metres to its left."""
    right_m: Offset = 0.0
    """Metres to its right."""
    up_m: Offset
    """Metres above the floor."""
    pitch_down_deg: Annotated[float, Field(ge=0, le=90)] = 0.0
    """Degrees that it looks down by."""
    pitch_up_deg: Annotated[float, Field(ge=0, le=90)] = 0.0
    """Degrees that it looks up by."""
    yaw_left_deg: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Degrees that it looks to the left by."""
    yaw_right_deg: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Degrees that it looks to the right by."""


class IntrinsicsSpec(Spec):
    """A pinhole calibration in pixels, as in ROS camera_info: K = [fx 0 cx; 0 fy cy; 0 0 1]."""

    @pydantic.model_validator(mode="before")
    @classmethod
    def _no_matrix(cls, given: Any) -> Any:
        """`k: [...]`, as camera_info is printed."""
        matrix = next((given[key] for key in ("k", "K", "camera_matrix") if key in given), None) if isinstance(given, dict) else None
        if matrix is None:
            return given
        rows = matrix.get("data") if isinstance(matrix, dict) else matrix
        told = "fx is k[0], fy is k[4], cx is k[2] and cy is k[5] of camera_info"
        numbers = [one for one in rows if isinstance(one, int | float)] if isinstance(rows, list) else []
        wanted = ("fx", 0), ("fy", 4), ("cx", 2), ("cy", 5)
        line = ", ".join(f"{key}: {numbers[at]:g}" if len(numbers) == 9 else f"{key}: ..." for key, at in wanted)
        raise ValueError(f"takes four numbers instead of the matrix: {told}. Write {{{line}, width_px: ..., height_px: ...}}")

    fx: Annotated[float, Field(gt=0)]
    """Focal length along the width, in pixels."""
    fy: Annotated[float, Field(gt=0)]
    """Focal length along the height, in pixels."""
    cx: float
    """Principal point, pixels from the left edge."""
    cy: float
    """Principal point, pixels from the top edge."""
    width_px: Pixels
    """Width of the image that the calibration is for."""
    height_px: Pixels
    """Height of the image that the calibration is for."""

    @pydantic.model_validator(mode="after")
    def _centre_in_image(self) -> Self:
        if not (0 < self.cx < self.width_px and 0 < self.cy < self.height_px):
            raise ValueError(f"the principal point ({self.cx}, {self.cy}) lies outside the image. Use pixels from its top left corner")
        return self


class PanSpec(Directed):
    """How far the camera turns to each side of home."""

    left_deg: Angle
    """Limit to the left of home."""
    right_deg: Angle
    """Limit to the right of home."""

    def _both_ways(self) -> bool:
        return True


class TiltSpec(Directed):
    """How far the camera turns up and down from home."""

    up_deg: Annotated[float, Field(ge=0, le=180)]
    """Limit above home."""
    down_deg: Annotated[float, Field(ge=0, le=180)]
    """Limit below home."""

    def _both_ways(self) -> bool:
        return True


class CameraSpec(Spec):
    """A pinhole camera: where it is, what it sees, how it turns."""

    role: Literal["navigation", "manipulation"] | None = None
    """Which of a policy's views it naturally is."""
    carried_by: Literal["base", "head", "wrist"] | None = None
    """What it moves with; a camera that pans or tilts is on the head, any other on the base unless this says wrist."""
    mount: MountSpec
    """Where the optical centre is and where it looks, with every joint at home."""
    preset: LensPreset | None = None
    """A known camera's field of view and image size."""
    vertical_fov_deg: Fov | None = None
    """Field of view from top to bottom, of the whole image."""
    horizontal_fov_deg: Fov | None = None
    """Field of view from left to right, of the whole image."""
    width_px: Pixels | None = None
    """Width of the image, beside a field of view."""
    height_px: Pixels | None = None
    """Height of the image, beside a field of view."""
    intrinsics: IntrinsicsSpec | None = None
    """A calibration in pixels, instead of a field of view."""
    pan: PanSpec | None = None
    """The joint that turns it sideways; left out, it has none."""
    tilt: TiltSpec | None = None
    """The joint that turns it up and down; left out, it has none."""

    @pydantic.model_validator(mode="after")
    def _one_lens(self) -> Self:
        names = ("preset", "vertical_fov_deg", "horizontal_fov_deg", "intrinsics")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(names)}; got {', '.join(given) or 'none'}")
        sized = given[0].endswith("fov_deg")
        if sized and (self.width_px is None or self.height_px is None):
            raise ValueError(f"`{given[0]}` needs `width_px` and `height_px` beside it")
        if not sized and (self.width_px is not None or self.height_px is not None):
            raise ValueError(f"`{given[0]}` has the image size in it. Remove `width_px` and `height_px`")
        return self

    @pydantic.model_validator(mode="after")
    def _possible_image(self) -> Self:
        """The angle that follows from the other one and the size of the image, with square pixels, is one of a pinhole camera."""
        fov = self.vertical_fov_deg or self.horizontal_fov_deg
        if fov is None or self.width_px is None or self.height_px is None:
            return self
        name, ratio = "horizontal", self.width_px / self.height_px
        if self.vertical_fov_deg is None:
            name, ratio = "vertical", self.height_px / self.width_px
        other = 2 * math.degrees(math.atan(math.tan(math.radians(fov) / 2) * ratio))
        if not MIN_FOV_DEG < other < MAX_FOV_DEG:
            unit = f". If {fov:g} is in radians, write {math.degrees(fov):.4g}" if fov < math.pi else ""
            raise ValueError(
                f"an image of {self.width_px} x {self.height_px} pixels makes the {name} field of view {other:.1f} degrees, as pixels are "
                f"square; it has to be above {MIN_FOV_DEG} and below {MAX_FOV_DEG}. Check `width_px` and `height_px`{unit}"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _joints_on_the_head(self) -> Self:
        if (self.pan or self.tilt) and self.carried_by not in (None, "head"):
            raise ValueError(f"only a head pans and tilts. Remove `carried_by: {self.carried_by}`, or `pan` and `tilt`")
        return self


class TravelSpec(Spec):
    """Limits of a straight joint and where it starts."""

    low_m: Travel
    """Lower limit."""
    high_m: Travel
    """Upper limit."""
    home_m: Travel
    """Where it is when an episode begins."""

    @pydantic.model_validator(mode="after")
    def _home_within(self) -> Self:
        if not self.low_m <= self.home_m <= self.high_m:
            raise ValueError(f"needs low_m <= home_m <= high_m; got {self.low_m}, {self.home_m}, {self.high_m}")
        return self


class WristSpec(PanSpec):
    """How far the wrist turns to each side of straight out; it starts straight out."""


class ShoulderSpec(CentreSpec):
    """Where the hand is when lift and extension read 0, from the floor point under the axis of rotation."""

    up_m: Offset = 0.0
    """Metres above the floor."""


class ArmSpec(Spec):
    """A lift, a telescope and a wrist that turns about the vertical."""

    lift: TravelSpec
    """The joint that raises the hand."""
    extend: TravelSpec
    """The joint that reaches out."""
    wrist: WristSpec
    """The joint that turns the hand."""
    reach: Literal["forward", "right", "back", "left"]
    """Direction that the telescope extends in."""
    shoulder: ShoulderSpec
    """Where the hand is with both joints at 0."""
    hand_radius_m: Annotated[float, Field(gt=0, le=0.5)]
    """What is within this of the hand can be grasped."""


class JitterSpec(Spec):
    """Uncertainty of the camera mounts, drawn once an episode, uniform within plus or minus these."""

    pitch_deg: Annotated[float, Field(ge=0, le=45)] = 0.0
    """Pitch, plus or minus."""
    yaw_deg: Annotated[float, Field(ge=0, le=45)] = 0.0
    """Yaw, plus or minus."""
    fov_deg: Annotated[float, Field(ge=0, le=30)] = 0.0
    """Vertical field of view, plus or minus."""
    position_m: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Position on each axis, plus or minus."""


class NoiseSpec(Spec):
    """Uncertainty of motion: standard deviation of a normal error added to every base move and turn."""

    move_m: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Of a move, in metres."""
    turn_deg: Annotated[float, Field(ge=0, le=45)] = 0.0
    """Of a turn, in degrees."""


class EmbodimentSpec(Spec):
    """One robot."""

    base: BaseSpec
    """Its outline and height, and what a contact does."""
    cameras: dict[Name, CameraSpec | None]
    """By name. `NAME: null` takes an inherited camera away."""
    arm: ArmSpec | None = None
    """Lift, telescope and wrist; left out, it has none."""
    gripper: Literal["none", "parallel", "suction"] = "none"
    """What it can take things with."""
    actions: tuple[Entry, ...] | ActionsSpec
    """The order is the order of the policy head's rows."""
    jitter: JitterSpec = JitterSpec()
    """How uncertain the camera mounts are: another draw for every episode."""
    noise: NoiseSpec = NoiseSpec()
    """How uncertain its motions are."""
    senses: tuple[Sense, ...] = ()
    """What the policy is told beside joints and gripper: `contact`, that something stopped the last action (bumper, stalled motor,
    odometry that falls short); `said`, how often it has said `sub_done` in this episode."""

    @pydantic.model_validator(mode="after")
    def _each_sense_once(self) -> Self:
        if len(set(self.senses)) < len(self.senses):
            raise ValueError("senses: one of them is named twice. Name each once")
        return self


def load_embodiment(
    ref: str | Path,
    base: Path | None = None,
    overrides: Sequence[tuple[str, str]] = (),
    *,
    within: str = "",
    self_contained: bool = False,
    where: str = "",
    random: Literal["refuse", "middle"] = "refuse",
) -> tuple[Embodiment, Loaded[EmbodimentSpec]]:
    """A robot and the spec that describes it.

    Args:
        ref: name of a packaged robot, or path of a YAML file.
        base: folder that a relative path starts from.
        overrides: (dotted key, YAML text) pairs laid over the file.
        within: what was put before their keys, as in `read`.
        self_contained: refuse `extends`, for a file that came from somewhere else.
        where: 'file:line' of the reference, for the message if there is no such robot.
        random: what becomes of a spec that describes many bodies (`{uniform: [low, high]}`): refused, or the body in the middle of
            all its ranges. `drawing.draw_body` draws from it.

    Raises:
        SpecError: with all faults at once.
    """
    loaded = read(
        ref,
        "embodiment",
        EmbodimentSpec,
        base=base,
        overrides=overrides,
        within=within,
        displaces=DISPLACES,
        check=checks.problems,
        forms=ranges.forms_of,
        self_contained=self_contained,
        where=where,
    )
    drawn = ranges.draws_of(content_of(loaded.resolved))
    if drawn and random == "refuse":
        raise SpecError(
            f"{loaded.line_of(drawn[0].loc)}: {drawn[0].key}: '{loaded.name}' describes many bodies, and here one is needed. Pretrain on "
            "it (`flare pretrain`), look at one of its bodies (`flare show --seed 1`), or write one number here"
        )
    return build(loaded.spec, loaded.name), loaded


def content_of(resolved: Mapping[str, Value]) -> dict[str, Value]:
    """A resolved document without its header."""
    return {key: value for key, value in resolved.items() if key not in HEADER}


def build(spec: EmbodimentSpec, name: str) -> Embodiment:
    """The frozen values of a checked spec: radians, signed amounts, intrinsics in pixels."""
    cameras = tuple(_camera(key, camera) for key, camera in spec.cameras.items() if camera is not None)
    return Embodiment(
        name=name,
        footprint=_footprint(spec.base),
        cameras=cameras,
        arm=None if spec.arm is None else _arm(spec.arm),
        gripper=spec.gripper,
        actions=actions_of(spec.actions),
        jitter=Jitter(
            pitch=math.radians(spec.jitter.pitch_deg),
            yaw=math.radians(spec.jitter.yaw_deg),
            fov=math.radians(spec.jitter.fov_deg),
            position_m=spec.jitter.position_m,
        ),
        noise=Noise(move_m=spec.noise.move_m, turn=math.radians(spec.noise.turn_deg)),
        on_contact=spec.base.on_contact,
        senses=tuple(sense for sense in get_args(Sense) if sense in spec.senses),
    )


def _footprint(base: BaseSpec) -> Footprint:
    return Footprint(
        radius_m=base.radius_m,
        half_width_m=(base.width_m or 0.0) / 2,
        half_length_m=(base.length_m or 0.0) / 2,
        right_m=directions.along(base.centre.right_m, base.centre.left_m),
        forward_m=directions.along(base.centre.forward_m, base.centre.back_m),
        height_m=base.height_m,
    )


def _camera(name: str, spec: CameraSpec) -> Camera:
    mount, pan, tilt = spec.mount, spec.pan, spec.tilt
    lens = _lens(spec)
    return Camera(
        name=name,
        role=spec.role,
        on=spec.carried_by or ("head" if pan or tilt else "base"),
        right_m=directions.along(mount.right_m, mount.left_m),
        up_m=mount.up_m,
        forward_m=directions.along(mount.forward_m, mount.back_m),
        yaw=math.radians(directions.along(mount.yaw_right_deg, mount.yaw_left_deg)),
        pitch=math.radians(directions.along(mount.pitch_down_deg, mount.pitch_up_deg)),
        fx=lens.fx,
        fy=lens.fy,
        cx=lens.cx,
        cy=lens.cy,
        width_px=lens.width_px,
        height_px=lens.height_px,
        pan=None if pan is None else Range(low=-math.radians(pan.left_deg), high=math.radians(pan.right_deg)),
        tilt=None if tilt is None else Range(low=-math.radians(tilt.up_deg), high=math.radians(tilt.down_deg)),
    )


def _lens(spec: CameraSpec) -> IntrinsicsSpec:
    """Intrinsics of a camera; from a field of view with square pixels and a centred principal point."""
    if spec.intrinsics is not None:
        return spec.intrinsics
    known = LENSES[spec.preset] if spec.preset is not None else {}
    width, height = int(known.get("width_px", spec.width_px or 0)), int(known.get("height_px", spec.height_px or 0))
    vertical = known.get("vertical_fov_deg", spec.vertical_fov_deg)
    horizontal = known.get("horizontal_fov_deg", spec.horizontal_fov_deg)
    side, fov = (height, vertical) if vertical is not None else (width, horizontal)
    assert fov is not None
    focal = side / 2 / math.tan(math.radians(fov) / 2)
    return IntrinsicsSpec(fx=focal, fy=focal, cx=width / 2, cy=height / 2, width_px=width, height_px=height)


_REACH: Final[Mapping[str, float]] = MappingProxyType({"forward": 0.0, "right": 90.0, "back": 180.0, "left": -90.0})


def _arm(spec: ArmSpec) -> Arm:
    return Arm(
        lift=Range(low=spec.lift.low_m, high=spec.lift.high_m),
        extend=Range(low=spec.extend.low_m, high=spec.extend.high_m),
        wrist=Range(low=-math.radians(spec.wrist.left_deg), high=math.radians(spec.wrist.right_deg)),
        home_lift=spec.lift.home_m,
        home_extend=spec.extend.home_m,
        home_wrist=0.0,
        reach_yaw=math.radians(_REACH[spec.reach]),
        shoulder_right_m=directions.along(spec.shoulder.right_m, spec.shoulder.left_m),
        shoulder_up_m=spec.shoulder.up_m,
        shoulder_forward_m=directions.along(spec.shoulder.forward_m, spec.shoulder.back_m),
        hand_radius_m=spec.hand_radius_m,
    )
