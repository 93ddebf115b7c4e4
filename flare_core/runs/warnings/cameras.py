"""Doubts about cameras: where they are, which way they look, and through which lens."""

import math
from collections.abc import Iterator
from typing import Final

from flare_core.embodiments.body import Camera, Effect
from flare_core.embodiments.sightlines import floor_within_m, heights_seen_m, reachable_angles
from flare_core.embodiments.spec import CameraSpec
from flare_core.runs.warnings.subject import Doubt, Subject

FURNITURE_M: Final = {"a table": 0.75, "a counter": 0.9}
STAND_M: Final = (1.0, 1.25, 1.5, 1.75, 2.0)
"""Where a robot may stand before furniture; further away than the last, tasks do not count a thing as found."""
FLOOR_M: Final = 4.0
STEEPEST_DOWN_DEG, STEEPEST_UP_DEG = 60.0, 45.0
MOST_ASIDE_DEG: Final = 60.0
LOWEST_M: Final = 0.1
ABOVE_M: Final = 0.15
OUTSIDE_M: Final = 0.12
LEAST_FOV_DEG, MOST_FOV_DEG = 15.0, 120.0
MOST_VERTICAL_DEG, MOST_HORIZONTAL_DEG = 65.0, 95.0  # of a landscape picture whose vertical angle was given
LEAST_HORIZONTAL_DEG: Final = 45.0  # of a landscape picture whose horizontal angle was given
LEAST_PORTRAIT_DEG: Final = 35.0  # across a portrait picture
OFF_CENTRE: Final = 0.1  # of the picture's side
UNEQUAL: Final = 0.05
MOST_TURN_DEG: Final = 7.0  # a joint's whole range; 2 pi radians are less


def no_sight_of_furniture(subject: Subject) -> Iterator[Doubt]:
    """A robot that cannot look at what lies on a table or a counter from where it may stand before it."""
    cameras = list(subject.fixed_cameras())
    if len(cameras) < len(subject.body.cameras):
        return
    hidden = [f"{name} ({top:g} m high)" for name, top in FURNITURE_M.items() if not any(_sees(camera, top) for camera in cameras)]
    if hidden:
        best = max(cameras, key=lambda camera: heights_seen_m(camera, STAND_M[-1])[1])
        low, high = heights_seen_m(best, STAND_M[-1])
        what = f"from 1 to {STAND_M[-1]:g} m away no camera sees the top of {' or '.join(hidden)}; '{best.name}' sees "
        seen = f"{low:.2f} to {high:.2f} m at {STAND_M[-1]:g} m" if high > 0 else "nothing above the floor there"
        yield (
            ("cameras",),
            f"{what}{seen}. Check `up_m`, the pitch, the field of view and `tilt`. If they are right there is nothing to mend: "
            "things on it are rarely found from there",
        )


def _sees(camera: Camera, height_m: float) -> bool:
    return any(low <= height_m <= high for low, high in (heights_seen_m(camera, away) for away in STAND_M))


def no_sight_of_floor(subject: Subject) -> Iterator[Doubt]:
    """A camera that never sees the floor before it."""
    for camera in subject.fixed_cameras():
        near = floor_within_m(camera)
        if near > FLOOR_M:
            seen = f"sees the floor only from {near:.1f} m on" if math.isfinite(near) else "never sees the floor"
            what = f"'{camera.name}' {seen}, so the robot cannot see what it is about to drive into"
            yield (
                ("cameras", camera.name, "mount"),
                f"{what}. Check the pitch (`pitch_down_deg` looks down, `pitch_up_deg` up) and the lens",
            )


def steep(subject: Subject) -> Iterator[Doubt]:
    """A navigation camera that looks at its own feet or at the ceiling."""
    camera = subject.body.camera_for("navigation")
    if camera is None or camera.on == "wrist":
        return
    pitch, (low, high) = math.degrees(camera.pitch), reachable_angles(camera)
    if pitch > STEEPEST_DOWN_DEG and high < math.radians(10):
        side = "above" if high > 0 else "below"
        what = f"looks {pitch:g} degrees down, so that its upper edge is at best {abs(math.degrees(high)):.0f} degrees {side} the horizon"
        yield (
            ("cameras", camera.name, "mount", "pitch_down_deg"),
            f"{what}. 0 is level, 90 straight down; measure from level",
        )
    if -pitch > STEEPEST_UP_DEG and low > math.radians(-10):
        what = f"looks {-pitch:g} degrees up: little but ceiling"
        yield ("cameras", camera.name, "mount", "pitch_up_deg"), f"{what}. 0 is level; write `pitch_down_deg` for looking down"


