"""What a searcher with a map has looked at, and from where it would see what is left.

The searcher knows the building, where the body can stand, and where things are; it does not know what they are before its
camera has seen them. A **place** is one thing (AI2-THOR's 15 visibility points) or one spot of floor or furniture top (one
point) where something small might lie. A place is unseen until the camera sees it by the same rule that judges success:
in range, inside the frustum, nothing in between.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Camera
from flare_core.simulators.embedded import views
from flare_core.simulators.embedded.geometry import room_at
from flare_core.simulators.embedded.jit import kernel
from flare_core.simulators.embedded.navigation import Kept
from flare_core.simulators.embedded.sight import NEAR_M, POINTS, clear, point_of
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.world import Bools, Floats, Ints

STAND_CELLS: Final = 5  # viewpoints are this many cells apart,
SPOT_M: Final = 0.5  # and spots about so many metres
FLOOR_M: Final = 0.1  # height of a spot above the floor,
TOP_M: Final = 0.05  # and above furniture
LEAST_TOP_M: Final = 0.3  # sides of a top that something could lie on
HIGHEST_M: Final = 1.6  # nothing is put higher
SPOT_OWNER: Final = -2  # no box belongs to a spot, so that everything can hide it

Masks = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a target may be in one house, and from where it would be seen. N places, V viewpoints.

    Attributes:
        points: (N, 15, 3) points of each place, of which the first `count` (N,) are used.
        owner: (N,) the object whose own boxes do not hide it, SPOT_OWNER for a spot.
        weight: (N,) belief that a target is there; things and spots share it evenly where there are spots.
        stands: (V, 2) x, z of the viewpoints; `cells` (V,) their cells in the navigation grid.
        open: (V, N) bit p is set where point p is in range and nothing hides it from a camera turned towards it.
    """

    points: Floats
    count: Ints
    owner: Ints
    weight: Floats
    stands: Floats
    cells: npt.NDArray[np.int32]
    open: Masks


