"""Scenes of iTHOR and RoboTHOR as houses that flare can plan in: what is in them, and where the robot can be, asked of AI2-THOR itself.

A scene has no file as a ProcTHOR house has. So the boxes of its objects come from metadata, and its floor from the positions that the
agent can reach: where it cannot be, the floor gets low blocks, which stop the robot and hide nothing. A scene counts as one room, by
what iTHOR numbers it as. Only ways, starts and the expert rest on this; what happens and what is seen is AI2-THOR's.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.errors import SimError
from flare_core.houses.house import House, HouseObject, Room
from flare_core.simulators.thor.keeper import Keeper, Limits, LostError
from flare_core.simulators.thor.messages import Told, Work
from flare_core.simulators.thor.representation import RoundBase, represent
from flare_core.simulators.thor.simulator import find_build

DataSet = Literal["ithor", "robothor"]
Split = Literal["train", "val", "test"]
GRID_M: Final = 0.1
BLOCK_M: Final = 0.05  # height of what stops a robot and hides nothing
BLOCK: Final = "Blocked"  # type of these blocks
KINDS: Final[Mapping[int, str]] = {0: "Kitchen", 200: "LivingRoom", 300: "Bedroom", 400: "Bathroom"}
_ITHOR: Final[Mapping[Split, range]] = {"train": range(1, 21), "val": range(21, 26), "test": range(26, 31)}
_VERSION: Final = 1


def scene_names(dataset: DataSet, split: Split) -> list[str]:
    """The scenes of a split, as AI2-THOR's documentation divides them; RoboTHOR's own test scenes are not public, so "test" is "val"."""
    if dataset == "ithor":
        return [f"FloorPlan{first + number}" for number in _ITHOR[split] for first in KINDS]
    plans = range(1, 13) if split == "train" else range(1, 4)
    word = "Train" if split == "train" else "Val"
    return [f"FloorPlan_{word}{plan}_{layout}" for plan in plans for layout in range(1, 6)]


def survey(
    names: Sequence[str], body: Embodiment, arguments: Mapping[str, Any], limits: Limits, folder: Path, *, mode: str | None = None,
    round_base: RoundBase = "refuse", report: Callable[[int], None] = lambda done: None,
) -> list[House]:  # fmt: skip
    """Houses that stand for some scenes, from earlier surveys or made now with one controller.

    Args:
        arguments: of `Controller`. folder: where surveys are kept.
        report: receives how many scenes are done.

    Raises:
        SimError: a scene cannot be loaded, or the robot can be nowhere in it.
    """
    told = {name: str(arguments.get(name)) for name in ("local_executable_path", "platform", "commit_id")}
    about = [_VERSION, version("ai2thor"), told, repr(body.footprint), mode, round_base]
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    kept = [folder / f"{name}-{key[:16]}.json" for name in names]
    keeper: Keeper | None = None
    try:
        for at, (name, path) in enumerate(zip(names, kept, strict=True)):
            if not path.is_file():
                if keeper is None:
                    keeper = Keeper({**arguments, "width": 64, "height": 64}, limits)
                    keeper.ready()
                    initialize = represent(body, find_build(keeper)[0], mode, round_base).initialize
                _keep(path, name, _ask(keeper, name, initialize))
            report(at + 1)
    finally:
        if keeper is not None:
            keeper.close()
    return [house_of(json.loads(path.read_text(encoding="utf-8")), body) for path in kept]


def _ask(keeper: Keeper, name: str, initialize: Mapping[str, Any]) -> Told:
    calls = ({"action": "ResetObjectFilter"}, {"action": "GetReachablePositions", "gridSize": GRID_M})
    keeper.ask(Work(scene=name, initialize=dict(initialize), calls=calls))
    try:
        told = keeper.answer()
    except LostError as fault:
        raise SimError(f"ai2thor: scene {name} cannot be looked into: {fault}") from None
    if len(told.success) != len(calls) or not all(told.success):
        raise SimError(f"ai2thor: scene {name} cannot be looked into: {'; '.join(one for one in told.messages if one)}")
    return told


def _keep(path: Path, name: str, told: Told) -> None:
    data = {"scene": name, "objects": told.objects, "reachable": [[one["x"], one["z"]] for one in told.returned[1]]}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(data), encoding="utf-8")
    os.replace(temporary, path)


def house_of(data: Mapping[str, Any], body: Embodiment) -> House:
    """The house that stands for a surveyed scene.

    Raises:
        SimError: the robot can be nowhere in it.
    """
    reachable = np.array(data["reachable"], dtype=np.float64).reshape(-1, 2)
    if not len(reachable):
        raise SimError(f"ai2thor: scene {data['scene']}: {body.name} can be nowhere in it")
    reach = body.footprint.swept_radius_m
    low, high = reachable.min(axis=0) - reach - GRID_M, reachable.max(axis=0) + reach + GRID_M
    corners = ((low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1]))
    room = Room(id="room|0", type=_kind(data["scene"]), polygon=tuple((float(x), float(z)) for x, z in corners))
    things = [
        HouseObject(
            id=name, asset_id=kind, type=kind, position=tuple(centre), rotation=(0.0, 0.0, 0.0),
            size=tuple(max(side, 1e-3) for side in size), room=room.id,
        )
        for name, (kind, centre, size) in sorted(data["objects"].items())
    ]  # fmt: skip
    return House(id=data["scene"], rooms=(room,), walls=(), openings=(), objects=(*things, *_blocks(reachable, low, high, reach)))


def without_blocks(house: House) -> House:
    """The scene's own things alone, for a picture."""
    return replace(house, objects=tuple(thing for thing in house.objects if thing.type != BLOCK))


def _kind(scene: str) -> str:
    number = scene.removeprefix("FloorPlan").removesuffix("_physics")
    return KINDS.get(int(number) // 100 * 100, "LivingRoom") if number.isdigit() else "LivingRoom"


def _blocks(
    reachable: npt.NDArray[np.float64], low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], reach: float
) -> list[HouseObject]:
    """Low blocks over the floor that no reachable position comes well within the robot's reach of, one for each run of cells.

    Between two positions of the grid something may stick out; so the robot is kept from the outermost ones.
    """
    reach -= GRID_M / 2
    shape = np.ceil((high - low) / GRID_M).astype(int)
    centres = [low[axis] + (np.arange(shape[axis]) + 0.5) * GRID_M for axis in (0, 1)]
    free = np.zeros(shape, dtype=np.bool_)
    for x, z in reachable:
        near_x, near_z = (np.abs(centres[0] - x) < reach, np.abs(centres[1] - z) < reach)
        close = np.hypot(centres[0][near_x, None] - x, centres[1][None, near_z] - z) < reach
        free[np.ix_(near_x, near_z)] |= close
    blocks = list[HouseObject]()
    for row in range(shape[0]):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], (~free[row]).astype(np.int8), [0]])))
        for start, end in edges.reshape(-1, 2).tolist():
            centre = (float(centres[0][row]), BLOCK_M / 2, float(low[1] + (start + end) / 2 * GRID_M))
            size = (GRID_M, BLOCK_M, (end - start) * GRID_M)
            name = f"{BLOCK}|{len(blocks)}"
            blocks.append(
                HouseObject(id=name, asset_id=BLOCK, type=BLOCK, position=centre, rotation=(0.0, 0.0, 0.0), size=size, room="room|0")
            )
    return blocks
