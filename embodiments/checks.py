"""What can be wrong between the parts of a robot's YAML: names that lead nowhere, actions that the body cannot do.

Works on the plain document, so that these faults are told together with those of single values; hence every type is
doubted, and what has the wrong type is left to the models.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from flare_core.embodiments.presets import ACTIONS
from flare_core.spec_faults import did_you_mean
from flare_core.yaml_tree import Loc, Value

FAR_OUT_M: Final = 0.5  # more than any camera of a mobile robot stands out from its base
_ARM_EFFECTS: Final = ("move_arm", "move_hand", "turn_wrist")
_GRIPPER_EFFECTS: Final = ("grasp", "release")
_JOINT_OF: Final = {"left_deg": "pan", "right_deg": "pan", "up_deg": "tilt", "down_deg": "tilt"}


def preset_rows(preset: str | None, without: Sequence[str]) -> list[Mapping[str, Value]]:
    """Rows of a preset, less those that the robot does not have."""
    rows = ACTIONS[preset] if preset is not None else ()
    return [row for row in rows if not set(row) & set(without)]


def problems(document: Mapping[str, Value]) -> Iterator[tuple[Loc, str]]:
    """(path, message) of everything that does not fit together."""
    cameras = {name: camera for name, camera in _mapping(document.get("cameras")).items() if isinstance(camera, dict)}
    if not cameras and isinstance(document.get("cameras"), dict):
        yield ("cameras",), "a robot needs at least one camera. Add one with `mount:` and a field of view"
    yield from _roles(cameras)
    for name, camera in cameras.items():
        if camera.get("carried_by") == "wrist" and not document.get("arm"):
            yield ("cameras", name, "carried_by"), "'wrist', but the robot has no arm. Add `arm:`, or carry it by 'base'"
        yield from _rolls(name, _mapping(camera.get("mount")))
    yield from _far_mounts(_mapping(document.get("base")), cameras)
    rows = list(action_rows(document.get("actions")))
    yield from _choices(document.get("actions"), rows)
    yield from _repeats(rows)
    masked = _mapping(_mapping(document.get("actions")).get("masked"))
    allowed = [row for row in rows if row[1] not in masked and "masked" not in _mapping(row[2])]
    yield from _limbless(document, allowed)
    for loc, name, said in allowed:
        yield from _unturnable(cameras, loc, name, said)


def _mapping(value: Value) -> dict[str, Value]:
    return value if isinstance(value, dict) else {}


def _list(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []


def action_rows(actions: Value) -> Iterator[tuple[Loc, str, Value]]:
    """(path of what names it, name, effect) of every action, in order."""
    chosen = _mapping(actions)
    preset = chosen.get("preset")
    if isinstance(preset, str) and preset in ACTIONS:
        without = [name for name in _list(chosen.get("without")) if isinstance(name, str)]
        for row in preset_rows(preset, without):
            yield from ((("actions", "preset"), name, said) for name, said in row.items())
    stem: Loc = ("actions",) if isinstance(actions, list) else ("actions", "add")
    for at, entry in enumerate(_list(actions) or _list(chosen.get("add"))):
        yield from (((*stem, at, name), name, said) for name, said in _mapping(entry).items())


def _roles(cameras: Mapping[str, dict[str, Value]]) -> Iterator[tuple[Loc, str]]:
    first: dict[str, str] = {}
    for name, camera in cameras.items():
        role = camera.get("role")
        if isinstance(role, str) and first.setdefault(role, name) != name:
            yield ("cameras", name, "role"), f"'{role}' is already the role of camera '{first[role]}'. Remove one of the two"


def _far_mounts(base: Mapping[str, Value], cameras: Mapping[str, dict[str, Value]]) -> Iterator[tuple[Loc, str]]:
    """Cameras so far outside of the base's outline that they would look into walls and other rooms."""
    centre = _mapping(base.get("centre"))
    right, forward = _along(centre, "right_m", "left_m"), _along(centre, "forward_m", "back_m")
    radius = _number(base.get("radius_m"))
    half = (radius, radius) if radius else (_number(base.get("width_m")) / 2, _number(base.get("length_m")) / 2)
    for name, camera in cameras.items():
        mount = _mapping(camera.get("mount"))
        if camera.get("carried_by") == "wrist" or not all(half):
            continue
        aside, ahead = abs(_along(mount, "right_m", "left_m") - right), abs(_along(mount, "forward_m", "back_m") - forward)
        if radius:
            out = math.hypot(aside, ahead) - radius
        else:
            out = math.hypot(max(aside - half[0], 0.0), max(ahead - half[1], 0.0))
        if out > FAR_OUT_M:
            what = f"the camera is {out:.2f} m outside of the base's outline and would look through walls"
            yield ("cameras", name, "mount"), f"{what}. Measure from the floor point under the axis of rotation, in metres"


