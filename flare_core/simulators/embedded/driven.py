"""An embedded simulator that is driven from outside: by amounts instead of actions, or to where another simulator says that it is."""

import numpy as np

from flare_core.simulators.embedded.simulator import FULL_TURN, EmbeddedSimulator
from flare_core.world import Floats


class DrivenSimulator(EmbeddedSimulator):
    """Moves without actions. What an action would have been counted as is not: noise and steps are the driver's."""

    def drive(self, wanted: Floats) -> None:
        """Move and turn every base by (B, 3) forward, right (m) and turn (rad), whatever actions the body has."""
        self._move_bases(wanted)
        self._state["succeeded"][:] = ~self._state["collided"]
        self._hands.carry()
        self._poses, self._own = None, None

    def bend(self, target: Floats) -> None:
        """Move every arm to (B, 3) lift, extension (m) and wrist (rad), which are within its limits; `drive`'s like for arms."""
        self._state["collided"][:] = False
        self._state["succeeded"][:] = True
        self._reach(np.arange(self.batch), target)
        self._hands.carry()
        self._poses, self._own = None, None

    def place(self, row: int, x: float, z: float, yaw: float) -> None:
        """Put a base somewhere, with what it holds, whatever is there."""
        self._state["pose"][row] = x, z, yaw % FULL_TURN
        self._state["collided"][row], self._state["succeeded"][row] = False, True
        self._hands.carry()
        self._poses, self._own = None, None

    def grip(self, row: int, *, close: bool) -> bool:
        """Take what is in the hand sphere, or let go; whether there was something."""
        done = self._hands.grasp(row) if close else self._hands.release(row)
        self._state["collided"][row], self._state["succeeded"][row] = False, done
        self._own = None
        return done

    def hold(self, row: int, thing: int, pose: Floats) -> None:
        """Hold an object at (4,) x, y, z, yaw without an arm; `grip(row, close=False)` lets it fall."""
        self._hands.hold(row, thing, pose)

    def follow(self, row: int, pose: tuple[float, float, float], joints: Floats, *, succeeded: bool, collided: bool) -> None:
        """Be as another simulator says: (x, z, yaw), joints (J,) from the lift on, and what came of the last action."""
        state = self._state
        state["pose"][row], state["joints"][row] = (pose[0], pose[1], pose[2] % FULL_TURN), joints
        state["succeeded"][row], state["collided"][row] = succeeded, collided
        self._hands.carry()
        self._poses, self._own = None, None

    def follow_hand(self, row: int, thing: int, pose: Floats | None) -> None:
        """Hold this object, where it is now; or let it lie at (4,) x, y, z, yaw."""
        self._hands.follow(row, thing, pose)
        self._own = None

    def jitter(self, row: int) -> Floats:
        """(C, 6) of a row's cameras in this episode, as in `camera_poses`."""
        return np.array(self._state["jitter"][row])

    def object_boxes(self, row: int) -> Floats:
        """(N, 8) boxes around a row's objects where they are now, as in `motion`."""
        return self._hands.boxes(row)
