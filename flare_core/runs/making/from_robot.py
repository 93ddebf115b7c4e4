"""A short file that extends a packaged robot and shows the values that every builder has to change."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from flare_core.embodiments.ranges import draws_of
from flare_core.embodiments.spec import content_of, load_embodiment
from flare_core.errors import SpecError
from flare_core.runs.making.new_files import check_name, check_place, save_checked
from flare_core.runs.making.spec_text import comment, flow
from flare_core.yaml_tree import Value

_LENS: Final = ("preset", "vertical_fov_deg", "horizontal_fov_deg", "intrinsics", "width_px", "height_px")
_BASE: Final = "radius_m: half of the widest side (of a box: width_m and length_m); height_m: floor to highest point. Tape measure."
_MOUNT: Final = (
    "mount, of the lens: forward_m or back_m, left_m or right_m, up_m (tape measure, from that point); pitch_down_deg or pitch_up_deg "
    "(a phone's level held against the camera); yaw_left_deg or yaw_right_deg if it looks aside."
)
_LENS_HELP: Final = (
    "lens: a preset (spoc, realsense_d435, oak_d_pro), or horizontal_fov_deg or vertical_fov_deg with width_px and height_px, or "
    "intrinsics (fx, fy, cx, cy, width_px, height_px) from camera_info. Without a data sheet: 2 * atan(W / 2 / D), W being the "
    "width that the picture shows of a wall at the distance D."
)
_ACTIONS: Final = "what your robot does in one action, metres and degrees. The order is that of the policy's outputs."


def extending_text(name: str, parent: str, shown: Mapping[str, Value]) -> str:
    """YAML of a robot that is its parent until a value is changed.

    Args:
        parent: what `extends:` says.
        shown: the parent's document after its own `extends`.
    """
    lines = [
        *comment(
            f"{name} is {parent} until you change a value. Metres and degrees, from the floor point under the axis of rotation (the spot "
            "that stays put when the robot turns in place). A line that you delete is taken from the parent."
        ),
        "kind: embodiment",
        f"extends: {flow(parent)}",
        f"name: {name}",
        *comment(_BASE),
        f"base: {flow(shown['base'])}",
        "cameras:",
    ]
    for at, (camera, said) in enumerate(_mapping(shown["cameras"]).items()):
        lines += _camera(camera, _mapping(said), explained=at == 0)
    lines += [*comment(_ACTIONS), "actions:", *_actions(shown["actions"])]
    if shown.get("arm") is not None:
        lines += comment(f"The arm and the gripper of {parent} are inherited; `arm: null` and `gripper: none` take them away.")
    return "\n".join(lines) + "\n"


def _camera(name: str, camera: Mapping[str, Value], *, explained: bool) -> list[str]:
    lens = [f"    {key}: {flow(camera[key])}" for key in _LENS if camera.get(key) is not None]
    mount = f"    mount: {flow(camera['mount'])}"
    if not explained:
        return [f"  {name}:", mount, *lens]
    return [f"  {name}:", *comment(_MOUNT, "    "), mount, *comment(_LENS_HELP, "    "), *lens]


def _actions(actions: Value) -> list[str]:
    """The vocabulary, one action a line."""
    if isinstance(actions, list):
        return [f"  - {flow(row)[1:-1]}" for row in actions]
    lines: list[str] = []
    for key, value in _mapping(actions).items():
        rows = isinstance(value, list) and bool(value) and isinstance(value[0], dict)
        lines += (
            [f"  {key}:", *(f"    - {flow(row)[1:-1]}" for row in value)]
            if isinstance(value, list) and rows
            else [f"  {key}: {flow(value)}"]
        )
    return lines


def _mapping(value: Value) -> dict[str, Value]:
    return value if isinstance(value, dict) else {}


def robot_like(name: str, parent: str, path: Path) -> Path:
    """Write `path`, a robot that extends another.

    Args:
        parent: a packaged robot's name or a path from the current folder.

    Raises:
        SpecError: the name is not legal, the place is taken, or the parent cannot be read or is many bodies.
    """
    check_name(name, "embodiment")
    check_place(path)
    loaded = load_embodiment(parent, random="middle")[1]
    if draws_of(content_of(loaded.resolved)):
        raise SpecError(
            f"--from {parent}: it describes many bodies, by ranges. Begin with one robot, such as --from locobot (see `flare list`)"
        )
    reference = parent if not _is_path(parent) else _relative(Path(parent), path.parent)
    save_checked(extending_text(name, reference, loaded.resolved), path, load_embodiment)
    return path


def _is_path(reference: str) -> bool:
    return "/" in reference or reference.endswith((".yaml", ".yml"))


def _relative(parent: Path, folder: Path) -> str:
    """The parent as it is found from the new file's folder."""
    return Path(os.path.relpath(parent.resolve(), folder.resolve())).as_posix()
