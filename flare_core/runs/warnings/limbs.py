"""Doubts about arm, gripper and what is uncertain."""

import math
from collections.abc import Iterator
from typing import Final

from flare_core.runs.warnings.subject import Doubt, Subject

FEWEST_DEG: Final = 7.0  # a joint's whole range; 2 pi radians are less
MOST_JITTER: Final = {"pitch_deg": 10.0, "yaw_deg": 10.0, "fov_deg": 10.0, "position_m": 0.1}
LEAST_JITTER_DEG: Final = 0.1  # 5 degrees are 0.09 radians
MOST_NOISE: Final = 0.5  # of the smallest step
LEAST_NOISE_DEG: Final = 0.05


def gripper_without_arm(subject: Subject) -> Iterator[Doubt]:
    """A gripper that nothing carries."""
    body = subject.body
    if body.arm is None and body.gripper != "none":
        yield ("gripper",), f"'{body.gripper}', but without `arm:` nothing can be reached to be grasped. Describe the arm, or write `none`"


def wrist_in_radians(subject: Subject) -> Iterator[Doubt]:
    """A wrist whose range is that of radians."""
    wrist = None if subject.spec.arm is None else subject.spec.arm.wrist
    if wrist is not None and 0 < wrist.left_deg + wrist.right_deg < FEWEST_DEG:
        total = wrist.left_deg + wrist.right_deg
        yield ("arm", "wrist"), f"a range of {total:g} degrees in all. If these are radians, write {_pair(wrist.left_deg, wrist.right_deg)}"


def _pair(left: float, right: float) -> str:
    return f"`left_deg: {math.degrees(left):.4g}, right_deg: {math.degrees(right):.4g}`"


def arm_beside_its_camera(subject: Subject) -> Iterator[Doubt]:
    """A manipulation camera that looks away from where the arm reaches."""
    arm, camera = subject.body.arm, subject.body.camera_for("manipulation")
    if arm is None or camera is None or camera.on == "wrist":
        return
    apart = abs((camera.yaw - arm.reach_yaw + math.pi) % (2 * math.pi) - math.pi)
    reach = None if subject.spec.arm is None else subject.spec.arm.reach
    if apart - camera.horizontal_fov / 2 > 0.0 and camera.pan is None:
        what = (
            f"the arm reaches {reach}, but the manipulation camera '{camera.name}' looks {math.degrees(apart):.0f} degrees away from there"
        )
        yield ("arm", "reach"), f"{what}. Check `reach` and the camera's yaw, both seen from above with the robot facing forward"


def unusual_jitter(subject: Subject) -> Iterator[Doubt]:
    """Uncertainty of mounts in radians, or so large that the mount means nothing."""
    for key, most in MOST_JITTER.items():
        size = getattr(subject.spec.jitter, key)
        if key.endswith("_deg") and 0 < size < LEAST_JITTER_DEG:
            yield ("jitter", key), f"{size:g} degrees is next to nothing. If these are radians, write `{key}: {math.degrees(size):.3g}`"
        if size > most:
            unit = "degrees" if key.endswith("_deg") else "m"
            yield ("jitter", key), f"plus or minus {size:g} {unit} is more than any mount moves. Values up to {most:g} are usual"


def unusual_noise(subject: Subject) -> Iterator[Doubt]:
    """Errors of motion in radians, or as large as the motion itself."""
    noise, steps = subject.body.noise, [action.effect for _, action in subject.allowed()]
    for key, size, kind, unit in (("move_m", noise.move_m, "move_base", "m"), ("turn_deg", noise.turn, "turn_base", "degrees")):
        least = min((abs(effect.amount) for effect in steps if effect.kind == kind), default=math.inf)
        said = math.degrees(size) if key == "turn_deg" else size
        if size > MOST_NOISE * least:
            of = math.degrees(least) if key == "turn_deg" else least
            what = f"a standard deviation of {said:g} {unit} is more than half of the smallest step, {of:g} {unit}"
            yield ("noise", key), f"{what}: the robot would hardly know what it did. Measure how far equal steps differ"
    if 0 < subject.spec.noise.turn_deg < LEAST_NOISE_DEG:
        said = subject.spec.noise.turn_deg
        yield (
            ("noise", "turn_deg"),
            f"{said:g} degrees is next to nothing. If these are radians, write `turn_deg: {math.degrees(said):.3g}`",
        )
