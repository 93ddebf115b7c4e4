"""One task as values: what to look for, how it is said, when it is done and what that is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from flare_core.embodiments.body import Embodiment
from flare_core.errors import TaskError
from flare_core.tasks.costs import COSTS, Constraint
from flare_core.tasks.judging import check_body, needs_marks
from flare_core.tasks.predicates import Expression
from flare_core.tasks.rewards import Reward
from flare_core.tasks.subjects import Subjects, named

MARK: Final = "sub_done"  # what a body says of a room that it has seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task.

    Attributes:
        subjects: what an episode can be about.
        templates: instructions with gaps for the subject's words.
        success: judged when the body ends the episode.
        ends_with: what the body says to end it ("done").
        horizon: steps after which an episode is cut off, without success.
        constraints: what should not happen too often.
        metrics: what tables say of an episode beside the usual: whether this held at some step.
        ends_itself: an episode is also over, with success, at the first step after which success holds.
        in_sight: share of episodes that begin where the navigation camera shows a target from near by, not some way off.
    """

    name: str
    subjects: Subjects
    templates: tuple[str, ...]
    success: Expression
    reward: Reward
    ends_with: str
    horizon: int
    constraints: tuple[Constraint, ...] = ()
    metrics: Mapping[str, Expression] = field(default_factory=lambda: MappingProxyType({}))
    ends_itself: bool = False
    in_sight: float = 0.0

    @property
    def types(self) -> tuple[str, ...]:
        """The object types that can be asked for, in the order of the spec."""
        return tuple(self.subjects.targets)

    @property
    def nouns(self) -> Mapping[str, str]:
        """The words for each of them."""
        return self.subjects.targets

    def instruction(self, target_type: str, template: int) -> str:
        """The instruction for one type in one wording, of a task that names types alone."""
        return self.say(named(self.nouns[target_type]), template)

    def say(self, gaps: Mapping[str, str], template: int) -> str:
        """An instruction in one wording, with these words in its gaps."""
        return self.templates[template].format(**gaps)

    def instructions(self) -> list[str]:
        """Every instruction that can be given."""
        return [self.say(gaps, at) for gaps in self.subjects.phrases() for at in range(len(self.templates))]

    @property
    def conditions(self) -> tuple[Expression, ...]:
        """Every expression that the task judges by."""
        costs = tuple(one.when for one in self.constraints if one.when is not None)
        return (self.success, *(term.when for term in self.reward.terms), *costs, *self.metrics.values())

    def end_action(self, body: Embodiment) -> int:
        """The body's action that ends an episode.

        Raises:
            TaskError: the body cannot say it.
        """
        return self._saying(body, self.ends_with)

    def mark_action(self, body: Embodiment) -> int:
        """The body's action that marks a room as seen.

        Raises:
            TaskError: the body cannot say it.
        """
        return self._saying(body, MARK)

    def _saying(self, body: Embodiment, word: str) -> int:
        for at, action in enumerate(body.actions):
            if action.effect.kind == "say" and action.effect.axis == word and action.masked is None:
                return at
        raise TaskError(
            f"task {self.name}: {body.name} has no action that says '{word}'. Add `- {word}: {{say: {word}}}` to its actions, or unmask it."
        )

    def check(self, body: Embodiment) -> None:
        """Refuse a body that cannot do the task at all.

        Raises:
            TaskError: it cannot end an episode, or lacks a camera, an arm or a gripper that success asks about.
        """
        self.end_action(body)
        if needs_marks(self.success):
            self.mark_action(body)
        for condition in self.conditions:
            check_body(condition, body)
        if self.in_sight and body.camera_for("navigation") is None:
            raise TaskError(f"task {self.name}: {body.name} has no camera that could show the target at the start")
        for one in self.constraints:
            if one.when is None and COSTS[one.name][2] and body.arm is None:
                raise TaskError(f"task {self.name}: {body.name} has no arm, so it has no {one.name}. Leave that constraint out")


def indices_of(types: Sequence[str], wanted: str) -> tuple[int, ...]:
    """Objects of a house that have one type."""
    return tuple(at for at, name in enumerate(types) if name == wanted)
