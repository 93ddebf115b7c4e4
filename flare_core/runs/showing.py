"""A robot on one page: from its side and from above, and what its cameras see in a house."""

import math
from pathlib import Path

from flare_core.adapters.pairing import describe
from flare_core.embodiments.body import Camera, Embodiment
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
    images = {}
    if body.cameras:
        camera = body.camera_for("navigation") or body.cameras[0]
        simulator, _ = best_views(parse_house(generate_house(HOUSE, "val"), f"val {HOUSE}"), body, camera.name)
        images = {one.name: simulator.images(one.name, WIDTH, round(WIDTH * one.height_px / one.width_px))[0] for one in body.cameras}
    side_view(body, path, images)
    return path


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
