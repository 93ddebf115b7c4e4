"""Actions that only ask: where the agent can be, how to get somewhere, what is in sight."""

import math
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from flare_core.simulators.embedded.grid import CELL_M
from flare_core.simulators.embedded.motion import shape_of, sweep
from flare_core.simulators.thor.engine.agent import Agent
from flare_core.simulators.thor.engine.arguments import ActionError
from flare_core.simulators.thor.engine.metadata import object_metadata, vector
from flare_core.world import Field, Floats

Given = dict[str, Any]
Point = tuple[float, float]
_DIRECTIONS: Final = ((1, 0), (-1, 0), (0, 1), (0, -1))
_MOST_CELLS: Final = 10_000
_GOAL_M: Final = 0.3  # a path to a point ends within this of it
_OBJECT_M: Final = (0.5, 1.0, 1.5, 2.0, 3.0)  # a path to an object ends as near to it as one of these


def reachable(agent: Agent, given: Given) -> list[dict[str, float]]:
    """GetReachablePositions: the grid points that moves of one grid step lead to, from where the agent stands."""
    grid = given.get("gridSize", 0.0) or agent.settings.grid_m
    if grid < 0:
        raise ActionError(f"gridSize must be > 0, not {grid}", kind="ArgumentOutOfRangeException")
    ways, (x, z, yaw) = _Ways(agent), agent.pose
    most = given.get("maxStepCount", 0) or _MOST_CELLS
    seen, queue = {(0, 0)}, deque([(0, 0)])
    found: list[dict[str, float]] = []
    while queue and len(found) < most:
        cell = queue.popleft()
        at = (x + cell[0] * grid, z + cell[1] * grid)
        found.append(vector(at[0], agent.settings.mode.origin_m, at[1]))
        for dx, dz in _DIRECTIONS:
            there = (cell[0] + dx, cell[1] + dz)
            if there not in seen and ways.open(at, (at[0] + dx * grid, at[1] + dz * grid), yaw):
                seen.add(there)
                queue.append(there)
    return found


class _Ways:
    """Whether the agent's body gets from one point to another without turning."""

    def __init__(self, agent: Agent) -> None:
        pack = agent.stage.pack
        self._boxes, self._near = pack.boxes, np.zeros(len(pack.boxes) + 1, dtype=np.int64)
        self._shape = shape_of(agent.simulator.body.footprint)
        self._low, self._high = agent.stage.low, agent.stage.high

    def open(self, start: Point, end: Point, yaw: float) -> bool:
        if not (self._low[0] <= end[0] <= self._high[0] and self._low[2] <= end[1] <= self._high[2]):
            return False
        sin, cos, dx, dz = math.sin(yaw), math.cos(yaw), end[0] - start[0], end[1] - start[1]
        forward, right = sin * dx + cos * dz, cos * dx - sin * dz
        share = sweep(self._boxes, 0, len(self._boxes), start[0], start[1], yaw, forward, right, 0.0, self._shape, self._near)
        return bool(share >= 1.0)


def path_to_object(agent: Agent, given: Given) -> dict[str, Any]:
    """GetShortestPath: to an object, or to the nearest one of a type."""
    kind, ident = given.get("objectType"), given.get("objectId")
    if (kind is None) == (ident is None):
        raise ActionError("give either objectType or objectId", kind="ArgumentException")
    if ident is not None:
        targets: tuple[int, ...] = (agent.index_of(ident),)
    else:
        targets = tuple(at for at, thing in enumerate(agent.stage.things) if thing.type == kind)
        if not targets:
            raise ActionError(f"Object type not found in scene: {kind}", kind="ArgumentException")
    for within in _OBJECT_M:
        field = agent.simulator.navigation.near_field(0, targets, within)
        if field is not None and _stands_on(field, _start(agent, given)):
            return {"corners": _corners(agent, field, _start(agent, given))}
    raise ActionError("Path to target could not be found")


