"""AI2-THOR as a `world.Simulator`: one controller for each row, and a mirror of the embedded simulator for what needs no physics.

What happens in a step is AI2-THOR's alone: where the robot comes to stand, what its arm does, what is held, what can be seen. The
mirror has the same houses and is put where AI2-THOR says the robot is; it answers what follows from that by geometry: rooms, ways,
where objects are. Every row is one worker process; all of them work at the same time.
"""

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from flare_core.embodiments.body import Embodiment
from flare_core.errors import SimError
from flare_core.seeding import key_of
from flare_core.simulators.embedded.chance import with_noise
from flare_core.simulators.embedded.driven import DrivenSimulator
from flare_core.simulators.embedded.effects import effect_table
from flare_core.simulators.embedded.handling import JOINT_SLACK
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import ARM_JOINTS
from flare_core.simulators.thor import calls
from flare_core.simulators.thor.calls import Call, Order
from flare_core.simulators.thor.keeper import Keeper, Limits, LostError
from flare_core.simulators.thor.messages import Told, Work
from flare_core.simulators.thor.modes import Build
from flare_core.simulators.thor.representation import Representation, RoundBase, check_window, represent
from flare_core.simulators.thor.rig import MAIN, Rig
from flare_core.world import Bools, Floats, Images, Ints, Start, World

_TRIES: Final = 3


