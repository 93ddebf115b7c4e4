"""Objects that are not where their house has them: held in a hand, or let go somewhere else.

The arrays of a pack belong to all rows. A row whose objects have moved gets a copy of its house's boxes and faces with
those objects in their new places; `Loose.moved` says which rows that are. A copy is laid out as a pack of its own, in
which row b owns start[2 * b]:start[2 * b + 1]. The boxes of a held object stand behind all others, so that what is
carried can be left out of contact and still hides what is behind it.
"""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from flare_core.houses.assets import placements
from flare_core.simulators.embedded.arm import moved_box
from flare_core.simulators.embedded.jit import kernel
from flare_core.simulators.embedded.pack import Faces, ScenePack
from flare_core.simulators.embedded.scene import EVERYWHERE, shade_at
from flare_core.simulators.embedded.solids import Solids, solids_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

AT_HOME: Final = np.nan  # x of an object that stands where its house has it


def graspable_of(pack: ScenePack) -> Bools:
    """(N,) objects of all houses that a hand can take, by AI2-THOR's `pickupable`."""
    kinds = placements().where["isPickupable"]
    return np.array([name in kinds for types in pack.object_types for name in types], dtype=np.bool_)


class Loose:
    """The rows' own copies, and the poses that they follow from."""

    def __init__(self, pack: ScenePack, batch: int, *, grips: bool) -> None:
        """Lay out the copies; without a hand nothing ever moves and they stay empty."""
        self.shared = solids_of(pack)
        self.moved = np.zeros(batch, dtype=np.bool_)
        self.graspable = graspable_of(pack) if grips else np.zeros(0, dtype=np.bool_)
        self._pack = pack
        rows = batch if grips else 0
        boxes, things = pack.most(pack.box_start), pack.most(pack.object_start)
        self.poses = np.full((rows, things, 4), AT_HOME)  # x, y, z, yaw of every object that has moved
        self._boxes = np.zeros((rows * boxes, 8))
        self._owners = np.zeros(rows * boxes, dtype=np.int64)
        self._things = np.zeros((rows * things, 8))
        self._start, self._seen, self._thing_start = (np.zeros(2 * rows + 2, dtype=np.int64) for _ in range(3))
        self._faces = _copies_of(pack.faces, rows)
        self.contact = Solids(
            boxes=_like(self._boxes, pack.boxes), owners=_like(self._owners, pack.box_object), start=self._start,
            things=_like(self._things, pack.object_box), thing_start=self._thing_start,
        )  # fmt: skip
        """What can be touched: everything but what the row's own hand holds."""
        self.sight = self.contact._replace(start=self._seen)
        """What can be seen and hides: everything."""
        shared = pack.faces
        self.faces = Faces(**{name: _like(getattr(self._faces, name), getattr(shared, name)) for name in Faces._fields})
        self._room = (boxes, things)

    def clear(self, row: int) -> None:
        """Put everything of a row back where its house has it."""
        self.moved[row] = False
        if len(self.poses):
            self.poses[row] = AT_HOME

    def move(self, row: int, house: int, thing: int, pose: Floats, held: int) -> None:
        """Put one object of a row elsewhere.

        Args:
            pose: (4,) x, y, z of its box's centre and its yaw.
            held: the object in the row's hand, -1.
        """
        self.poses[row, thing] = pose
        self.rebuild(row, house, held)

    def rebuild(self, row: int, house: int, held: int) -> None:
        """Make a row's copy anew from the poses of its objects; none if all of them are at home."""
        self.moved[row] = bool((self.poses[row, :, 0] == self.poses[row, :, 0]).any())
        if not self.moved[row]:
            return
        most, things = self._room
        _copy_boxes(self.shared, house, self.poses[row], held, self._boxes, self._owners, self._things, self._start, self._seen,
                    self._thing_start, row, most, things)  # fmt: skip
        _copy_faces(self._pack.faces, self.shared, house, self.poses[row], self._faces, row)

    def carry(self, rows: Ints, house: Ints, held: Ints, poses: Floats) -> None:
        """Move the held objects of rows with their hands: (R, 4) poses."""
        for row, h, thing, pose in zip(rows.tolist(), house.tolist(), held.tolist(), poses, strict=True):
            self.poses[row, thing] = pose
            _carry_boxes(self.shared, h, thing, pose, self._boxes, self._things, self._start[2 * row + 1], self._thing_start[2 * row])
            _carry_faces(self._pack.faces, self.shared, h, thing, pose, self._faces, row)

    def load_of(self, row: int) -> Floats:
        """(L, 8) boxes of what a row's hand holds."""
        return self._boxes[self._start[2 * row + 1] : self._seen[2 * row + 1]]