def _rolls(name: str, mount: Mapping[str, Value]) -> Iterator[tuple[Loc, str]]:
    """A camera that hangs upside down or on its side: nothing in a description can say so."""
    for key in mount:
        if isinstance(key, str) and "roll" in key:
            what = "a camera is described as its pictures are, the right way up"
            yield ("cameras", name, "mount", key), f"{what}. Remove the line, and turn the pictures before they reach the policy"


def _along(directions: Mapping[str, Value], plus: str, minus: str) -> float:
    return _number(directions.get(plus)) - _number(directions.get(minus))


def _number(value: Value) -> float:
    """A number, 0 for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _choices(actions: Value, rows: Sequence[tuple[Loc, str, Value]]) -> Iterator[tuple[Loc, str]]:
    chosen = _mapping(actions)
    preset = chosen.get("preset")
    offered = [name for row in ACTIONS.get(preset, ()) for name in row] if isinstance(preset, str) else []
    if isinstance(preset, str) and preset not in ACTIONS:
        return
    for at, name in enumerate(_list(chosen.get("without"))):
        if isinstance(name, str) and name not in offered:
            what = f"preset '{preset}' has no action '{name}'." if preset else "there is no `preset:` to take it from."
            yield ("actions", "without", at), f"{what} Remove it from `without`.{did_you_mean(name, offered)}"
    names = [name for _, name, _ in rows]
    for name in _mapping(chosen.get("masked")):
        if name not in names:
            yield ("actions", "masked", name), f"the robot has no action '{name}'. Remove the line.{did_you_mean(name, names)}"
    if not rows and (chosen or actions == []):
        yield ("actions",), "the list is empty. Name a `preset:` or list actions"


def _repeats(rows: Sequence[tuple[Loc, str, Value]]) -> Iterator[tuple[Loc, str]]:
    first: dict[str, Loc] = {}
    for loc, name, _ in rows:
        if first.setdefault(name, loc) != loc:
            from_preset = first[name] == ("actions", "preset")
            mend = f", or take the preset's out with `without: [{name}]`" if from_preset else ""
            yield loc, f"the action '{name}' is there already. Give one of the two another name{mend}"


def _limbless(document: Mapping[str, Value], rows: Sequence[tuple[Loc, str, Value]]) -> Iterator[tuple[Loc, str]]:
    """Actions for an arm or a gripper that the robot does not have; those of a preset in one message."""
    lacking: dict[tuple[Loc, str], list[str]] = {}
    for loc, name, said in rows:
        for effect in [said] if isinstance(said, str) else _mapping(said):
            if effect in _ARM_EFFECTS and not document.get("arm"):
                lacking.setdefault((loc, "arm"), []).append(name)
            if effect in _GRIPPER_EFFECTS and document.get("gripper", "none") == "none":
                lacking.setdefault((loc, "gripper"), []).append(name)
    for (loc, limb), names in lacking.items():
        mend = f"Take out with `without: [{', '.join(names)}]`, or keep the rows with `masked: {{{names[0]}: the reason}}`"
        yield loc, f"{', '.join(names)}: the robot has no {limb} to do this with. {mend}"


def _unturnable(cameras: Mapping[str, dict[str, Value]], loc: Loc, name: str, said: Value) -> Iterator[tuple[Loc, str]]:
    """An action that turns a camera which is not there or has no such joint."""
    turn = _mapping(_mapping(said).get("turn_camera"))
    camera = turn.get("camera")
    if not isinstance(camera, str):
        return
    if camera not in cameras:
        near = did_you_mean(camera, cameras)
        yield (*loc, "turn_camera", "camera"), f"no camera '{camera}'. The robot has: {', '.join(cameras) or 'none'}.{near}"
        return
    for joint in {_JOINT_OF[key] for key in turn if key in _JOINT_OF}:
        if not cameras[camera].get(joint):
            limits = "{left_deg: 90, right_deg: 90}" if joint == "pan" else "{up_deg: 60, down_deg: 60}"
            yield (*loc, "turn_camera"), f"camera '{camera}' has no {joint} joint. Add `{joint}: {limits}` to it, or take '{name}' out"
