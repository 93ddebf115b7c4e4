"""A robot on one page: from its side and from above, and what its cameras see in a house."""

import io
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from flare_core.adapters.pairing import describe
from flare_core.bundles.layout import PICTURES, is_picture
from flare_core.embodiments.body import Camera, Embodiment
from flare_core.errors import SimError
from flare_core.evaluation.portraits import side_view
from flare_core.houses.generate import generate_house, house_seeds
from flare_core.houses.procthor import parse_house
from flare_core.runs.viewpoints import best_views

WIDTH = 320  # of the pictures on the page, pixels
HOUSE = house_seeds("val", 1)[0]


def portrait(body: Embodiment, path: Path) -> Path:
    """Draw a robot, and what every camera sees where its first one sees most in a house of the generator.

    Raises:
        SimError: the body can stand nowhere in that house.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    side_view(body, path, camera_images(body))
    return path


def camera_images(body: Embodiment) -> dict[str, npt.NDArray[np.uint8]]:
    """What every camera sees, (H, W, 3), where the first one sees most in a house of the generator.

    Raises:
        SimError: the body can stand nowhere in that house.
    """
    if not body.cameras:
        return {}
    camera = body.camera_for("navigation") or body.cameras[0]
    simulator, _ = best_views(parse_house(generate_house(HOUSE, "val"), f"val {HOUSE}"), body, camera.name)
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
    rows: list[tuple[str, ...]] = [("camera", "role", "carried by", "height", "pitch down", "field of view", "turns")]
    for camera in body.cameras:
        fov = f"{math.degrees(camera.horizontal_fov):.0f}° x {math.degrees(camera.vertical_fov):.0f}°"
        height, pitch = f"{camera.up_m:.2f} m", f"{math.degrees(camera.pitch):.0f}°"
        rows.append((camera.name, camera.role or "-", camera.on, height, pitch, fov, _turns(camera)))
    return rows


def action_rows(body: Embodiment) -> list[tuple[str, ...]]:
    """Table of the actions in the order of the policy's head, the heading first."""
    rows: list[tuple[str, ...]] = [("row", "action", "effect", "allowed")]
    for at, action in enumerate(body.actions):
        allowed = f"never: {action.masked}" if action.masked else "when " + " and ".join(action.needs) if action.needs else "always"
        rows.append((str(at), action.name, describe(action.effect), allowed))
    return rows


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