class ThorSimulator:
    """Implements `world.Simulator` over AI2-THOR's Python client.

    Args:
        houses: compiled houses. document_of: of each by its index, the ProcTHOR JSON that `CreateHouse` takes, or a scene's name.
        body: the robot.
        batch: rows; each has a controller, and a process, of its own.
        seed: of the run, for jitter and noise, which are those of the embedded simulator.
        controller: arguments of `Controller`: local_executable_path, platform, commit_id, ...
        size: width and height of the pictures, the same for all cameras.
        gpus: devices that the controllers draw with, in turn.
        limits: of every worker.
        mode, round_base: as for `represent`.

    Raises:
        SimError: no agent mode can stand for the robot, or no controller starts.
    """

    def __init__(
        self, houses: ScenePack, document_of: Callable[[int], dict[str, Any] | str], body: Embodiment, batch: int, seed: int,
        controller: Mapping[str, Any], size: tuple[int, int], *, gpus: Sequence[int] = (), limits: Limits | None = None,
        mode: str | None = None, round_base: RoundBase = "refuse",
    ) -> None:  # fmt: skip
        self._document_of, self.batch, self.seed, self.size = document_of, batch, seed, size
        width, height = size
        check_window(body, width, height)
        arguments = {"width": width, "height": height, **controller}
        on_gpu = [{"gpu_device": gpus[row % len(gpus)]} if gpus else {} for row in range(batch)]
        self._keepers = [Keeper(arguments | on_gpu[row], limits or Limits()) for row in range(batch)]
        try:
            for keeper in self._keepers:
                keeper.ready()
            self.build: Build
            self.build, self.name = find_build(self._keepers[0])
            self.representation: Representation = represent(body, self.build, mode, round_base)
        except BaseException:
            self.close()
            raise
        self.body = self.representation.body
        self.mirror = DrivenSimulator(houses, self.body, batch, seed)
        self.navigation = self.mirror.navigation
        self._ids = [{name: at for at, name in enumerate(names)} for names in self.mirror.pack.object_ids]
        self._table = effect_table(self.body)
        self._noise_key = key_of(seed, "noise")
        self._home = self._table.home
        self._house = np.full(batch, -1, dtype=np.int64)
        self._joints = np.tile(self._home, (batch, 1))
        self._episode, self._step = np.zeros(batch, dtype=np.int64), np.zeros(batch, dtype=np.int64)
        self._starts: list[Start | None] = [None] * batch
        self._done: list[list[int]] = [[] for _ in range(batch)]  # actions since the start, for `snapshot`
        self._rig = Rig(self.body, self.representation.mode, self.build, self.representation.main)
        self._pictures: list[tuple[npt.NDArray[np.uint8], ...]] = [()] * batch
        self.lost: Bools = np.zeros(batch, dtype=np.bool_)
        """(B,) rows whose controller was lost in the last `apply`: their episode has to be dropped, and begun anew."""

    def close(self) -> None:
        """End every controller and what it started."""
        for keeper in self._keepers:
            keeper.close()

    def __enter__(self) -> "ThorSimulator":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def leaders(self) -> tuple[int, ...]:
        """Process group of every row's controller."""
        return tuple(keeper.pid for keeper in self._keepers)

    @property
    def differences(self) -> tuple[str, ...]:
        """What of the robot AI2-THOR's agent has not as the robot's file says."""
        return self.representation.differences

    @property
    def restarts(self) -> int:
        """Controllers that were lost so far."""
        return sum(keeper.restarts for keeper in self._keepers)

    # What follows from where things are.

    @property
    def bodies(self) -> Sequence[Embodiment]:
        """One: AI2-THOR's agents are all of one body."""
        return (self.body,)

    @property
    def row_bodies(self) -> Ints:
        """(B,) zeros."""
        return np.zeros(self.batch, dtype=np.int64)

    def body_of(self, episode: int) -> int:
        """0, whatever the episode."""
        del episode
        return 0

    def house_count(self) -> int:
        return self.mirror.house_count()

    def object_types(self, house: int) -> Sequence[str]:
        return self.mirror.object_types(house)

    def object_positions(self, house: int) -> Floats:
        return self.mirror.object_positions(house)

    def object_sizes(self, house: int) -> Floats:
        return self.mirror.object_sizes(house)

    def object_rooms(self, house: int) -> Ints:
        return self.mirror.object_rooms(house)

    def positions_of(self, objects: Ints) -> Floats:
        return self.mirror.positions_of(objects)

    def graspable(self, rows: Ints) -> Ints:
        return self.mirror.graspable(rows)

    def room_types(self, house: int) -> Sequence[str]:
        return self.mirror.room_types(house)

    def free(self, rows: Ints, x: Floats, z: Floats, yaw: Floats) -> Bools:
        return self.mirror.free(rows, x, z, yaw)

    def moves(self, rows: Ints, x: Floats, z: Floats, yaw: Floats, distance_m: Floats) -> Bools:
        return self.mirror.moves(rows, x, z, yaw, distance_m)

    def world(self) -> World:
        return self.mirror.world()

    # What AI2-THOR does.

    def reset(self, rows: Ints, starts: Sequence[Start]) -> None:
        """Begin an episode in each of these rows: the house anew, unless only the robot has moved in it.

        Raises:
            SimError: a house cannot be made, or the robot cannot be put where its episode begins.
        """
        self.mirror.reset(rows, starts)
        for row, start in zip(rows.tolist(), starts, strict=True):
            self._starts[row] = start
            self._episode[row], self._step[row] = start.episode, 0
            self._joints[row], self._done[row] = self._home, []
            self.lost[row] = False
        works = {int(row): self._beginning(int(row)) for row in rows}
        for row, told in self._do(works).items():
            if told is None:  # a new controller knows nothing of the scene
                self._house[row] = -1
                told = self._do({row: self._beginning(row)})[row]
            if told is None or not all(told.success):
                lost = f"its controller was lost twice ({self._keepers[row].reasons[-1]})" if told is None else ""
                why = lost or "; ".join(message for message in told.messages if message)  # type: ignore[union-attr]
                raise SimError(f"ai2thor: an episode in {self.mirror.pack.names[works[row].house]} cannot be begun: {why}")
            self._house[row] = works[row].house
            self._pictures[row] = told.pictures

    def _beginning(self, row: int) -> Work:
        start = self._starts[row]
        assert start is not None
        mode, arm, joints = self.representation.mode, self.body.arm, self._home
        is_new = self._house[row] != start.house or arm is not None  # an arm goes home with its scene
        steps = list[Call]()
        if is_new:
            steps += [{"action": "SetObjectFilter", "objectIds": []}, *self._rig.calls_at_start()]
            steps += [] if arm is None else [{"action": "SetHandSphereRadius", "radius": arm.hand_radius_m}]
        steps.append(calls.start_call(mode, start.x, start.z, start.yaw))
        if arm is not None:
            steps.append(calls.arm_call(float(joints[0]), float(joints[1])))
            if joints[2]:
                steps.append({"action": "RotateWristRelative", "yaw": math.degrees(float(joints[2]))})
        steps += self._aim(row, range(len(self.body.cameras)))
        return Work(
            house=start.house, scene=self._document_of(start.house) if is_new else None, initialize=self.representation.initialize,
            calls=quiet(steps), cameras=self._rig.numbers,
        )  # fmt: skip

    def apply(self, actions: Ints) -> None:
        """Carry out one action in every row. A row whose controller is lost is marked in `lost`; its state stays as it was.

        Raises:
            SimError: not one action for each row, an index out of range, or a controller that does not start again.
        """
        if actions.shape != (self.batch,) or actions.min() < 0 or actions.max() >= len(self.body.actions):
            raise SimError(f"apply: needs {self.batch} indices from 0 to {len(self.body.actions) - 1}, not {actions.tolist()}")
        for row, action in enumerate(actions.tolist()):
            self._done[row].append(action)
        self._carry_out(actions)

    def _carry_out(self, actions: Ints) -> None:
        """As `apply`; -1 lets a row be."""
        self.lost = self._house < 0
        wanted, noise = self._table.motion[actions], self.body.noise
        if noise.move_m > 0 or noise.turn > 0:
            wanted = with_noise(wanted, np.tile([noise.move_m, noise.turn], (self.batch, 1)), self._noise_key, self._episode, self._step)
        active = (actions >= 0) & ~self.lost
        self._step += active
        orders = [self._order(row, int(action), wanted[row]) if active[row] else None for row, action in enumerate(actions)]
        told = self._do({row: self._carrying(order) for row, order in enumerate(orders) if order is not None and order.calls})
        later = {}
        for row, order in enumerate(orders):
            if order is None:
                continue
            if order.calls and told[row] is None:
                self._lose(row)
                continue
            self._take_over(row, order, told.get(row))
            turned = order.turns if order.turns >= 0 and order.possible else None
            moved = {*(self._rig.drifts if order.calls else ()), *(() if turned is None else (turned,))}
            if moved:
                later[row] = Work(calls=quiet(self._aim(row, sorted(moved))), cameras=self._rig.numbers)
        for row, answer in self._do(later).items():
            if answer is None:
                self._lose(row)
            else:
                self._pictures[row] = answer.pictures

    def _lose(self, row: int) -> None:
        """The row's controller is a new one, which knows nothing of the episode."""
        self.lost[row], self._house[row] = True, -1

    def _order(self, row: int, action: int, wanted: Floats) -> Order:
        """What an action comes to, as things stand."""
        effect, arm = self.body.actions[action].effect, self.body.arm
        if self._table.impossible[action]:
            return Order(possible=False)
        if wanted.any():
            motion = calls.base_calls(self.representation.mode, float(wanted[0]), float(wanted[1]), float(wanted[2]))
            return Order(calls=motion, touches=True)
        if effect.kind in ("move_arm", "turn_wrist", "move_hand") and arm is not None:
            return calls.arm_order(arm, self._joints[row, :3], effect)
        if effect.kind == "turn_camera":
            joint = int(self._table.joint[action])
            target = self._joints[row].copy()
            target[joint] = np.clip(target[joint] + effect.amount, self._table.low[joint], self._table.high[joint])
            is_possible = abs(target[joint] - self._joints[row, joint]) > JOINT_SLACK
            return Order(joints=target, turns=(joint - ARM_JOINTS) // 2, possible=bool(is_possible))
        if effect.kind == "grasp":
            return Order(calls=({"action": "PickupObject"},), grips=True)
        if effect.kind == "release":
            held = int(self.mirror.world().held[row])
            if held < 0:
                return Order(possible=False)
            name = self.mirror.pack.object_ids[self._house[row]][held]
            return Order(calls=({"action": "ReleaseObject"}, {"action": "GetObjectMetadata", "objectIds": [name]}), grips=True)
        return Order()

    def _carrying(self, order: Order) -> Work:
        """The order's calls; with a picture, unless a camera has to be moved before one is worth while."""
        if self._rig.drifts:
            return Work(calls=tuple({**call, "renderImage": False} for call in order.calls))
        return Work(calls=quiet(order.calls), cameras=self._rig.numbers)

    def _take_over(self, row: int, order: Order, told: Told | None) -> None:
        """Let the mirror follow what AI2-THOR says."""
        done = order.possible
        if told is None:
            world = self.mirror.world()
            x, z, yaw = float(world.position[row, 0]), float(world.position[row, 2]), float(world.yaw[row])
        else:
            done = done and len(told.success) == len(order.calls) and all(told.success)
            x, z, yaw = told.agent["position"]["x"], told.agent["position"]["z"], math.radians(told.agent["rotation"]["y"])
            self._pictures[row] = told.pictures or self._pictures[row]
            if not done and order.joints is not None and any(told.success):  # the arm has moved, the wrist has not
                self._joints[row, :2] = order.joints[:2]
        if done and order.joints is not None:
            self._joints[row, : len(order.joints)] = order.joints
        self.mirror.follow(row, (x, z, yaw), self._joints[row], succeeded=done, collided=order.touches and order.possible and not done)
        if told is not None and order.grips and done:
            self._take_over_hand(row, told)

    def _take_over_hand(self, row: int, told: Told) -> None:
        names = self._ids[self._house[row]]
        if len(told.returned) == 1:  # a grasp
            held = [names[name] for name in (told.arm or {}).get("heldObjects", []) if name in names]
            if held:
                self.mirror.follow_hand(row, held[0], None)
            return
        found = told.returned[1][0]
        place, turn = found["position"], found["rotation"]["y"]
        lies = np.array([place["x"], place["y"], place["z"], math.radians(turn)])
        self.mirror.follow_hand(row, int(self.mirror.world().held[row]), lies)

    def _aim(self, row: int, cameras: Sequence[int]) -> list[Call]:
        return self._rig.aim(cameras, row, self.mirror.world(), self.mirror.jitter(row))

    def _do(self, works: Mapping[int, Work]) -> dict[int, Told | None]:
        """Let all of these rows work at the same time; None where the controller was lost."""
        for row, work in works.items():
            self._keepers[row].ask(work)
        out: dict[int, Told | None] = {}
        for row in works:
            try:
                out[row] = self._keepers[row].answer()
            except LostError:
                out[row] = None
        return out

    # What can be seen.

    def images(self, camera: str, width: int, height: int, rows: Ints | None = None) -> Images:
        """(B, height, width, 3) RGB; AI2-THOR draws every camera in the one size that it was started with.

        Raises:
            SimError: another size.
        """
        if (width, height) != self.size:
            raise SimError(f"ai2thor: its window is {self.size[0]} x {self.size[1]}, and {width} x {height} are asked for")
        at = self.body.camera_index(camera)
        chosen = range(self.batch) if rows is None else rows.tolist()
        return np.stack([self._pictures[row][at] for row in chosen])

    def visible(self, objects: Ints, camera: str, within_m: float) -> Bools:
        """Whether each row's camera sees each of these objects. Later builds are asked; for 5.0.0 the mirror's boxes decide."""
        if self.build != "nanna":
            return self.mirror.visible(objects, camera, within_m)
        number = self._rig.fixtures[self.body.camera_index(camera)].number
        call: Call = {"action": "GetVisibleObjects", "maxDistance": within_m}
        if number != MAIN:
            call["thirdPartyCameraIndex"] = number
        rows = np.flatnonzero((objects >= 0).any(axis=1) & (self._house >= 0)).tolist()
        out = np.zeros(objects.shape, dtype=np.bool_)
        for row, told in self._do({row: Work(calls=(call,)) for row in rows}).items():
            if told is None:
                self._lose(row)
                continue
            names = self._ids[self._house[row]]
            seen = {names[name] for name in told.returned[0] or () if name in names}
            out[row] = [int(thing) in seen for thing in objects[row]]
        return out

    def snapshot(self) -> Mapping[str, npt.NDArray[Any]]:
        """How every row's episode began, and what was done since: AI2-THOR cannot be asked for its state."""
        longest = max((len(done) for done in self._done), default=0)
        done = np.full((self.batch, longest), -1, dtype=np.int64)
        for row, actions in enumerate(self._done):
            done[row, : len(actions)] = actions
        starts = [start or Start(house=0, x=0.0, z=0.0, yaw=0.0, episode=-1) for start in self._starts]
        return {
            "house": np.array([start.house for start in starts]), "pose": np.array([[start.x, start.z, start.yaw] for start in starts]),
            "episode": np.array([start.episode for start in starts]), "done": done,
        }  # fmt: skip

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Begin the episodes of a snapshot again and do what had been done: the same state, as far as AI2-THOR does the same twice.

        Raises:
            SimError: the snapshot is of another number of rows.
        """
        if state["house"].shape != (self.batch,):
            raise SimError(f"restore: the snapshot is of {len(state['house'])} rows, this is of {self.batch}")
        begun = np.flatnonzero(state["episode"] >= 0)
        starts = [
            Start(house=int(house), x=float(pose[0]), z=float(pose[1]), yaw=float(pose[2]), episode=int(episode))
            for house, pose, episode in zip(state["house"][begun], state["pose"][begun], state["episode"][begun], strict=True)
        ]
        self.reset(begun, starts)
        for actions in state["done"].T:
            self._carry_out(actions)
        self._done = [[int(action) for action in actions if action >= 0] for actions in state["done"]]


def ask_once(
    arguments: Mapping[str, Any], limits: Limits, body: Embodiment, mode: str | None, round_base: RoundBase
) -> tuple[str, Representation]:
    """What a controller calls itself, and how it has a robot; it is started for that alone.

    Raises:
        SimError: it does not start, or cannot stand for the robot.
    """
    keeper = Keeper({**arguments, "width": 64, "height": 64}, limits)
    try:
        keeper.ready()
        build, name = find_build(keeper)
        return name, represent(body, build, mode, round_base)
    finally:
        keeper.close()


def find_build(keeper: Keeper) -> tuple[Build, str]:
    """What a controller can do, by asking for an action that only later builds have, and what it calls itself.

    Raises:
        SimError: the controller is lost again and again.
    """
    for _ in range(_TRIES):
        keeper.ask(Work(calls=({"action": "UpdateMainCamera"},)))
        with contextlib.suppress(LostError):
            told = keeper.answer()
            return "nanna" if told.success[0] else "5.0.0", told.engine or "AI2-THOR"
    raise SimError(f"ai2thor: the controller was lost {_TRIES} times before it did anything: {keeper.reasons[-1]}")


def quiet(steps: Sequence[Call]) -> tuple[Call, ...]:
    """The calls with no picture but at the last one."""
    return tuple(call if at == len(steps) - 1 else {**call, "renderImage": False} for at, call in enumerate(steps))
