"""Ways and views in the houses of an embedded simulator, for its bodies: implements `world.Navigation`."""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Arm, Camera, Embodiment, Footprint
from flare_core.errors import SimError
from flare_core.simulators.embedded import arm as arms
from flare_core.simulators.embedded import grid, reaching, steering, views
from flare_core.simulators.embedded.geometry import rooms_at
from flare_core.simulators.embedded.loose import graspable_of
from flare_core.simulators.embedded.motion import blocked
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.pool import Pool
from flare_core.world import Bools, Field, Floats, Ints, Moves, Turns, World

V = TypeVar("V")

SPARE_M: Final = 0.03  # the grid's circle is this much wider than the body: a body between two cell centres is free too
POINTS_PAST: Final = math.radians(15)  # a telescope may point so far past an object's middle: the hand is wide, and things are too
BAND_WEIGHT: Final = 3.0  # a metre beside an obstacle counts as so many
VIEW_MARGIN: Final = 0.05  # part of the half image that does not count when a goal cell is judged
KEPT_GRIDS: Final = 4096
KEPT_GOALS: Final = 65536
KEPT_FIELDS: Final = 512
KEPT_EYES: Final = 16
FEWER: Final = 8
ALL: Final = 2**62  # more cells than any house has


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Where one house lets the body stand and turn.

    Attributes:
        origin: x0, z0. shape: cells along z and x.
        near: (nz * nx,) the reachable cell nearest to each, its own where it is one, -1 out of the way.
    """

    origin: tuple[float, float]
    shape: tuple[int, int]
    near: npt.NDArray[np.int32]

    def cells(self) -> npt.NDArray[np.int32]:
        """(N,) the reachable ones."""
        return np.flatnonzero(self.near == np.arange(len(self.near))).astype(np.int32)

    def centres(self, cells: npt.NDArray[np.int32]) -> Floats:
        """(N, 2) x, z."""
        j, i = np.divmod(cells, self.shape[1])
        return np.stack([self.origin[0] + (i + 0.5) * grid.CELL_M, self.origin[1] + (j + 0.5) * grid.CELL_M], axis=1)


class Kept(Generic[V]):
    """The most recently used values by key. Each can be computed again, so keeping them never changes an answer."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, V] = OrderedDict()

    def found(self, key: Hashable) -> V | None:
        """The value of a key if it is there, which does not count as a use of it."""
        return self._values.get(key)

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of a key, made if it is not there."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = self._values[key] = make()
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value


