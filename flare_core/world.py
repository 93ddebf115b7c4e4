"""The view of the world that tasks, masks, experts and metrics are written against, and what a simulator must answer.

Arrays run over the batch. Frame and angles as in `embodiments.body`: x right, y up, z forward, metres, yaw clockwise,
pitch positive down, radians. An object is named by its index in its own house.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Images = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where and how one row begins an episode.

    Attributes:
        house: index into the simulator's houses.
        x, z, yaw: pose of the axis of rotation.
        episode: number of the episode; with the run's seed it keys jitter, noise, materials and light.
        randomise_materials: draw new colours for this episode (training) or keep the house's own (evaluation).
        randomise_light: draw the brightness and the colour of the light for this episode, or keep it as it is.
    """

    house: int
    x: float
    z: float
    yaw: float
    episode: int
    randomise_materials: bool = False
    randomise_light: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """State of every row. B rows, C cameras in the body's order. Read-only."""

    house: Ints  # (B,)
    position: Floats  # (B, 3), y = 0
    yaw: Floats  # (B,)
    joints: Floats  # (B, 3) lift, extend, wrist yaw; zeros without an arm
    camera_joints: Floats  # (B, C, 2) pan, tilt
    camera_position: Floats  # (B, C, 3)
    camera_yaw: Floats  # (B, C)
    camera_pitch: Floats  # (B, C)
    room: Ints  # (B,) index of the room in the house, -1 outside every room
    held: Ints  # (B,) object in the gripper, -1
    hand: Floats  # (B, 3) centre of the hand sphere; not numbers without an arm
    collided: Bools  # (B,) the last action would have touched something
    action_succeeded: Bools  # (B,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Geodesic distance over one house to the places from which an episode's target can be seen.

    Attributes:
        house: index of the house.
        objects: the targets.
        origin: x0, z0 of the grid's corner.
        shape: cells along z and x.
        metres: (nz * nx,) float32. Positive or 0 where the body can be; negative in the band next to obstacles, where the
            grid forbids to stand but a body may end up: the distance is the amount. Infinite beyond.
        goals: (G,) cells from which the target can be seen.
        body: which of the simulator's bodies it is for.
    """

    house: int
    objects: tuple[int, ...]
    origin: tuple[float, float]
    shape: tuple[int, int]
    metres: npt.NDArray[np.float32]
    goals: npt.NDArray[np.int32]
    body: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Directions that a body can face by its own actions, cheapest first; the first is to stay.

    Attributes:
        yaw: (O,) change of the base's yaw.
        pan, tilt: (O,) change of the camera's joints.
        cost: (O,) number of actions.
        first: (O,) the action to begin with, -1 for the first option.
        via: (O,) the option before the last base turn, so that a blocked turn blocks all that follow; -1 for the first.
    """

    yaw: Floats
    pan: Floats
    tilt: Floats
    cost: Floats
    first: Ints
    via: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Straight base moves that a body has.

    Attributes:
        right_m, forward_m: (M,) in the body's frame.
        action: (M,) index of the action.
        reserve: (M,) moves that are made only where no other brings the body nearer, such as backwards.
    """

    right_m: Floats
    forward_m: Floats
    action: Ints
    reserve: Bools


class Navigation(Protocol):
    """What can be asked about ways and views: of a house for one of the simulator's bodies, of rows for the body that each has."""

    def reachable(self, house: int, body: int = 0) -> Floats:
        """(N, 2) x, z of the cells of the largest connected place where the body can stand and turn."""

    def field(self, house: int, objects: tuple[int, ...], camera: str, within_m: float, body: int = 0) -> Field | None:
        """Way to the nearest place from which the camera, turned as far as base and joints allow, sees one of the objects.

        Returns:
            None when there is no such place.
        """

    def shows(self, house: int, objects: tuple[int, ...], camera: str, within_m: float, body: int = 0) -> bool:
        """Whether `field` has a way to anywhere, found out sooner than the way."""

    def room_field(self, house: int, rooms: tuple[int, ...], body: int = 0) -> Field | None:
        """Way into the nearest of these rooms; None when the body can get into none."""

    def near_field(self, house: int, objects: tuple[int, ...], within_m: float, body: int = 0) -> Field | None:
        """Way to the nearest place within a horizontal distance of one of the objects' centres; None when there is none."""

    def point_field(self, house: int, x: float, z: float, within_m: float, body: int = 0) -> Field | None:
        """Way to the nearest place within a distance of a point of the floor; None when there is none."""

    def reach_field(self, house: int, objects: tuple[int, ...], body: int = 0) -> Field | None:
        """Way to the nearest place from which the arm can take one of the objects; None when there is none.

        Raises:
            SimError: the body has no arm.
        """

    def reach(self, rows: Ints, objects: Ints, turns: Turns) -> tuple[Ints, Floats]:
        """The cheapest turn after which each row's arm, once stowed, can take one of its objects, standing where it stands.

        Args:
            rows: (R,) rows of the batch. objects: (R, K) objects of each row, -1 pads.

        Returns:
            (R,) index into `turns`, -1 when none will do, and (R, 2) lift and extension that reach it.
        """

    def arrival(self, field: Field, x: float, z: float) -> tuple[float, float]:
        """Goal cell (x, z) of a field that is nearest to a point as the crow flies."""

    def distance(self, field: Field, x: Floats, z: Floats) -> Floats:
        """(N,) metres from each point to the nearest goal cell; infinite where there is no way."""

    def sees(self, house: int, poses: Floats, objects: tuple[int, ...], camera: str, within_m: float, body: int = 0) -> Bools:
        """(N,) whether a body at each pose (x, z, yaw) with every joint at home would see one of the objects."""

    def look(self, rows: Ints, objects: Ints, camera: str, within_m: float, margin: float, turns: Turns) -> Ints:
        """First option after which the camera of each row, where it stands now, would see one of its objects.

        Args:
            rows: (R,) rows of the batch.
            objects: (R, K) objects of each row, -1 pads.
            margin: part of the image's half width and height that does not count, so that the view holds under noise.

        Returns:
            (R,) index into `turns`, -1 when no option shows an object.
        """

    def descend(self, rows: Ints, fields: Sequence[Field], turns: Turns, moves: Moves) -> Ints:
        """(R,) action that begins the shortest way down each row's field; -1 when every way is blocked."""