def looks_aside(subject: Subject) -> Iterator[Doubt]:
    """A navigation camera that does not look where the robot drives."""
    camera = subject.body.camera_for("navigation")
    if camera is None or camera.on == "wrist":
        return
    moves = [action.effect for _, action in subject.allowed() if action.effect.kind == "move_base"]
    ways = {_heading(effect) for effect in moves}
    main = {0.0} if 0.0 in ways else ways
    apart = min((_apart(camera, way) for way in main), default=0.0)
    if apart > math.radians(MOST_ASIDE_DEG) + 1e-9:
        key = "yaw_right_deg" if camera.yaw > 0 else "yaw_left_deg"
        aside = f"looks {math.degrees(apart):.0f} degrees away from the way that the robot drives"
        what = f"'{camera.name}', by which the policy navigates, {aside}"
        mend = f"Check `{key}`; 0 looks ahead. If another camera looks ahead, give that one `role: navigation`"
        yield ("cameras", camera.name, "mount", key), f"{what}. {mend}"


def _heading(effect: Effect) -> float:
    """Yaw of a move of the base, radians."""
    aside = math.pi / 2 if effect.axis == "right" else 0.0
    return aside if effect.amount > 0 else aside - math.pi


def _apart(camera: Camera, way: float) -> float:
    """Angle between a way and the nearest that a camera can turn to, radians."""
    home = (camera.yaw - way + math.pi) % (2 * math.pi) - math.pi
    pan = (0.0, 0.0) if camera.pan is None else (camera.pan.low, camera.pan.high)
    turned = (home + max(pan[0], min(pan[1], -home + round_)) - round_ for round_ in (-2 * math.pi, 0.0, 2 * math.pi))
    return min(abs(one) for one in turned)


def angle_in_radians(subject: Subject) -> Iterator[Doubt]:
    """Small odd angles, such as 0.47, which are 27 degrees in radians."""
    for camera in subject.body.cameras:
        mount = subject.camera_spec(camera).mount
        for key in ("pitch_down_deg", "pitch_up_deg", "yaw_left_deg", "yaw_right_deg"):
            angle = getattr(mount, key)
            most = math.pi / 2 if key.startswith("pitch") else math.pi
            if 0 < angle < most + 0.02 and not (2 * angle).is_integer():
                what = f"{angle:g} degrees is next to nothing. If this is in radians, write `{key}: {math.degrees(angle):.4g}`"
                yield ("cameras", camera.name, "mount", key), f"{what}; if it is a calibration's, leave it"


def too_low(subject: Subject) -> Iterator[Doubt]:
    """An optical centre at the height of a shoe."""
    for camera in subject.fixed_cameras():
        if camera.up_m < LOWEST_M:
            what = f"{camera.up_m:g} m above the floor is lower than any robot's camera"
            yield (
                ("cameras", camera.name, "mount", "up_m"),
                f"{what}. Measure from the floor to the lens, in metres; `forward_m` is along the floor",
            )


def above_the_robot(subject: Subject) -> Iterator[Doubt]:
    """A lens that floats over the robot."""
    height = subject.body.footprint.height_m
    for camera in subject.fixed_cameras():
        if camera.up_m > height + ABOVE_M:
            what = f"the lens is {camera.up_m - height:.2f} m above the robot, whose `base.height_m` is {height:g}"
            yield ("cameras", camera.name, "mount", "up_m"), f"{what}. Give the height of the robot's highest part, or check `up_m`"


def outside_the_base(subject: Subject) -> Iterator[Doubt]:
    """A lens that stands out further than robots let it: it would look through walls."""
    foot = subject.body.footprint
    for camera in subject.fixed_cameras():
        aside, ahead = abs(camera.right_m - foot.right_m), abs(camera.forward_m - foot.forward_m)
        if foot.radius_m is not None:
            out = math.hypot(aside, ahead) - foot.radius_m
        else:
            out = math.hypot(max(aside - foot.half_width_m, 0.0), max(ahead - foot.half_length_m, 0.0))
        if out > OUTSIDE_M:
            what = f"the lens is {out:.2f} m outside of the base's outline and would look through walls that the base touches"
            yield (
                ("cameras", camera.name, "mount"),
                f"{what}. Measure from the floor point under the axis of rotation; `up_m` is the height",
            )


def other_field_of_view(subject: Subject) -> Iterator[Doubt]:
    """The horizontal angle written as the vertical one, or the other way round, or an angle in radians."""
    for camera in subject.body.cameras:
        spec = subject.camera_spec(camera)
        across, high = math.degrees(camera.horizontal_fov), math.degrees(camera.vertical_fov)
        key = _fov_key(spec)
        if max(across, high) < LEAST_FOV_DEG:
            given = high if key == "vertical_fov_deg" else across
            what = f"the picture is {across:.3g} x {high:.3g} degrees wide and high, as through a telescope"
            yield ("cameras", camera.name, key), f"{what}. If {given:.4g} is in radians, write {math.degrees(given):.4g}"
        elif key == "vertical_fov_deg" and _is_wide_picture(camera) and (high > MOST_VERTICAL_DEG + 1e-6 or across > MOST_HORIZONTAL_DEG):
            what = f"{high:.4g} degrees from top to bottom make the picture {across:.0f} degrees wide"
            mend = f"If {high:.4g} is what the data sheet calls horizontal, write `horizontal_fov_deg: {high:.4g}`"
            yield ("cameras", camera.name, key), f"{what}. {mend}"
        elif key == "horizontal_fov_deg" and _is_wide_picture(camera) and across < LEAST_HORIZONTAL_DEG - 1e-6:
            what = f"{across:.4g} degrees from left to right make the picture only {high:.0f} degrees high"
            mend = f"If {across:.4g} is what the data sheet calls vertical, write `vertical_fov_deg: {across:.4g}`"
            yield ("cameras", camera.name, key), f"{what}. {mend}"
        elif across > MOST_FOV_DEG or high > MOST_FOV_DEG:
            what = f"the picture is {across:.0f} x {high:.0f} degrees wide and high; a lens of so much bends straight lines"
            yield ("cameras", camera.name, key), f"{what}. Give the numbers of the rectified picture"


