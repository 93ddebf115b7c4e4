"""A robot on one page: from its side and from above, what its cameras see in houses, and what it can do."""

import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from flare_core.adapters.pairing import describe
from flare_core.bundles.layout import PICTURES, is_picture
from flare_core.embodiments.body import Camera, Effect, Embodiment, Jitter
from flare_core.errors import SimError, SpecError
from flare_core.evaluation.floor_lines import row_lines
from flare_core.evaluation.photographs import draw_photograph, read_photograph, what_to_compare
from flare_core.evaluation.portraits import Seen, side_view
from flare_core.houses.generate import generate_house, house_seeds
from flare_core.houses.procthor import parse_house
from flare_core.runs.viewpoints import best_views
from flare_core.spec_faults import did_you_mean

WIDTH = 320  # of the pictures on a card, pixels
WIDEST = 960  # of the first picture on the page; the others have half of it
HOUSES = house_seeds("val", 3)


def portrait(body: Embodiment, path: Path) -> list[str]:
    """Draw a robot, what every camera sees where its first one sees most in three held-out houses, and its actions.

    A body that fits into none is drawn all the same, because its picture is what shows the wrong size; without what it sees.

    Returns:
        Why pictures are missing, if they are.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    missing: list[str] = []
    try:
        seen = list(views(body))
    except SimError as fault:
        seen, missing = [], [f"drawn without what it sees: {fault}"]
    written = path.with_name(f".{path.name}.part")
    side_view(body, written, seen, [("#", "action", "what it does", "allowed"), *action_words(body)])  # a fault leaves no half a file
    written.replace(path)
    return missing


def views(body: Embodiment) -> Iterator[Seen]:
    """Pictures of every camera in every house, the first with floor lines; mounts as described, without their jitter.

    Raises:
        SimError: the body can stand nowhere in one of these houses.
    """
    first = first_camera(body)
    still, rest = replace(body, jitter=Jitter()), [one for one in body.cameras if one.name != first.name]
    houses = [parse_house(generate_house(seed, "val"), f"val {seed}") for seed in HOUSES]
    simulators = [best_views(house, still, first.name)[0] for house in houses]
    for camera in (first, *rest):
        for at, simulator in enumerate(simulators):
            is_first = at == 0 and camera is first
            width = WIDEST if is_first else WIDEST // 2
            image = simulator.images(camera.name, width, round(width * camera.height_px / camera.width_px))[0]
            note = " (embedded simulator)" if is_first else ""
            yield Seen(title=f"{camera.name}, house {at + 1}{note}", camera=camera, image=image, lines=is_first)


def first_camera(body: Embodiment) -> Camera:
    """The camera that navigates; every robot has at least one."""
    return body.camera_for("navigation") or body.cameras[0]


def over_photograph(body: Embodiment, name: str, photograph: Path, out: Path) -> list[str]:
    """Draw a camera's horizon and floor lines onto a photograph that it took.

    Args:
        name: of the camera.

    Returns:
        What is where, and what to compare.

    Raises:
        SpecError: there is no such camera, or the picture would be written over the photograph.
        PictureError: the photograph cannot be used.
    """
    names = [camera.name for camera in body.cameras]
    if name not in names:
        raise SpecError(f"--camera: {body.name} has no camera '{name}'. It has: {', '.join(names)}.{did_you_mean(name, names)}")
    camera = body.camera(name)
    if camera.on == "wrist":
        raise SpecError(f"--camera: '{camera.name}' moves with the arm, so no floor line has a fixed place in its pictures. Choose another")
    if out.resolve() == photograph.resolve():
        raise SpecError(f"{out}: is the photograph itself. Give --out another name")
    image = read_photograph(photograph, camera)
    out.parent.mkdir(parents=True, exist_ok=True)
    draw_photograph(body, camera, image, out)
    return [*row_lines(camera), what_to_compare(camera)]


def camera_images(body: Embodiment) -> dict[str, npt.NDArray[np.uint8]]:
    """What every camera sees, (H, W, 3), where the first one sees most in a house of the generator.

    Raises:
        SimError: the body can stand nowhere in that house.
    """
    camera = first_camera(body)
    simulator, _ = best_views(parse_house(generate_house(HOUSES[0], "val"), f"val {HOUSES[0]}"), body, camera.name)
    return {one.name: simulator.images(one.name, WIDTH, round(WIDTH * one.height_px / one.width_px))[0] for one in body.cameras}


def bundle_pictures(body: Embodiment) -> dict[str, bytes]:
    """PNG files for a bundle's card: `robot`, its outline with what its cameras take in, and one for each camera.

    A body that fits nowhere in the house that is drawn has its outline alone.
    """
    outline = io.BytesIO()
    side_view(body, outline)
    try:
        images = camera_images(body)
    except SimError:
        images = {}
    return {"robot": outline.getvalue(), **{name: _png(image) for name, image in images.items() if is_picture(f"{PICTURES}/{name}.png")}}


def _png(image: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="png")
    return file.getvalue()


def camera_rows(body: Embodiment) -> list[tuple[str, ...]]:
    """Table of the cameras, the heading first."""
    rows: list[tuple[str, ...]] = [
        ("camera", "role", "carried by", "height", "from the axis", "looks", "pitch down", "field of view", "turns")
    ]
    for camera in body.cameras:
        fov = f"{math.degrees(camera.horizontal_fov):.0f}° x {math.degrees(camera.vertical_fov):.0f}°"
        height, pitch = f"{camera.up_m:.2f} m", f"{math.degrees(camera.pitch):.0f}°"
        rows.append((camera.name, camera.role or "-", camera.on, height, place(camera), looks(camera), pitch, fov, _turns(camera)))
    return rows


def place(camera: Camera) -> str:
    """Where a lens is, seen from the axis of rotation: '0.05 m ahead, 0.02 m left'."""
    parts = [
        f"{abs(amount):.3g} m {way[amount < 0]}"
        for amount, way in ((camera.forward_m, ("ahead", "behind")), (camera.right_m, ("right", "left")))
        if abs(amount) >= 0.0005
    ]
    return ", ".join(parts) or "on it"


def looks(camera: Camera) -> str:
    """The way that a camera looks: 'ahead', '5° left', 'behind'."""
    degrees = round((math.degrees(camera.yaw) + 180.0) % 360.0 - 180.0, 1)
    if abs(degrees) == 180.0:
        return "behind"
    return "ahead" if degrees == 0 else f"{abs(degrees):g}° {'right' if degrees > 0 else 'left'}"


def action_rows(body: Embodiment) -> list[tuple[str, ...]]:
    """Table of the actions in the order of the policy's head, the heading first."""
    rows: list[tuple[str, ...]] = [("row", "action", "effect", "what it does", "allowed")]
    words = list(action_words(body))
    return rows + [(row, name, describe(body.actions[at].effect), does, when) for at, (row, name, does, when) in enumerate(words)]