def _like(own: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view that a kernel takes for the same type: as writable as the pack's array is."""
    view = own.view()
    view.flags.writeable = theirs.flags.writeable
    return view


def _copies_of(faces: Faces, rows: int) -> Faces:
    """Room for `rows` copies of the largest house. Rooms and openings are those of the pack, since they never move."""
    count, groups = int(np.diff(faces.house_face).max(initial=1)), int(np.diff(faces.house_group).max(initial=1))
    starts = {name: np.zeros(2 * rows + 2, dtype=np.int64) for name in Faces._fields if name.startswith("house")}
    starts["house_face"][::2] = np.arange(rows + 1) * count
    starts["house_group"][::2] = np.arange(rows + 1) * groups
    sizes = {"p": count, "u": count, "v": count, "n": count, "shade": count, "look": count, "sphere": groups, "group": groups}
    own = {name: np.zeros((rows * size, *getattr(faces, name).shape[1:]), getattr(faces, name).dtype) for name, size in sizes.items()}
    return Faces(**{**faces._asdict(), **own, **starts})


@kernel
def _thing_pose(box: Floats, out: Floats) -> None:
    """Write x, y, z and yaw of the box around an object."""
    out[0], out[1], out[2], out[3] = box[0], box[1], box[2], math.atan2(box[7], box[6])


@kernel
def _copy_boxes(
    shared: Solids, house: int, poses: Floats, held: int, boxes: Floats, owners: Ints, things: Floats, start: Ints, seen: Ints,
    thing_start: Ints, row: int, most: int, most_things: int,
) -> None:  # fmt: skip
    """Write a row's boxes, those of the held object last, and the boxes around its objects."""
    first, last = shared.start[house], shared.start[house + 1]
    base = shared.thing_start[house]
    origin = np.empty(4)
    at = row * most
    start[2 * row], seen[2 * row], thing_start[2 * row] = at, at, row * most_things
    for turn in range(2):
        if turn == 1:
            start[2 * row + 1] = at
        for k in range(first, last):
            own = shared.owners[k]
            if (turn == 1) != (own >= 0 and own == held):
                continue
            boxes[at] = shared.boxes[k]
            owners[at] = own
            if own >= 0 and not math.isnan(poses[own, 0]):
                _thing_pose(shared.things[base + own], origin)
                moved_box(shared.boxes[k], origin, poses[own, 0], poses[own, 1], poses[own, 2], poses[own, 3], boxes[at])
            at += 1
    seen[2 * row + 1] = at
    count = shared.thing_start[house + 1] - base
    thing_start[2 * row + 1] = row * most_things + count
    for own in range(count):
        out = things[row * most_things + own]
        out[:] = shared.things[base + own]
        if not math.isnan(poses[own, 0]):
            _thing_pose(shared.things[base + own], origin)
            moved_box(shared.things[base + own], origin, poses[own, 0], poses[own, 1], poses[own, 2], poses[own, 3], out)


@kernel
def _carry_boxes(shared: Solids, house: int, thing: int, pose: Floats, boxes: Floats, things: Floats, at: int, first_thing: int) -> None:
    """Write the boxes of a held object, which begin at `at`."""
    base = shared.thing_start[house]
    origin = np.empty(4)
    _thing_pose(shared.things[base + thing], origin)
    moved_box(shared.things[base + thing], origin, pose[0], pose[1], pose[2], pose[3], things[first_thing + thing])
    for k in range(shared.start[house], shared.start[house + 1]):
        if shared.owners[k] == thing:
            moved_box(shared.boxes[k], origin, pose[0], pose[1], pose[2], pose[3], boxes[at])
            at += 1


@kernel
def _carry_faces(faces: Faces, shared: Solids, house: int, thing: int, pose: Floats, own: Faces, row: int) -> None:
    """Write the faces and the culling sphere of one object in its new place; they are drawn whatever rooms are in view."""
    base, to = faces.house_face[house], own.house_face[2 * row]
    group_base, group_to = faces.house_group[house], own.house_group[2 * row]
    origin = np.empty(4)
    _thing_pose(shared.things[shared.thing_start[house] + thing], origin)
    sin, cos = math.sin(pose[3] - origin[3]), math.cos(pose[3] - origin[3])
    for g in range(faces.house_group[house + 1] - group_base):
        start, end = faces.group[group_base + g, 2], faces.group[group_base + g, 3]
        if faces.look[base + start, 2] != thing:
            continue
        own.group[group_to + g, 0], own.group[group_to + g, 1] = EVERYWHERE, -1
        sphere, out = faces.sphere[group_base + g], own.sphere[group_to + g]
        _turned(sphere, origin, pose, sin, cos, True, out)
        for f in range(start, end):
            _turned(faces.p[base + f], origin, pose, sin, cos, True, own.p[to + f])
            _turned(faces.u[base + f], origin, pose, sin, cos, False, own.u[to + f])
            _turned(faces.v[base + f], origin, pose, sin, cos, False, own.v[to + f])
            n = own.n[to + f]
            _turned(faces.n[base + f], origin, pose, sin, cos, False, n)
            own.shade[to + f] = shade_at(n[0], n[1], n[2])


@kernel
def _turned(
    vector: npt.NDArray[np.float32], origin: Floats, pose: Floats, sin: float, cos: float, is_point: bool, out: npt.NDArray[np.float32]
) -> None:
    """Write a point (or a direction) of a frame that has moved from `origin` to `pose`."""
    x, y, z = float(vector[0]), float(vector[1]), float(vector[2])
    if is_point:
        x, y, z = x - origin[0], y - origin[1], z - origin[2]
    wx, wz = cos * x + sin * z, cos * z - sin * x
    if is_point:
        wx, y, wz = wx + pose[0], y + pose[1], wz + pose[2]
    out[0], out[1], out[2] = np.float32(wx), np.float32(y), np.float32(wz)


@kernel
def _copy_faces(faces: Faces, shared: Solids, house: int, poses: Floats, own: Faces, row: int) -> None:
    """Write a row's faces and groups."""
    base, count = faces.house_face[house], faces.house_face[house + 1] - faces.house_face[house]
    group_base, groups = faces.house_group[house], faces.house_group[house + 1] - faces.house_group[house]
    to, group_to = own.house_face[2 * row], own.house_group[2 * row]
    own.house_face[2 * row + 1], own.house_group[2 * row + 1] = to + count, group_to + groups
    own.house_portal[2 * row], own.house_portal[2 * row + 1] = faces.house_portal[house], faces.house_portal[house + 1]
    own.house_room[2 * row], own.house_room[2 * row + 1] = faces.house_room[house], faces.house_room[house + 1]
    own.p[to : to + count] = faces.p[base : base + count]
    own.u[to : to + count] = faces.u[base : base + count]
    own.v[to : to + count] = faces.v[base : base + count]
    own.n[to : to + count] = faces.n[base : base + count]
    own.shade[to : to + count] = faces.shade[base : base + count]
    own.look[to : to + count] = faces.look[base : base + count]
    own.sphere[group_to : group_to + groups] = faces.sphere[group_base : group_base + groups]
    own.group[group_to : group_to + groups] = faces.group[group_base : group_base + groups]
    for thing in range(poses.shape[0]):
        if not math.isnan(poses[thing, 0]):
            _carry_faces(faces, shared, house, thing, poses[thing], own, row)