class Navigator:
    """Answers for the bodies of a pool. Grids, goal cells and fields are kept, the most recently used ones.

    What is asked about a house is asked for one of the bodies, by its number; what is asked about rows, for the body of each.
    A grid is shared by bodies of exactly the same reach and height.
    """

    def __init__(self, pack: ScenePack, pool: Pool, world: Callable[[], World]) -> None:
        """Prepare scratch; nothing is computed before it is asked for.

        Args:
            world: gives the present state of the simulator's rows.
        """
        self._pack, self._pool, self._bodies, self._world = pack, pool, pool.bodies, world
        boxes = pack.most(pack.box_start)
        self._near = np.zeros(boxes, dtype=np.int64)
        self._takes = graspable_of(pack)
        self._near_boxes, self._near_owners = np.zeros((boxes, 8)), np.zeros(boxes, dtype=np.int64)
        self._queue = np.zeros((grid.BUCKETS, 0), dtype=np.int32)
        few = 1 if len(pool.bodies) == 1 else FEWER  # of many bodies hardly one comes into the same house again
        self._grids: Kept[Grid] = Kept(KEPT_GRIDS // few)
        self._goals: Kept[npt.NDArray[np.int32]] = Kept(KEPT_GOALS // few)
        self._fields: Kept[Field | None] = Kept(KEPT_FIELDS)
        self._eyes: Kept[tuple[Floats, Floats]] = Kept(KEPT_EYES)

    def grid(self, house: int, body: int = 0) -> Grid:
        """Where a body can stand and turn in one house."""
        footprint = self._bodies[body].footprint
        key = (house, footprint.swept_radius_m, footprint.height_m)
        return self._grids.get(key, lambda: self._make_grid(house, footprint))

    def reachable(self, house: int, body: int = 0) -> Floats:
        """(N, 2) x, z of the cells of the largest connected place where a body can stand and turn."""
        here = self.grid(house, body)
        return here.centres(here.cells())

    def stands(self, house: int, x: float, z: float, yaw: float, body: int = 0) -> bool:
        """Whether a body at this pose touches nothing, in a house where nothing has moved."""
        first, last = int(self._pack.box_start[house]), int(self._pack.box_start[house + 1])
        return not blocked(self._pack.boxes, first, last, x, z, yaw, self._pool.shapes[body])

    def field(self, house: int, objects: tuple[int, ...], camera: str, within_m: float, body: int = 0) -> Field | None:
        """Way to the nearest place from which the camera, turned as far as base and joints allow, sees one of the objects."""
        key = (house, body, objects, camera, within_m)
        return self._fields.get(key, lambda: self._make_field(house, objects, camera, within_m, body))

    def shows(self, house: int, objects: tuple[int, ...], camera: str, within_m: float, body: int = 0) -> bool:
        """Whether there is such a place, of which one is enough here."""
        goals = self._goals.found((house, body, objects, camera, within_m))
        return len(self._make_goals(house, objects, camera, within_m, body, most=1) if goals is None else goals) > 0

    def room_field(self, house: int, rooms: tuple[int, ...], body: int = 0) -> Field | None:
        """Way into the nearest of these rooms."""
        key = (house, body, "rooms", rooms)
        goals = self._goals.get(key, lambda: self._cells_in(house, rooms, body))
        return self._fields.get(key, lambda: self._field_to(house, (), goals, body))

    def near_field(self, house: int, objects: tuple[int, ...], within_m: float, body: int = 0) -> Field | None:
        """Way to the nearest place within a horizontal distance of one of the objects' centres."""
        key = (house, body, "near", objects, within_m)
        goals = self._goals.get(key, lambda: self._cells_near(house, objects, within_m, body))
        return self._fields.get(key, lambda: self._field_to(house, objects, goals, body))

    def point_field(self, house: int, x: float, z: float, within_m: float, body: int = 0) -> Field | None:
        """Way to the nearest place within a distance of a point of the floor."""
        key = (house, body, "point", round(x, 3), round(z, 3), within_m)
        point = np.array([[x, z]])
        return self._fields.get(key, lambda: self._field_to(house, (), self._cells_around(house, point, within_m, body), body))

    def reach_field(self, house: int, objects: tuple[int, ...], body: int = 0) -> Field | None:
        """Way to the nearest place from which the arm can take one of the objects."""
        key = (house, body, "reach", objects)
        goals = self._goals.get(key, lambda: self._cells_to_reach(house, objects, body))
        return self._fields.get(key, lambda: self._field_to(house, objects, goals, body))

    def reach(self, rows: Ints, objects: Ints, turns: Turns) -> tuple[Ints, Floats]:
        """The cheapest turn after which each row's arm, once stowed, can take one of its objects."""
        world, pack, arm = self._world(), self._pack, self._arm()
        option, joints = np.full(len(rows), -1), np.zeros((len(rows), 2))
        pose = np.stack([world.position[rows, 0], world.position[rows, 2], world.yaw[rows]], axis=1)
        reaching.reach_rows(
            pack.boxes, pack.box_object, pack.box_start, self._takes, pack.object_box, pack.object_start, world.house[rows], pose, objects,
            arms.numbers_of(arm), *_arm_range(arm), self._pool.shapes[0], turns.yaw, POINTS_PAST, self._near, option, joints,
        )  # fmt: skip
        return option, joints

    def _arm(self) -> Arm:
        arm = self._bodies[0].arm
        if arm is None:
            raise SimError(f"{self._bodies[0].name} has no arm to reach with")
        if len(self._bodies) > 1:
            raise SimError("reaching is worked out for one body at a time. Choose a task that asks for no grasp, or one robot")
        return arm

    def _cells_to_reach(self, house: int, objects: tuple[int, ...], body: int) -> npt.NDArray[np.int32]:
        here, pack, arm = self.grid(house, body), self._pack, self._arm()
        reachable = (here.near == np.arange(len(here.near))).reshape(here.shape)
        goal, takes = np.zeros(here.shape, dtype=np.bool_), self._takes[pack.object_start[house] : pack.object_start[house + 1]]
        for own in objects:
            if takes[own]:
                reaching.mark_reach(
                    pack.boxes, pack.box_object, int(pack.box_start[house]), int(pack.box_start[house + 1]), takes, own,
                    pack.object_box[pack.object_start[house] + own], arms.numbers_of(arm), *_arm_range(arm), self._pool.shapes[body],
                    reachable, *here.origin, grid.CELL_M, self._near, goal,
                )  # fmt: skip
        return np.flatnonzero(_roomy(goal)).astype(np.int32)

    def arrival(self, field: Field, x: float, z: float) -> tuple[float, float]:
        """Goal cell of a field that is nearest to a point as the crow flies."""
        there = self.grid(field.house, field.body).centres(field.goals)
        nearest = there[int(np.argmin(np.hypot(there[:, 0] - x, there[:, 1] - z)))]
        return float(nearest[0]), float(nearest[1])

    def _field_to(self, house: int, objects: tuple[int, ...], goals: npt.NDArray[np.int32], body: int) -> Field | None:
        return self._flood(house, objects, goals, body) if len(goals) else None

    def _cells_in(self, house: int, rooms: tuple[int, ...], body: int) -> npt.NDArray[np.int32]:
        """Reachable cells whose centre, and all that is half a cell around it, is in one of the rooms."""
        here, pack = self.grid(house, body), self._pack
        cells = here.cells()
        inside = np.ones(len(cells), dtype=np.bool_)
        for dx, dz in ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)):
            points = here.centres(cells) + grid.CELL_M * np.array([dx, dz])
            found = np.empty(len(cells), dtype=np.int64)
            x, z = np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1])
            where = np.full(len(cells), house)
            rooms_at(pack.room_points, pack.room_point_start, pack.room_start, where, x, z, found)
            inside &= np.isin(found, rooms)
        return np.asarray(cells[inside])

    def _cells_near(self, house: int, objects: tuple[int, ...], within_m: float, body: int) -> npt.NDArray[np.int32]:
        """Reachable cells whose centre is near enough to an object's, with half a cell to spare."""
        things = self._pack.object_box[self._pack.object_start[house] + np.array(objects, dtype=np.int64)]
        return self._cells_around(house, things[:, [0, 2]], within_m, body)

    def _cells_around(self, house: int, points: Floats, within_m: float, body: int) -> npt.NDArray[np.int32]:
        """Reachable cells whose centre is near enough to one of the points (P, 2), with half a cell to spare."""
        here = self.grid(house, body)
        cells = here.cells()
        centres = here.centres(cells)
        away = np.hypot(centres[:, None, 0] - points[None, :, 0], centres[:, None, 1] - points[None, :, 1]).min(axis=1)
        return np.asarray(cells[away <= within_m - grid.CELL_M / 2])

    def distance(self, field: Field, x: Floats, z: Floats) -> Floats:
        """(N,) metres from each point to the nearest goal cell; infinite where there is no way."""
        out = np.empty(len(x))
        steering.heights_at(field.metres, *field.shape, *field.origin, grid.CELL_M, x, z, out)
        return out

    def sees(self, house: int, poses: Floats, objects: tuple[int, ...], camera: str, within_m: float, body: int = 0) -> Bools:
        """(N,) whether a body at each pose (x, z, yaw) with every joint at home would see one of the objects."""
        view = self._bodies[body].camera(camera)
        mount = np.array([view.right_m, view.up_m, view.forward_m, view.yaw])
        wanted, pack = np.array(objects, dtype=np.int64), self._pack
        targets = pack.object_box[pack.object_start[house] + wanted]
        first, last = int(pack.box_start[house]), int(pack.box_start[house + 1])
        return np.array([
            views.pose_sees(
                pack.boxes, pack.box_object, first, last, targets, wanted, x, z, yaw, mount, view.pitch, lens_of(view, 0.0), within_m
            )
            for x, z, yaw in poses.tolist()
        ], dtype=np.bool_)  # fmt: skip

    def look(self, rows: Ints, objects: Ints, camera: str, within_m: float, margin: float, turns: Turns) -> Ints:
        """(R,) first option after which the camera of each row would see one of its objects, -1 when none does."""
        world, pack, at, which = self._world(), self._pack, self._bodies[0].camera_index(camera), self._pool.which[rows]
        yaw, position = world.yaw[rows], world.position[rows]
        offset = world.camera_position[rows, at] - position
        shapes, sin, cos = self._pool.shapes[which], np.sin(yaw), np.cos(yaw)
        mount = np.stack([
            cos * offset[:, 0] - sin * offset[:, 2], offset[:, 1], sin * offset[:, 0] + cos * offset[:, 2], world.camera_yaw[rows, at] - yaw
        ], axis=1)  # fmt: skip
        lenses, limits = self._eyes.get((camera, margin), lambda: self._lenses_and_limits(at, margin))
        out = np.empty(len(rows), dtype=np.int64)
        views.first_looks(
            pack.boxes, pack.box_object, pack.box_start, pack.object_box, pack.object_start, self._near, shapes, world.house[rows],
            objects, np.stack([position[:, 0], position[:, 2], yaw], axis=1), mount, world.camera_pitch[rows, at], lenses[which],
            within_m, world.camera_joints[rows, at], limits[which], turns.yaw, turns.pan, turns.tilt, turns.via, out,
        )  # fmt: skip
        return out

    def _lenses_and_limits(self, camera: int, margin: float) -> tuple[Floats, Floats]:
        """(N, 4) lens of one camera of every body, and (N, 2, 2) limits of its pan and tilt."""
        views_ = [body.cameras[camera] for body in self._bodies]
        limits = [[[0.0, 0.0] if joint is None else [joint.low, joint.high] for joint in (view.pan, view.tilt)] for view in views_]
        return np.stack([lens_of(view, margin) for view in views_]), np.array(limits)

    def descend(self, rows: Ints, fields: Sequence[Field], turns: Turns, moves: Moves) -> Ints:
        """(R,) action that begins the shortest way down each row's field; -1 when every way is blocked."""
        world, pack = self._world(), self._pack
        out = np.empty(len(rows), dtype=np.int64)
        for at, (row, field) in enumerate(zip(rows.tolist(), fields, strict=True)):
            first, last = int(pack.box_start[field.house]), int(pack.box_start[field.house + 1])
            out[at] = steering.descend(
                pack.boxes, first, last, world.position[row, 0], world.position[row, 2], world.yaw[row], self._pool.shape[row], self._near,
                field.metres, *field.shape, *field.origin, grid.CELL_M, turns.yaw, turns.cost, turns.first, turns.via,
                moves.right_m, moves.forward_m, moves.action, moves.reserve,
            )  # fmt: skip
        return out

    def cell_at(self, house: int, x: float, z: float, body: int = 0) -> int:
        """The reachable cell nearest to a point; -1 when the point is out of the way."""
        here = self.grid(house, body)
        j, i = int((z - here.origin[1]) / grid.CELL_M), int((x - here.origin[0]) / grid.CELL_M)
        inside = 0 <= j < here.shape[0] and 0 <= i < here.shape[1]
        return int(here.near[j * here.shape[1] + i]) if inside else -1

    def way_to(self, house: int, cell: int, body: int = 0) -> Field:
        """Distances over one house to one of its cells."""
        return self._flood(house, (), np.array([cell], dtype=np.int32), body)

    def _make_grid(self, house: int, footprint: Footprint) -> Grid:
        pack = self._pack
        x0, z0, x1, z1 = pack.bounds[house].tolist()
        shape = (max(1, math.ceil((z1 - z0) / grid.CELL_M)), max(1, math.ceil((x1 - x0) / grid.CELL_M)))
        occupied = np.zeros(shape, dtype=np.bool_)
        boxes = pack.boxes[pack.box_start[house] : pack.box_start[house + 1]]
        grid.occupy(boxes, x0, z0, grid.CELL_M, footprint.swept_radius_m + SPARE_M, footprint.height_m, occupied)
        first, last = int(pack.room_start[house]), int(pack.room_start[house + 1])
        if last > first:
            grid.outside(pack.room_points, pack.room_point_start, first, last, x0, z0, grid.CELL_M, occupied)
        near, _ = grid.attach_band(grid.biggest_component(occupied), grid.BAND)
        return Grid(origin=(x0, z0), shape=shape, near=near)

    def _make_goals(
        self, house: int, objects: tuple[int, ...], camera: str, within_m: float, body: int, most: int = ALL
    ) -> npt.NDArray[np.int32]:  # fmt: skip
        """(G,) cells from which one of the objects can be seen; `most` that so many are enough of."""
        here, pack, view = self.grid(house, body), self._pack, self._bodies[body].camera(camera)
        low, high = pitch_range(self._bodies[body], view)
        mount = np.array([view.right_m, view.up_m, view.forward_m, view.yaw])
        rows = slice(int(pack.box_start[house]), int(pack.box_start[house + 1]))
        reachable = (here.near == np.arange(len(here.near))).reshape(here.shape)
        goal = np.zeros(here.shape, dtype=np.bool_)
        for own in objects:
            most -= views.mark_goals(
                pack.boxes[rows], pack.box_object[rows], self._near_boxes, self._near_owners,
                pack.object_box[pack.object_start[house] + own], own, mount, lens_of(view, VIEW_MARGIN), low, high, within_m,
                reachable, *here.origin, grid.CELL_M, goal, most,
            )  # fmt: skip
            if most == 0:
                break
        return np.flatnonzero(goal).astype(np.int32)

    def _make_field(self, house: int, objects: tuple[int, ...], camera: str, within_m: float, body: int) -> Field | None:
        key = (house, body, objects, camera, within_m)
        goals = self._goals.get(key, lambda: self._make_goals(house, objects, camera, within_m, body))
        return self._field_to(house, objects, goals, body)

    def _flood(self, house: int, objects: tuple[int, ...], goals: npt.NDArray[np.int32], body: int) -> Field:
        here = self.grid(house, body)
        size = len(here.near)
        if self._queue.shape[1] < size:
            self._queue = np.zeros((grid.BUCKETS, size), dtype=np.int32)
        metres = np.empty(size, dtype=np.float32)
        grid.fill_field(here.near, *here.shape, goals, self._queue, grid.CELL_M, BAND_WEIGHT, metres)
        metres.flags.writeable = False
        return Field(house=house, body=body, objects=objects, origin=here.origin, shape=here.shape, metres=metres, goals=goals)


