"""A policy on recorded photographs: what it would have done, frame by frame."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from flare_core.acting.actions import Action
from flare_core.acting.pictures import CameraNeed, Picture
from flare_core.acting.policy import Policy
from flare_core.acting.state import State
from flare_core.errors import ActingError

SUFFIXES: Final = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
_NO_COLOUR: Final = ("F", "I", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's modes of depth pictures and the like


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the policy chose for one frame."""

    frame: str
    action: Action
    probabilities: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Every attribute."""
        return {"frame": self.frame, "action": self.action.to_json(), "probabilities": dict(self.probabilities)}


def frames_of(folder: Path, cameras: Mapping[str, CameraNeed]) -> list[dict[str, Path]]:
    """Files of every frame, by camera, in the order of their names, in which 10 comes after 9.

    The pictures of a camera lie in a subfolder of its name, or begin with its name and `_` or `-`; those of an only camera may lie
    there as they are. The first picture of one camera goes with the first of another, and so on.

    Raises:
        ActingError: there are none, or not as many of each camera.
    """
    if not folder.is_dir():
        raise ActingError(f"{folder}: is no folder. Name the folder that the pictures lie in")
    if not cameras:
        raise ActingError("this policy looks through no camera, so there is nothing to show it")
    found = {name: _files_of(folder, name, len(cameras) == 1) for name in cameras}
    bare = [name for name, files in found.items() if not files]
    if bare:
        where = f"{folder / bare[0]}/ or as {bare[0]}_*" + (", or as they are" if len(cameras) == 1 else "")
        raise ActingError(f"{folder}: has no picture of camera '{bare[0]}'. Put them into {where} ({', '.join(SUFFIXES)})")
    if len({len(files) for files in found.values()}) > 1:
        counts = ", ".join(f"{len(files)} of '{name}'" for name, files in found.items())
        raise ActingError(f"{folder}: has {counts}. Every frame needs one of each camera")
    return [dict(zip(found, files, strict=True)) for files in zip(*found.values(), strict=True)]


def read_picture(path: Path) -> Picture:
    """A photograph as uint8 (H, W, 3) RGB, turned as its EXIF says.

    Raises:
        ActingError: it is damaged, no picture, far too large, or has no colours to show.
    """
    try:
        with Image.open(path) as image:
            if image.mode in _NO_COLOUR:
                raise ActingError(f"{path}: is of mode {image.mode}, as depth pictures are. The policy looks at colour pictures")
            return np.array(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8)
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as fault:
        raise ActingError(f"{path}: cannot be read as a picture ({fault})") from None


def read_states(path: Path) -> list[dict[str, float | bool]]:
    """A JSON file with one state for all frames, or a list with one for each.

    Raises:
        ActingError: it is neither.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
    except ValueError as fault:
        raise ActingError(f"{path}: is not JSON ({fault})") from None
    states = data if isinstance(data, list) else [data]
    if not states or not all(isinstance(state, dict) for state in states):
        raise ActingError(f"{path}: must hold one object with the robot's state, or a list with one for each frame")
    return states


def act_on(policy: Policy, instruction: str, frames: Sequence[Mapping[str, Path]], states: Sequence[State]) -> Iterator[Step]:
    """What the policy chooses for every frame, until it ends the episode; its memory is of its own choices.

    Args:
        states: one for all frames, or one for each.

    Raises:
        ActingError: a picture, a state or the instruction cannot be used.
    """
    if len(states) not in (1, len(frames)):
        raise ActingError(f"state: there are {len(states)} states for {len(frames)} frames. Give one for all, or one for each")
    policy.reset(instruction, states[0])
    for at, frame in enumerate(frames):
        images = {name: read_picture(path) for name, path in frame.items()}
        try:
            action = policy.act(images, states[at if len(states) > 1 else 0])
        except ActingError as fault:
            raise ActingError(f"{next(iter(frame.values()))}: {fault}") from None
        yield Step(frame=next(iter(frame.values())).name, action=action, probabilities=policy.probabilities)
        if policy.over:
            return


def _files_of(folder: Path, camera: str, is_only: bool) -> list[Path]:
    inner = folder / camera
    if inner.is_dir():
        return _pictures(inner)
    named = [path for path in _pictures(folder) if path.name.startswith((f"{camera}_", f"{camera}-"))]
    return named or (_pictures(folder) if is_only else [])


def _pictures(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()), key=_by_number)


def _by_number(path: Path) -> list[tuple[int, int | str]]:
    """Digits count as numbers, and before letters."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", path.name) if part]