class SearchMap:
    """Places of every house for one camera's height, and ways to the viewpoints; computed when asked for."""

    def __init__(self, simulator: EmbeddedSimulator, camera: Camera, within_m: float, with_spots: bool) -> None:
        """Prepare scratch.

        Args:
            within_m: how far the camera recognises things.
            with_spots: whether a target may also be where the map shows nothing but a free surface.
        """
        self.within_m = within_m
        self.mount = np.array([camera.right_m, camera.up_m, camera.forward_m, camera.yaw])
        self.pack, self._navigator, self._with_spots = simulator.pack, simulator.navigation, with_spots
        boxes = self.pack.most(self.pack.box_start)
        self._near, self._near_owners = np.zeros((boxes, 8)), np.zeros(boxes, dtype=np.int64)
        self._places: Kept[Places] = Kept(simulator.house_count())

    def places(self, house: int) -> Places:
        """Places and viewpoints of one house."""
        return self._places.get(house, lambda: self._make(house))

    def open_here(self, house: int, x: float, z: float, wanted: Bools) -> Masks:
        """(N,) as a row of `Places.open`, for a body at (x, z) and the wanted (N,) places alone."""
        places, pack = self.places(house), self.pack
        out = np.zeros(len(places.owner), dtype=np.uint16)
        open_from(
            pack.boxes, pack.box_object, int(pack.box_start[house]), int(pack.box_start[house + 1]), self._near, self._near_owners,
            x, z, self.mount, self.within_m, places.points, places.count, places.owner, wanted, out,
        )  # fmt: skip
        return out

    def _make(self, house: int) -> Places:
        pack, here = self.pack, self._navigator.grid(house)
        box = pack.object_box[pack.object_start[house] : pack.object_start[house + 1]]
        spots = self._spots(house, box) if self._with_spots else np.zeros((0, 3))
        points = np.zeros((len(box) + len(spots), POINTS, 3))
        thing_points(box, points)
        points[len(box) :, 0] = spots
        cells = here.cells()
        j, i = np.divmod(cells, here.shape[1])
        cells = cells[(j % STAND_CELLS == STAND_CELLS // 2) & (i % STAND_CELLS == STAND_CELLS // 2)]
        stands = here.centres(cells)
        places = Places(
            points=points,
            count=np.repeat([POINTS, 1], [len(box), len(spots)]),
            owner=np.concatenate([np.arange(len(box)), np.full(len(spots), SPOT_OWNER)]),
            weight=np.repeat([1.0, len(box) / max(len(spots), 1)], [len(box), len(spots)]),
            stands=stands,
            cells=cells,
            open=np.zeros((len(cells), len(points)), dtype=np.uint16),
        )
        wanted = np.ones(len(points), dtype=np.bool_)
        for at, (x, z) in enumerate(stands.tolist()):
            open_from(
                pack.boxes, pack.box_object, int(pack.box_start[house]), int(pack.box_start[house + 1]), self._near, self._near_owners,
                x, z, self.mount, self.within_m, places.points, places.count, places.owner, wanted, places.open[at],
            )  # fmt: skip
        return places

    def _spots(self, house: int, box: Floats) -> Floats:
        """(M, 3) points just above the floor of the rooms and above the tops of furniture."""
        pack = self.pack
        x0, z0, x1, z1 = pack.bounds[house].tolist()
        first, last = int(pack.room_start[house]), int(pack.room_start[house + 1])
        found = [
            (x, FLOOR_M, z)
            for z in np.arange(z0 + SPOT_M / 2, z1, SPOT_M).tolist()
            for x in np.arange(x0 + SPOT_M / 2, x1, SPOT_M).tolist()
            if room_at(pack.room_points, pack.room_point_start, first, last, x, z) >= 0
        ]
        for cx, cy, cz, hx, hy, hz, cos, sin in box.tolist():
            if cy + hy > HIGHEST_M or min(hx, hz) < LEAST_TOP_M / 2:
                continue
            across, along = max(1, round(2 * hx / SPOT_M)), max(1, round(2 * hz / SPOT_M))
            for a in range(across):
                for b in range(along):
                    lx, lz = hx * ((2 * a + 1) / across - 1), hz * ((2 * b + 1) / along - 1)
                    found.append((cx + cos * lx + sin * lz, cy + hy + TOP_M, cz + cos * lz - sin * lx))
        return np.array(found).reshape(-1, 3)


@kernel
def thing_points(boxes: Floats, out: Floats) -> None:
    """Write the (N, 15, 3) visibility points of (N, 8) boxes."""
    for n in range(boxes.shape[0]):
        for index in range(POINTS):
            point_of(boxes[n], index, out[n, index])


@kernel
def open_from(
    boxes: Floats, owners: Ints, first: int, last: int, near: Floats, near_owners: Ints, x: float, z: float, mount: Floats,
    within_m: float, points: Floats, count: Ints, owner: Ints, wanted: Bools, out: Masks,
) -> None:  # fmt: skip
    """Write (N,) which points of the wanted places nothing hides from a camera at mount on a body at (x, z), turned to them."""
    boxes_near = views.around(boxes, owners, first, last, x, z, within_m + math.hypot(mount[0], mount[2]), near, near_owners)
    eye = np.empty(3)
    for n in range(points.shape[0]):
        out[n] = 0
        if not wanted[n]:
            continue
        for p in range(count[n]):
            point = points[n, p]
            if math.hypot(point[0] - x, point[2] - z) > within_m:
                continue
            views.eye_at(x, z, math.atan2(point[0] - x, point[2] - z) - mount[3], mount, eye)
            if clear(near, near_owners, 0, boxes_near, owner[n], eye[0], eye[1], eye[2], point):
                out[n] |= 1 << p


@kernel
def glance(
    boxes: Floats, owners: Ints, first: int, last: int, eye: Floats, yaw: float, pitch: float, lens: Floats, x: float, z: float,
    within_m: float, points: Floats, count: Ints, owner: Ints, unseen: Bools,
) -> None:  # fmt: skip
    """Strike off the unseen (N,) places that a camera sees now.

    Args:
        eye: (3,) optical centre; yaw, pitch: its direction in the world.
        lens: (4,) tangents of the half angles to the left, right, top and bottom edge of the image.
        x, z: axis of rotation, which range is measured from.
    """
    rotation = np.empty((3, 3))
    views.rotation_of(yaw, pitch, rotation)
    for n in range(points.shape[0]):
        if not unseen[n]:
            continue
        for p in range(count[n]):
            point = points[n, p]
            if math.hypot(point[0] - x, point[2] - z) > within_m:
                continue
            dx, dy, dz = point[0] - eye[0], point[1] - eye[1], point[2] - eye[2]
            depth = rotation[2, 0] * dx + rotation[2, 1] * dy + rotation[2, 2] * dz
            right = rotation[0, 0] * dx + rotation[0, 2] * dz
            up = rotation[1, 0] * dx + rotation[1, 1] * dy + rotation[1, 2] * dz
            if depth < NEAR_M or right < -lens[0] * depth or right > lens[1] * depth or up > lens[2] * depth or up < -lens[3] * depth:
                continue
            if clear(boxes, owners, first, last, owner[n], eye[0], eye[1], eye[2], point):
                unseen[n] = False
                break


@kernel
def gains(
    x: float, z: float, mount: Floats, opened: Masks, points: Floats, count: Ints, weight: Floats, yaws: Floats, pitches: Floats,
    lens: Floats, seen: Bools, out: Floats,
) -> None:  # fmt: skip
    """Add to (K, T) how much weight a camera on a body at (x, z) would see anew in each of K x T directions (yaw, pitch).

    Args:
        opened: (N,) bits of the points that nothing hides there.
        weight: (N,) 0 where a place has been seen.
        seen: (K, T, N) places that have been counted already; updated.
    """
    eye = np.empty(3)
    for n in range(points.shape[0]):
        if weight[n] <= 0.0 or opened[n] == 0:
            continue
        for p in range(count[n]):
            if not (opened[n] >> p) & 1:
                continue
            views.eye_at(x, z, math.atan2(points[n, p, 0] - x, points[n, p, 2] - z) - mount[3], mount, eye)
            dx, dy, dz = points[n, p, 0] - eye[0], points[n, p, 1] - eye[1], points[n, p, 2] - eye[2]
            for k in range(yaws.shape[0]):
                sin, cos = math.sin(yaws[k]), math.cos(yaws[k])
                right, flat = cos * dx - sin * dz, sin * dx + cos * dz
                longest = math.hypot(flat, dy)
                if right < -lens[0] * longest or right > lens[1] * longest:
                    continue
                for t in range(pitches.shape[0]):
                    if seen[k, t, n]:
                        continue
                    sp, cp = math.sin(pitches[t]), math.cos(pitches[t])
                    depth, up = cp * flat - sp * dy, sp * flat + cp * dy
                    if depth < NEAR_M or right < -lens[0] * depth or right > lens[1] * depth:
                        continue
                    if up > lens[2] * depth or up < -lens[3] * depth:
                        continue
                    seen[k, t, n] = True
                    out[k, t] += weight[n]


@kernel
def survey(
    stands: Floats, ways: Floats, bearings: Floats, open_from_stands: Masks, open_here: Masks, here: Floats, mount: Floats, points: Floats,
    count: Ints, weight: Floats, yaws: Floats, turns: Floats, turn: float, pitches: Floats, tilts: Floats, lens: Floats,
) -> tuple[int, int, int, float]:  # fmt: skip
    """The view that shows most unseen weight per action needed.

    Args:
        ways: (V,) actions to each viewpoint, facing the way; infinite for those that are out. `bearings` (V,) the direction of
            the way, as a turn from where the body faces now, radians.
        here: (2,) x, z of the body; `open_here` (N,) what is open from there.
        yaws: (K,) directions that the camera can be given, world; `turns` (K,) the turns to them from now, radians.
        turn: radians of one turn action.
        pitches: (T,) and the actions to each, `tilts` (T,).

    Returns:
        Viewpoint (V for here), direction, pitch, weight that they show; (-1, -1, -1, 0.0) when nothing that is left can be seen.
    """
    count_v = stands.shape[0]
    bound = np.zeros(count_v + 1)
    for v in range(count_v + 1):
        if v < count_v and math.isinf(ways[v]):
            continue
        opened = open_here if v == count_v else open_from_stands[v]
        total = 0.0
        for n in range(weight.shape[0]):
            if opened[n] != 0:
                total += weight[n]
        bound[v] = total / (1.0 if v == count_v else max(1.0, ways[v]))
    best, best_v, best_k, best_t, best_gain = 1e-9, -1, -1, -1, 0.0
    found = np.empty((yaws.shape[0], pitches.shape[0]))
    seen = np.empty((yaws.shape[0], pitches.shape[0], weight.shape[0]), np.bool_)
    while True:
        v = int(np.argmax(bound))
        if bound[v] <= best:
            return best_v, best_k, best_t, best_gain
        bound[v] = 0.0
        is_here = v == count_v
        opened = open_here if is_here else open_from_stands[v]
        x, z = (here[0], here[1]) if is_here else (stands[v, 0], stands[v, 1])
        found[:], seen[:] = 0.0, False
        gains(x, z, mount, opened, points, count, weight, yaws, pitches, lens, seen, found)
        for k in range(yaws.shape[0]):
            away = turns[k] if is_here else turns[k] - bearings[v]
            round_way = abs(away - math.tau * math.floor(away / math.tau + 0.5)) / turn
            for t in range(pitches.shape[0]):
                cost = max(1.0, (0.0 if is_here else ways[v]) + round_way + tilts[t])
                if found[k, t] / cost > best:
                    best, best_v, best_k, best_t, best_gain = found[k, t] / cost, v, k, t, found[k, t]


@kernel
def route_gains(
    metres: npt.NDArray[np.float32], nz: int, nx: int, x0: float, z0: float, cell: float, every: int, u: int, stands: Floats,
    open_from_stands: Masks, mount: Floats, points: Floats, count: Ints, weight: Floats, pans: Floats, pitches: Floats, lens: Floats,
    out: Floats,
) -> None:  # fmt: skip
    """Write (K, T) how much weight a camera held at each pan and pitch would see on the way down a field from cell u.

    Looked at from the viewpoint nearest to every so many cells of the way, in the direction of the way.
    """
    out[:] = 0.0
    seen = np.zeros((pans.shape[0], pitches.shape[0], weight.shape[0]), np.bool_)
    since, fromx, fromz = 0, x0 + (u % nx + 0.5) * cell, z0 + (u // nx + 0.5) * cell
    while True:
        best, step = metres[u], -1
        for dj in range(-1, 2):
            for di in range(-1, 2):
                j, i = u // nx + dj, u % nx + di
                if 0 <= j < nz and 0 <= i < nx and 0.0 <= metres[j * nx + i] < best:
                    best, step = metres[j * nx + i], j * nx + i
        if step < 0:
            return
        u, since = step, since + 1
        if since < every:
            continue
        x, z = x0 + (u % nx + 0.5) * cell, z0 + (u // nx + 0.5) * cell
        yaw, since = math.atan2(x - fromx, z - fromz), 0
        fromx, fromz = x, z
        near, least = 0, np.inf
        for v in range(stands.shape[0]):
            away = math.hypot(stands[v, 0] - x, stands[v, 1] - z)
            if away < least:
                near, least = v, away
        gains(
            stands[near, 0], stands[near, 1], mount, open_from_stands[near], points, count, weight, yaw + mount[3] + pans, pitches, lens,
            seen, out,
        )  # fmt: skip