def action_words(body: Embodiment) -> Iterator[tuple[str, str, str, str]]:
    """Row, name, what it does in metres and degrees, and when it is allowed, of every action."""
    for at, action in enumerate(body.actions):
        allowed = f"never: {action.masked}" if action.masked else "when " + " and ".join(action.needs) if action.needs else "always"
        yield str(at), action.name, in_words(action.effect), allowed


# What a positive and a negative amount along an axis is called.
_WAYS: Final[Mapping[tuple[str, str], tuple[str, str]]] = MappingProxyType(
    {("move_base", "forward"): ("forward", "back"), ("move_base", "right"): ("to the right", "to the left"),
     ("turn_base", "right"): ("to the right", "to the left"), ("turn_camera", "pan"): ("right", "left"),
     ("turn_camera", "tilt"): ("down", "up"), ("move_arm", "lift"): ("up", "down"), ("move_arm", "extend"): ("out", "in"),
     ("turn_wrist", "right"): ("right", "left"), ("move_hand", "forward"): ("forward", "back"), ("move_hand", "right"): ("right", "left"),
     ("move_hand", "up"): ("up", "down")}
)  # fmt: skip
_WHO: Final[Mapping[str, str]] = MappingProxyType(
    {"move_base": "drives", "turn_base": "turns", "move_arm": "arm", "move_hand": "hand", "turn_wrist": "wrist",
     "grasp": "closes the gripper", "release": "opens the gripper"}
)  # fmt: skip


def in_words(effect: Effect) -> str:
    """What an action does, with its unit: 'turns 30° to the left'."""
    if effect.kind == "say":
        return f"says {effect.axis}"
    if not effect.unit:
        return _WHO[effect.kind]
    size = abs(math.degrees(effect.amount)) if effect.unit == "rad" else abs(effect.amount)
    said = f"{round(size, 4):g}{'°' if effect.unit == 'rad' else ' m'}"
    return f"{effect.camera or _WHO[effect.kind]} {said} {_WAYS[effect.kind, effect.axis][effect.amount < 0]}"


def shape_line(body: Embodiment) -> str:
    """Base, arm and gripper in one line."""
    foot = body.footprint
    if foot.radius_m is not None:
        outline = f"radius {foot.radius_m:.3f} m"
    else:
        outline = f"{2 * foot.half_width_m:.3f} m wide and {2 * foot.half_length_m:.3f} m long"
    arm = "an arm" if body.arm is not None else "no arm"
    swept = f"sweeps a radius of {foot.swept_radius_m:.3f} m when it turns"
    senses = f"; senses {', '.join(body.senses)}" if body.senses else ""
    return f"{body.name}: base {outline}, {foot.height_m:.2f} m high, {swept}; {arm}; gripper {body.gripper}{senses}"


def _turns(camera: Camera) -> str:
    parts = []
    if camera.pan is not None:
        parts.append(f"pan {math.degrees(-camera.pan.low):.0f}° left to {math.degrees(camera.pan.high):.0f}° right")
    if camera.tilt is not None:
        parts.append(f"tilt {math.degrees(-camera.tilt.low):.0f}° up to {math.degrees(camera.tilt.high):.0f}° down")
    return ", ".join(parts) or "fixed"