class Simulator(Protocol):
    """A batch of bodies, each in a house of its own."""

    name: str
    """What figures from it are called after."""
    body: Embodiment
    """What all bodies have in common can be asked of this one: names, roles, kinds of effects."""
    batch: int
    lost: Bools
    """(B,) rows whose state is lost, as when a simulator outside of this process has crashed: until they are begun anew, nothing that
    they show is to be learnt from."""

    @property
    def navigation(self) -> Navigation:
        """Ways and views in these houses for this body."""

    @property
    def bodies(self) -> Sequence[Embodiment]:
        """Those that rows may have, all of one structure."""

    @property
    def row_bodies(self) -> Ints:
        """(B,) which of `bodies` every row has."""

    def body_of(self, episode: int) -> int:
        """Which of `bodies` an episode is played with, by its number alone."""

    def house_count(self) -> int: ...

    def object_types(self, house: int) -> Sequence[str]:
        """Type of every object of a house, in index order."""

    def object_positions(self, house: int) -> Floats:
        """(N, 3) centres of a house's objects."""

    def object_sizes(self, house: int) -> Floats:
        """(N, 3) extents of the boxes around a house's objects, in their own frames."""

    def object_rooms(self, house: int) -> Ints:
        """(N,) room that each object's centre is in, -1 outside."""

    def positions_of(self, objects: Ints) -> Floats:
        """(B, K, 3) centres of objects (B, K) where they are now, wherever they were taken; not numbers where padded with -1."""

    def graspable(self, rows: Ints) -> Ints:
        """(R,) the object that the hand of each of these rows would take now, -1 for none or where it holds one already."""

    def room_types(self, house: int) -> Sequence[str]: ...

    def reset(self, rows: Ints, starts: Sequence[Start]) -> None:
        """Begin an episode in each of these rows. Joints go home; jitter is drawn anew."""

    def apply(self, actions: Ints) -> None:
        """Carry out one action, by index into body.actions, in every row. `say` does nothing here."""

    def world(self) -> World: ...

    def images(self, camera: str, width: int, height: int, rows: Ints | None = None) -> Images:
        """(B, height, width, 3) RGB of every row's camera, or of the named rows alone; row 0 of an image is its top.

        A new array: the simulator does not write to it again.
        """

    def visible(self, objects: Ints, camera: str, within_m: float) -> Bools:
        """Whether each row's camera sees each of these objects by AI2-THOR's rule.

        Args:
            objects: (B, K) object indices, -1 pads.
            within_m: greatest horizontal distance from the axis of rotation to a visibility point.

        Returns:
            (B, K), False where padded.
        """

    def free(self, rows: Ints, x: Floats, z: Floats, yaw: Floats) -> Bools:
        """(N,) whether each row's body could stand at each pose (one pose for each entry of rows)."""

    def moves(self, rows: Ints, x: Floats, z: Floats, yaw: Floats, distance_m: Floats) -> Bools:
        """(N,) whether a straight base move (forward positive) from each pose would touch nothing."""

    def snapshot(self) -> Mapping[str, npt.NDArray[Any]]:
        """Every array that the future depends on; `restore` of it gives a bit-identical future."""

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None: ...

    def close(self) -> None:
        """End whatever runs outside of this process. It is of no use afterwards."""
