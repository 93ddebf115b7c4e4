"""The embedded simulator: a batch of bodies, each in a house of its own, stepped and rendered in one process."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.errors import SimError
from flare_core.houses.house import House
from flare_core.seeding import key_of, stream
from flare_core.simulators.embedded import motion, sight
from flare_core.simulators.embedded.buffers import Own
from flare_core.simulators.embedded.cameras import CameraPoses, Eyes, camera_poses, intrinsics, rotations
from flare_core.simulators.embedded.chance import draw_jitter, with_noise
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.effects import effect_table
from flare_core.simulators.embedded.geometry import rooms_at
from flare_core.simulators.embedded.handling import JOINT_SLACK, Handling
from flare_core.simulators.embedded.navigation import Navigator
from flare_core.simulators.embedded.own_body import ARM_COLOURS, own_faces
from flare_core.simulators.embedded.pack import ScenePack, pack
from flare_core.simulators.embedded.palettes import light, randomised
from flare_core.simulators.embedded.pool import Pool, check_alike
from flare_core.simulators.embedded.renderer import Renderer
from flare_core.simulators.embedded.scene import OWN_ID
from flare_core.world import Bools, Floats, Images, Ints, Start, World

FULL_TURN: Final = 2 * math.pi
ARM_JOINTS: Final = 3


class EmbeddedSimulator:
    """Implements `world.Simulator` over compiled houses.

    Args:
        houses: houses to compile, or a pack of compiled ones.
        body: the robot.
        batch: number of rows.
        seed: of the run; with a row's episode number it keys jitter, noise, materials and light.
        threads: for rendering; the images do not depend on it.
        bodies: of the same structure, from which every episode draws the one that it is played with; left out, all rows have `body`.

    Raises:
        SimError: no houses, a batch or thread count below one, or bodies that differ in structure.
        HouseError: a house cannot be compiled.
    """

    def __init__(
        self, houses: Sequence[House] | ScenePack, body: Embodiment, batch: int, seed: int, threads: int = 1,
        bodies: Sequence[Embodiment] = (),
    ) -> None:  # fmt: skip
        if batch < 1 or threads < 1:
            raise SimError(f"batch is {batch} and threads {threads}; both must be at least 1")
        self.name, self.body, self.batch, self.seed = "embedded simulator", body, batch, seed
        self.pack = houses if isinstance(houses, ScenePack) else pack([compile_scene(house) for house in houses])
        self._table, self._pool = effect_table(body), Pool(bodies or (body,), batch, seed)
        check_alike([body, *self._pool.bodies[:1]])
        self._keys = {name: key_of(seed, name) for name in ("noise", "jitter")}
        self._near = np.zeros(self.pack.most(self.pack.box_start), dtype=np.int64)
        cameras = len(body.cameras)
        self._state: dict[str, npt.NDArray[Any]] = {
            "house": np.zeros(batch, dtype=np.int64),
            "pose": np.zeros((batch, 3)),
            "joints": np.tile(self._table.home, (batch, 1)),
            "jitter": np.zeros((batch, cameras, 6)),
            "episode": np.zeros(batch, dtype=np.int64),
            "step": np.zeros(batch, dtype=np.int64),
            "collided": np.zeros(batch, dtype=np.bool_),
            "succeeded": np.ones(batch, dtype=np.bool_),
        }
        self._hands = Handling(self.pack, body, self._table, self._state)
        self._materials = self.pack.most(self.pack.material_start)
        self._state["palette"] = np.zeros((batch, self._materials + len(ARM_COLOURS), 3), dtype=np.float32)
        self._state["palette"][:, self._materials :] = ARM_COLOURS
        for row in range(batch):
            self._paint(row, Start(house=0, x=0.0, z=0.0, yaw=0.0, episode=0))
        self._poses: CameraPoses | None = None
        self._own: Own | None = None
        self._renderer = Renderer(self.pack.faces, threads)
        self.lost = np.zeros(batch, dtype=np.bool_)  # nothing can be lost in this process
        self.navigation = Navigator(self.pack, self._pool, self.world)

    @property
    def bodies(self) -> Sequence[Embodiment]:
        """Those that rows may have."""
        return self._pool.bodies

    @property
    def row_bodies(self) -> Ints:
        """(B,) which of `bodies` every row has."""
        return self._pool.which

    def body_of(self, episode: int) -> int:
        """Which of `bodies` an episode is played with."""
        return self._pool.of(episode)

    def house_count(self) -> int:
        return self.pack.house_count

    def object_types(self, house: int) -> Sequence[str]:
        return self.pack.object_types[house]

    def object_positions(self, house: int) -> Floats:
        return self.pack.object_box[self.pack.object_start[house] : self.pack.object_start[house + 1], :3].copy()

    def object_sizes(self, house: int) -> Floats:
        return np.asarray(2 * self.pack.object_box[self.pack.object_start[house] : self.pack.object_start[house + 1], 3:6])

    def object_rooms(self, house: int) -> Ints:
        centres = self.object_positions(house)
        out = np.empty(len(centres), dtype=np.int64)
        where = np.full(len(centres), house)
        x, z = np.ascontiguousarray(centres[:, 0]), np.ascontiguousarray(centres[:, 2])
        rooms_at(self.pack.room_points, self.pack.room_point_start, self.pack.room_start, where, x, z, out)
        return out

    def positions_of(self, objects: Ints) -> Floats:
        """(B, K, 3) centres of objects (B, K) where they are now; not numbers where padded with -1."""
        return self._hands.positions_of(objects)

    def graspable(self, rows: Ints) -> Ints:
        """(R,) the object that each hand would take now, -1 for none."""
        return self._hands.graspable(rows)

    def room_types(self, house: int) -> Sequence[str]:
        return self.pack.room_types[house]

    def reset(self, rows: Ints, starts: Sequence[Start]) -> None:
        """Begin an episode in each of these rows. Joints go home; jitter and, if asked for, materials and light are drawn anew.

        Raises:
            SimError: rows and starts differ in number, a row or a house does not exist, or a pose is not finite.
        """
        if len(rows) != len(starts):
            raise SimError(f"reset: {len(rows)} rows but {len(starts)} starts; give one start for each row")
        for row, start in zip(rows, starts, strict=True):
            if not 0 <= row < self.batch or not 0 <= start.house < self.pack.house_count:
                raise SimError(f"reset: row {row} of {self.batch}, house {start.house} of {self.pack.house_count}; both count from 0")
            if not (math.isfinite(start.x) and math.isfinite(start.z) and math.isfinite(start.yaw)):
                raise SimError(f"reset: row {row} starts at ({start.x}, {start.z}), yaw {start.yaw}; give finite numbers")
            state, body = self._state, self._pool.begin(int(row), start.episode)
            state["house"][row], state["episode"][row], state["step"][row] = start.house, start.episode, 0
            state["pose"][row] = start.x, start.z, start.yaw
            state["joints"][row] = self._table.home
            state["collided"][row], state["succeeded"][row] = False, True
            self._hands.clear(int(row))
            state["jitter"][row] = draw_jitter(body, self._keys["jitter"], start.episode)
            self._paint(int(row), start)
        self._poses, self._own = None, None

    def _paint(self, row: int, start: Start) -> None:
        """Give a row its house's own colours or random ones, in the light that it has or in another."""
        first, last = self.pack.material_start[start.house : start.house + 2]
        palette = self._state["palette"]
        if start.randomise_materials:
            generator = stream(self.seed, "materials", start.episode)
            palette[row, : last - first] = randomised(self.pack.material_role[first:last], generator)
        else:
            palette[row, : last - first] = self.pack.material_colour[first:last]
        palette[row, last - first : self._materials] = 0
        palette[row, self._materials :] = ARM_COLOURS
        if start.randomise_light:  # no brighter than white: a camera's picture is not either
            palette[row] = np.minimum(palette[row] * light(stream(self.seed, "light", start.episode)), 1.0)

    def apply(self, actions: Ints) -> None:
        """Carry out one action, by index into body.actions, in every row.

        A base motion that touches something does not happen ("cancel") or ends there ("stop"); either way it has failed.
        A joint goes no further than its limit, and the action fails only if the joint was already there. `say` succeeds.

        Raises:
            SimError: not one action for each row, or an index out of range.
        """
        if actions.shape != (self.batch,) or actions.min() < 0 or actions.max() >= len(self.body.actions):
            raise SimError(f"apply: needs {self.batch} indices from 0 to {len(self.body.actions) - 1}, not {actions.tolist()}")
        pool, state = self._pool, self._state
        wanted = pool.motion[pool.first + actions]  # (B, 3)
        if pool.is_noisy:
            wanted = with_noise(wanted, pool.noise, self._keys["noise"], state["episode"], state["step"])
        self._move_bases(wanted)
        state["succeeded"][:] = ~(state["collided"] | pool.impossible[pool.first + actions])
        self._move_joints(actions)
        self._hands.carry()
        self._grip(actions)
        state["step"] += 1
        self._poses, self._own = None, None

    def _move_bases(self, wanted: Floats) -> None:
        """Move and turn every row's base by (B, 3) forward, right (m) and turn (rad), as far as contact allows."""
        state, loose = self._state, self._hands.loose
        motion.move_all(
            loose.shared, loose.contact, loose.moved, state["house"], state["pose"], wanted, self._pool.shape, self._hands.limits(wanted),
            self.body.on_contact == "stop", self._near, state["collided"],
        )  # fmt: skip
        state["pose"][:, 2] = np.remainder(state["pose"][:, 2], FULL_TURN)

    def _move_joints(self, actions: Ints) -> None:
        """Lift, extension, wrist, hands and cameras."""
        table, pool, state, joints = self._table, self._pool, self._state, self._state["joints"]
        possible = ~pool.impossible[pool.first + actions]
        rows = np.flatnonzero((table.joint[actions] >= 0) & possible)
        if len(rows):
            joint = table.joint[actions[rows]]
            before = joints[rows, joint]
            after = np.clip(before + pool.amount[(pool.first + actions)[rows]], pool.low[rows, joint], pool.high[rows, joint])
            state["succeeded"][rows] &= np.abs(after - before) > JOINT_SLACK
            of_arm = joint < ARM_JOINTS
            joints[rows[~of_arm], joint[~of_arm]] = after[~of_arm]
            if of_arm.any():
                target = joints[rows[of_arm], :ARM_JOINTS].copy()
                target[np.arange(len(target)), joint[of_arm]] = after[of_arm]
                self._reach(rows[of_arm], target)
        rows = np.flatnonzero(table.hand[actions].any(axis=1) & possible)
        if len(rows):
            target, within = self._hands.hand_targets(rows, table.hand[actions[rows]])
            state["succeeded"][rows] &= within
            self._reach(rows[within], target[within])

    def _reach(self, rows: Ints, target: Floats) -> None:
        clear = self._hands.reach(rows, target)
        self._state["succeeded"][rows] &= clear
        self._state["collided"][rows] |= ~clear

    def _grip(self, actions: Ints) -> None:
        table, succeeded = self._table, self._state["succeeded"]
        for row in np.flatnonzero(table.grasp[actions]).tolist():
            succeeded[row] = self._hands.grasp(row)
        for row in np.flatnonzero(table.release[actions]).tolist():
            succeeded[row] = self._hands.release(row)

    def world(self) -> World:
        state, poses = self._state, self._camera_poses()
        pose = state["pose"]
        position = np.stack([pose[:, 0], np.zeros(self.batch), pose[:, 1]], axis=1)
        room = np.empty(self.batch, dtype=np.int64)
        rooms_at(self.pack.room_points, self.pack.room_point_start, self.pack.room_start, state["house"], pose[:, 0], pose[:, 1], room)
        joints = state["joints"]
        values = {
            "house": state["house"].copy(),
            "position": position,
            "yaw": pose[:, 2].copy(),
            "joints": joints[:, :3].copy(),
            "camera_joints": joints[:, 3:].reshape(self.batch, len(self.body.cameras), 2).copy(),
            "camera_position": poses.position,
            "camera_yaw": poses.yaw,
            "camera_pitch": poses.pitch,
            "room": room,
            "held": state["held"].copy(),
            "hand": self._hands.hands(),
            "collided": state["collided"].copy(),
            "action_succeeded": state["succeeded"].copy(),
        }
        for value in values.values():
            value.flags.writeable = False
        return World(**values)

    def _camera_poses(self) -> CameraPoses:
        if self._poses is None:
            joints = self._state["joints"]
            turned = joints[:, 3:].reshape(self.batch, len(self.body.cameras), 2)
            self._poses = camera_poses(self.body, self._pool.mount, self._state["pose"], joints[:, :3], turned, self._state["jitter"])
        return self._poses

    def visible(self, objects: Ints, camera: str, within_m: float) -> Bools:
        """Whether each row's camera sees each of these objects by AI2-THOR's rule; see `sight`.

        Args:
            objects: (B, K) object indices, -1 pads.
            within_m: greatest horizontal distance from the axis of rotation to a visibility point.

        Returns:
            (B, K), False where padded.

        Raises:
            SimError: no such camera, another number of rows, or an object that the row's house does not have.
        """
        at = self._camera_at(camera)
        counts = np.diff(self.pack.object_start)[self._state["house"]]
        if objects.shape[:1] != (self.batch,) or objects.ndim != 2 or bool((objects >= counts[:, None]).any()):
            raise SimError(f"visible: objects must be ({self.batch}, K) indices below each house's number of objects, or -1")
        poses = self._camera_poses()
        lens = intrinsics(self._pool.optics[:, at], self._state["jitter"][:, at, 5], 1, 1)
        eyes = Eyes(position=poses.position[:, at], rotation=rotations(poses.yaw[:, at], poses.pitch[:, at]), lens=lens)
        return self.visible_from(eyes, objects, within_m)

    def visible_from(self, eyes: Eyes, objects: Ints, within_m: float) -> Bools:
        """As `visible`, through other eyes than a camera's, whose lenses are those of an image of 1 x 1."""
        loose, lens = self._hands.loose, eyes.lens
        edges = np.stack([lens[:, 2], 1 - lens[:, 2], lens[:, 3], 1 - lens[:, 3]], axis=1) / lens[:, [0, 0, 1, 1]]
        axis = np.ascontiguousarray(self._state["pose"][:, :2])
        out = np.zeros(objects.shape, dtype=np.bool_)
        sight.visible_all(
            loose.shared, loose.sight, loose.moved, self._state["house"], objects, np.ascontiguousarray(eyes.position), eyes.rotation,
            edges, axis, within_m, out,
        )  # fmt: skip
        return out

    def images(self, camera: str, width: int, height: int, rows: Ints | None = None) -> Images:
        """(B, height, width, 3) RGB of every row's camera, or of the named rows alone; row 0 of an image is its top."""
        return self._render(camera, width, height, full=False, rows=rows)[0]

    def frames(self, camera: str, width: int, height: int) -> tuple[Images, npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """RGB (B, H, W, 3), planar depth in metres (B, H, W; 0 for the sky) and instance id (B, H, W; see `scene`)."""
        return self._render(camera, width, height, full=True)

    def _render(
        self, camera: str, width: int, height: int, *, full: bool, rows: Ints | None = None
    ) -> tuple[Images, npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        at, poses = self._camera_at(camera), self._camera_poses()
        chosen = np.arange(self.batch) if rows is None else rows
        eyes = Eyes(
            position=poses.position[chosen, at],
            rotation=rotations(poses.yaw[chosen, at], poses.pitch[chosen, at]),
            lens=intrinsics(self._pool.optics[chosen, at], self._state["jitter"][chosen, at, 5], width, height),
        )
        return self.picture(eyes, width, height, full=full, rows=rows)

    def picture(
        self, eyes: Eyes, width: int, height: int, *, full: bool, rows: Ints | None = None
    ) -> tuple[Images, npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """What every row, or each of the named ones, would see through other eyes than its cameras; as `frames`.

        Args:
            full: depth and instance ids too; else these are not to be used.

        Raises:
            SimError: an image without pixels.
        """
        chosen, own, loose = np.arange(self.batch) if rows is None else rows, self._own_faces(), self._hands.loose
        palette = self._state["palette"]
        if rows is not None:
            own = own._replace(p=own.p[rows], u=own.u[rows], v=own.v[rows], n=own.n[rows], shade=own.shade[rows])
            palette = palette[rows]
        own_houses = np.where(loose.moved[chosen], 2 * chosen, -1)
        return self._renderer.draw(self._state["house"][chosen], loose.faces, own_houses, eyes, palette, own, width, height, full)

    def _own_faces(self) -> Own:
        if self._own is None:
            self._own = own_faces(self.body, self._state["pose"], self._state["joints"][:, :3], self._materials, OWN_ID)
        return self._own

    def _camera_at(self, camera: str) -> int:
        try:
            return self.body.camera_index(camera)
        except KeyError:
            names = [one.name for one in self.body.cameras]
            raise SimError(f"{self.body.name} has no camera {camera!r}; it has {names}") from None

    def free(self, rows: Ints, x: Floats, z: Floats, yaw: Floats) -> Bools:
        """(N,) whether each row's body could stand at each pose: it touches nothing and its axis is above a room's floor."""
        house, pack_ = self._state["house"][rows], self.pack
        out = np.zeros(len(rows), dtype=np.bool_)
        motion.free_all(pack_.boxes, pack_.box_start, house, x, z, yaw, self._pool.shape[rows], out)
        room = np.empty(len(rows), dtype=np.int64)
        rooms_at(pack_.room_points, pack_.room_point_start, pack_.room_start, house, x, z, room)
        has_rooms = np.diff(pack_.room_start)[house] > 0
        stands: Bools = out & ((room >= 0) | ~has_rooms)
        return stands

    def moves(self, rows: Ints, x: Floats, z: Floats, yaw: Floats, distance_m: Floats) -> Bools:
        """(N,) whether a straight base move (forward positive) from each pose would touch nothing."""
        out = np.zeros(len(rows), dtype=np.bool_)
        house = self._state["house"][rows]
        motion.moves_all(self.pack.boxes, self.pack.box_start, house, x, z, yaw, distance_m, self._pool.shape[rows], self._near, out)
        return out

    def snapshot(self) -> Mapping[str, npt.NDArray[Any]]:
        """Every array that the future depends on; `restore` of it gives a bit-identical future."""
        return {name: array.copy() for name, array in self._state.items()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go back to a snapshot of a simulator with the same houses, body, batch and seed.

        Raises:
            SimError: an array is missing or has another shape.
        """
        for name, array in self._state.items():
            if name not in state or state[name].shape != array.shape:
                found = state[name].shape if name in state else "nothing"
                raise SimError(f"restore: {name} is {found}, needs {array.shape}; the snapshot is of another simulator")
        for name, array in self._state.items():
            array[...] = state[name]
        self._pool.follow(self._state["episode"])
        self._hands.refresh()
        self._poses, self._own = None, None

    def close(self) -> None:
        """Nothing runs outside of this process."""