def _is_wide_picture(camera: Camera) -> bool:
    return camera.width_px > camera.height_px


def _fov_key(spec: CameraSpec) -> str:
    keys = ("vertical_fov_deg", "horizontal_fov_deg", "intrinsics", "preset")
    return next(key for key in keys if getattr(spec, key) is not None)


def swapped_size(subject: Subject) -> Iterator[Doubt]:
    """A picture higher than wide; a vertical angle or a calibration that fits it confirms that it is meant."""
    for camera in subject.body.cameras:
        if camera.height_px <= camera.width_px:
            continue
        spec = subject.camera_spec(camera)
        across, high = math.degrees(camera.horizontal_fov), math.degrees(camera.vertical_fov)
        if spec.horizontal_fov_deg is not None or across < LEAST_PORTRAIT_DEG or high > MOST_HORIZONTAL_DEG:
            what = f"a picture of {camera.width_px} x {camera.height_px} pixels is higher than wide, and {across:.0f} x {high:.0f} degrees"
            mend = "If the camera is not mounted on its side, swap `width_px` and `height_px`"
            if spec.horizontal_fov_deg is not None:
                mend += f"; if it is, say so by the angle from top to bottom, `vertical_fov_deg: {high:.4g}`, instead"
            yield ("cameras", camera.name, "intrinsics" if spec.intrinsics else "width_px"), f"{what}. {mend}"


def principal_point(subject: Subject) -> Iterator[Doubt]:
    """A principal point far from the middle: swapped, or of another resolution."""
    for camera in subject.body.cameras:
        off = (camera.cx / camera.width_px - 0.5, camera.cy / camera.height_px - 0.5)
        if max(abs(off[0]), abs(off[1])) <= OFF_CENTRE:
            continue
        what = f"the principal point ({camera.cx:g}, {camera.cy:g}) is far from the middle of {camera.width_px} x {camera.height_px} pixels"
        if abs(camera.cy / camera.width_px - 0.5) <= OFF_CENTRE >= abs(camera.cx / camera.height_px - 0.5):
            mend = "cx and cy look swapped: cx counts from the left edge, cy from the top"
        else:
            mend = "Take all six numbers from one calibration, of the size that the pictures have"
        yield ("cameras", camera.name, "intrinsics"), f"{what}. {mend}"


def unequal_focal_lengths(subject: Subject) -> Iterator[Doubt]:
    """Pixels that are far from square."""
    for camera in subject.body.cameras:
        if abs(camera.fx / camera.fy - 1) > UNEQUAL:
            what = f"fx {camera.fx:g} and fy {camera.fy:g} differ by more than {100 * UNEQUAL:g} %, which only stretched pictures have"
            yield ("cameras", camera.name, "intrinsics"), f"{what}. Take both from one calibration, of the size that the pictures have"


def joint_limits(subject: Subject) -> Iterator[Doubt]:
    """Limits of pan and tilt that count from somewhere else than home, or in radians."""
    for camera in subject.body.cameras:
        spec = subject.camera_spec(camera)
        if spec.pan is not None:
            left, right = spec.pan.left_deg, spec.pan.right_deg
            yield from _joint(("cameras", camera.name, "pan"), left, right, ("left_deg", "right_deg"))
            if (min(left, right) == 0 and max(left, right) >= 180) or left + right > 400:
                what = f"{left:g} degrees to the left and {right:g} to the right of home"
                half = f"`left_deg: {(left + right) / 2:g}` and as much right"
                mend = f"a joint that counts from 0 to {left + right:g} with home in the middle has {half}"
                yield ("cameras", camera.name, "pan"), f"{what}. Limits count from home to each side; {mend}"
        if spec.tilt is not None:
            up, down = spec.tilt.up_deg, spec.tilt.down_deg
            yield from _joint(("cameras", camera.name, "tilt"), up, down, ("up_deg", "down_deg"))
            if up > down + 30 and down < 45:
                what = f"the camera tilts {up:g} degrees up and only {down:g} down; heads are built the other way round"
                yield ("cameras", camera.name, "tilt"), f"{what}. Check the joint's sign: on some robots plus is up, on others down"


def _joint(loc: tuple[str, ...], one: float, other: float, keys: tuple[str, str]) -> Iterator[Doubt]:
    if 0 < one + other < MOST_TURN_DEG:
        written = f"`{keys[0]}: {math.degrees(one):.4g}, {keys[1]}: {math.degrees(other):.4g}`"
        yield loc, f"a range of {one + other:g} degrees in all. If these are radians, write {written}"
