"""An expert that fetches: it walks to where its arm can reach a target, turns, lifts, reaches out, and takes it.

It is there to be imitated by those who see what a camera shows. So it takes a target as soon as its hand would, is content with
an arm that is about as high as it should be or about at home, and makes large steps where they will do.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from flare_core.errors import TaskError
from flare_core.tasks.episodes import Episode, EpisodeSampler, pad_targets
from flare_core.tasks.judging import Asked, Judge, home_of
from flare_core.tasks.walking import STEP_SLACK as AT
from flare_core.tasks.walking import STOWED, Walker, step_towards, steps_of
from flare_core.world import Bools, Floats, Ints, Simulator

ABOVE: Final = 0.06  # metres that the hand may be higher than planned, so that a large step will do
LIFT, EXTEND, WRIST = 0, 1, 2


class FetchExpert:
    """Chooses actions for every row of a simulator so that the gripper comes to hold a target. `lost` as in `Expert`."""

    def __init__(self, simulator: Simulator, sampler: EpisodeSampler) -> None:
        """Lay out the body's turns, moves and arm steps.

        Raises:
            TaskError: the body cannot end an episode, or lacks an arm action that fetching needs.
        """
        body = simulator.body
        self._simulator, self._sampler, self._walker = simulator, sampler, Walker(simulator)
        self._end = sampler.task.end_action(body)
        self._judge = Judge(sampler.task.success, body, simulator.batch)
        self._steps = [steps_of(body, "move_arm", "lift"), steps_of(body, "move_arm", "extend"), steps_of(body, "turn_wrist", "right")]
        self._home = home_of(body)
        kinds = {action.effect.kind: at for at, action in enumerate(body.actions) if action.masked is None}
        if "grasp" not in kinds or not self._steps[LIFT] or not self._steps[EXTEND]:
            raise TaskError(f"task {sampler.task.name}: {body.name} needs actions that lift, extend and grasp. Add them, or unmask them.")
        self._grasp, self._release = kinds["grasp"], kinds.get("release", self._end)
        self.lost: Bools = np.zeros(simulator.batch, dtype=np.bool_)

    def actions(self, episodes: Sequence[Episode], previous: Ints | None = None, marked: Bools | None = None) -> Ints:
        """(B,) the best action of every row; `marked` does not matter."""
        del marked
        world, targets = self._simulator.world(), pad_targets(episodes)
        out = np.full(len(episodes), self._end, dtype=np.int64)
        won = self._judge.holds(self._simulator, Asked.of(targets))
        self.lost = np.zeros(len(episodes), dtype=np.bool_)
        wrong = ~won & (world.held >= 0)
        out[wrong] = self._release
        rows = np.flatnonzero(~won & ~wrong)
        if not len(rows):
            return out
        said = np.full(len(rows), -1) if previous is None else previous[rows]
        option, turn, joints = self._turns(rows, targets[rows], said)
        here, touched = world.joints[rows], self._simulator.graspable(rows)
        stow = self._walker.stow(rows, said)
        away = list[int]()
        for at, row in enumerate(rows.tolist()):
            if touched[at] >= 0 and touched[at] in targets[row]:
                out[row] = self._grasp
            elif option[at] == 0:
                wrist = self._straighten(here[at])
                stopped = world.collided[row] and said[at] == wrist
                out[row] = wrist if wrist >= 0 and not stopped else self._reach(here[at], joints[at])
            elif option[at] > 0 and not (world.collided[row] and said[at] == turn[at] and stow[at] >= 0):
                back = float(self._home[EXTEND] - here[at, EXTEND])
                inwards = step_towards(self._steps[EXTEND], back) if -back > STOWED[EXTEND] and not world.collided[row] else -1
                out[row] = inwards if inwards >= 0 else turn[at]
            elif stow[at] >= 0:
                out[row] = stow[at]
            else:
                away.append(row)
        if away:
            far = np.array(away, dtype=np.int64)
            fields = [self._sampler.field(episodes[row]) for row in away]
            out[far], self.lost[far] = self._walker.walk(far, fields, None if previous is None else previous[far], self._end)
        return out

    def _turns(self, rows: Ints, targets: Ints, said: Ints) -> tuple[Ints, Ints, Floats]:
        """As `Navigation.reach`, with the action that begins each row's turn; a turn is rather gone on with than taken back."""
        option, first, joints = np.full(len(rows), -1), np.full(len(rows), -1), np.zeros((len(rows), 2))
        for action in np.unique(said).tolist():
            at, turns = np.flatnonzero(said == action), self._walker.turns_for(action)
            option[at], joints[at] = self._simulator.navigation.reach(rows[at], targets[at], turns)
            first[at] = turns.first[np.maximum(option[at], 0)]
        return option, first, joints

    def _straighten(self, here: Floats) -> int:
        """The next step of a wrist on its way home, where reaching is planned for; -1 where it is about there."""
        left = float(self._home[WRIST] - here[WRIST])
        return step_towards(self._steps[WRIST], left) if abs(left) > STOWED[WRIST] else -1

    def _reach(self, here: Floats, joints: Floats) -> int:
        """Lift with the telescope in, then reach out, then come down onto it, then try."""
        lift, extend = float(joints[0] - here[LIFT]), float(joints[1] - here[EXTEND])
        back = float(self._home[EXTEND] - here[EXTEND])
        if lift > AT or lift < -ABOVE - AT:
            high = lift + ABOVE if lift > 0 else lift
            return self._step(EXTEND, back) if -back > STOWED[EXTEND] and abs(lift) > 2 * ABOVE else self._step(LIFT, high)
        if abs(extend) > AT:
            return self._step(EXTEND, extend)
        return self._step(LIFT, lift) if lift < -AT else self._grasp

    def _step(self, joint: int, left: float) -> int:
        """A step that comes nearer; where none does, the arm is as good as there, and it tries."""
        step = step_towards(self._steps[joint], left)
        return step if step >= 0 else self._grasp