def path_to_point(agent: Agent, given: Given) -> dict[str, Any]:
    """GetShortestPathToPoint."""
    end = given["target"]
    field = agent.simulator.navigation.point_field(0, end.get("x", 0.0), end.get("z", 0.0), _GOAL_M)
    if field is None or not _stands_on(field, _start(agent, given)):
        raise ActionError("Path to target could not be found")
    return {"corners": _corners(agent, field, _start(agent, given))}


def _start(agent: Agent, given: Given) -> Point:
    x, z, _ = agent.pose
    place = given.get("position", {})
    return float(place.get("x", x)), float(place.get("z", z))


def _stands_on(field: Field, at: Point) -> bool:
    """Whether the body can be there and get to the goal."""
    row, column = math.floor((at[1] - field.origin[1]) / CELL_M), math.floor((at[0] - field.origin[0]) / CELL_M)
    inside = 0 <= row < field.shape[0] and 0 <= column < field.shape[1]
    return inside and bool(np.isfinite(field.metres[row * field.shape[1] + column]))


def _corners(agent: Agent, field: Field, start: Point) -> list[dict[str, float]]:
    """Down the field cell by cell, then pulled straight wherever the body fits."""
    side, (rows, columns) = CELL_M, field.shape
    metres = np.abs(field.metres).reshape(rows, columns)
    row, column = math.floor((start[1] - field.origin[1]) / side), math.floor((start[0] - field.origin[0]) / side)
    points = [start]
    while metres[row, column] > 0 and len(points) < rows * columns:
        near = [(row + dr, column + dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1) if 0 <= row + dr < rows and 0 <= column + dc < columns]
        best = min(near, key=lambda cell: metres[cell])
        if metres[best] >= metres[row, column]:
            break
        row, column = best
        points.append((field.origin[0] + (column + 0.5) * side, field.origin[1] + (row + 0.5) * side))
    ways, corners, at = _Ways(agent), [points[0]], 0
    while at < len(points) - 1:
        far = next((far for far in range(len(points) - 1, at + 1, -1) if ways.open(points[at], points[far], 0.0)), at + 1)
        corners.append(points[far])
        at = far
    return [vector(x, agent.settings.mode.origin_m, z) for x, z in corners]


def visible_objects(agent: Agent, given: Given) -> list[str]:
    """GetVisibleObjects: ids of what a camera sees within a distance of the agent's axis."""
    number = given.get("thirdPartyCameraIndex")
    if number is not None and not 0 <= number < len(agent.lenses):
        raise ActionError(f"thirdPartyCameraIndex {number} is none of {len(agent.lenses)} cameras", kind="ArgumentOutOfRangeException")
    everything = range(len(agent.stage.things))
    lens = None if number is None else agent.lenses[number]
    seen = agent.sees(everything, given.get("maxDistance", agent.settings.visibility_m), lens)
    return [agent.stage.things[at].id for at in np.flatnonzero(seen).tolist()]


def objects_named(agent: Agent, given: Given) -> list[dict[str, Any]]:
    """GetObjectMetadata: of the objects that are named."""
    return told_of(agent, [agent.index_of(name) for name in given["objectIds"]], agent.boxes())


def told_of(agent: Agent, objects: Sequence[int], boxes: Floats) -> list[dict[str, Any]]:
    """Metadata of some objects; what stands on what is as the house says, and nothing of what was moved.

    Args:
        boxes: (N, 8) around all objects where they are now.
    """
    things, moved = agent.stage.things, agent.moved(boxes)
    gone = {things[at].id for at in {*np.flatnonzero(moved).tolist(), agent.held} if at >= 0}
    return [object_metadata(things[at], boxes[at], at == agent.held, gone) for at in objects]


def set_filter(agent: Agent, given: Given) -> None:
    """SetObjectFilter: ids that no object has are passed over, as by THOR."""
    agent.filter = [agent.stage.index[name] for name in given["objectIds"] if name in agent.stage.index]


def set_filter_by_type(agent: Agent, given: Given) -> None:
    """SetObjectFilterForType."""
    wanted = set(given["objectTypes"])
    agent.filter = [at for at, thing in enumerate(agent.stage.things) if thing.type in wanted]


def reset_filter(agent: Agent, given: Given) -> None:
    """ResetObjectFilter."""
    del given
    agent.filter = None