def _roomy(goal: Bools) -> Bools:
    """Goal cells (nz, nx) that most of their neighbours share: a body that moves in steps misses a lone one."""
    padded = np.pad(goal, 1).astype(np.int64)
    around = sum(padded[j : j + goal.shape[0], i : i + goal.shape[1]] for j in range(3) for i in range(3))
    return np.asarray(goal & (around > 5))


def _arm_range(arm: Arm) -> tuple[Floats, Floats]:
    """Limits of lift and extension (4,), and where the joints start (3,)."""
    limits = np.array([arm.lift.low, arm.lift.high, arm.extend.low, arm.extend.high])
    return limits, np.array([arm.home_lift, arm.home_extend, arm.home_wrist])


def lens_of(camera: Camera, margin: float) -> Floats:
    """(4,) tangents of the half angles to the left, right, top and bottom edge of the image, less a part of each."""
    edges = (
        camera.cx / camera.fx, (camera.width_px - camera.cx) / camera.fx, camera.cy / camera.fy, (camera.height_px - camera.cy) / camera.fy
    )  # fmt: skip
    return np.array(edges) * (1.0 - margin)


def pitch_range(body: Embodiment, camera: Camera) -> tuple[float, float]:
    """Least and greatest pitch that the body's own actions can give a camera, radians, down positive."""
    tilts = [
        effect.amount
        for effect in (action.effect for action in body.actions if action.masked is None)
        if effect.kind == "turn_camera" and effect.axis == "tilt" and effect.camera == camera.name
    ]
    low = camera.tilt.low if camera.tilt is not None and any(tilt < 0 for tilt in tilts) else 0.0
    high = camera.tilt.high if camera.tilt is not None and any(tilt > 0 for tilt in tilts) else 0.0
    return camera.pitch + min(low, 0.0), camera.pitch + max(high, 0.0)
