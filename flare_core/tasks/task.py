"""One task as values: what to look for, how it is said, when it is done and what that is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flare_core.embodiments.body import Embodiment
from flare_core.errors import TaskError
from flare_core.tasks.judging import check_body
from flare_core.tasks.predicates import Expression

VOWELS = frozenset("aeiou")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What a step is worth. `success` and `failure` are paid when the body says that it is done, `step` at every step."""

    success: float
    failure: float
    step: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task.

    Attributes:
        types: the object types that can be asked for, in the order of the spec.
        nouns: the words for each of them.
        templates: instructions with {a} for the article and {target} for the words.
        success: judged when the body ends the episode.
        ends_with: what the body says to end it ("done").
        horizon: steps after which an episode is cut off, without success.
    """

    name: str
    types: tuple[str, ...]
    nouns: Mapping[str, str]
    templates: tuple[str, ...]
    success: Expression
    reward: Reward
    ends_with: str
    horizon: int

    def instruction(self, target_type: str, template: int) -> str:
        """The instruction for one type in one wording."""
        noun = self.nouns[target_type]
        return self.templates[template].format(a="an" if noun[0] in VOWELS else "a", target=noun)

    def instructions(self) -> list[str]:
        """Every instruction that can be given."""
        return [self.instruction(name, at) for name in self.types for at in range(len(self.templates))]

    def end_action(self, body: Embodiment) -> int:
        """The body's action that ends an episode.

        Raises:
            TaskError: the body cannot say it.
        """
        for at, action in enumerate(body.actions):
            if action.effect.kind == "say" and action.effect.axis == self.ends_with and action.masked is None:
                return at
        raise TaskError(
            f"task {self.name}: {body.name} has no action that says '{self.ends_with}'. "
            f"Add `- done: {{say: {self.ends_with}}}` to its actions, or unmask it."
        )

    def check(self, body: Embodiment) -> None:
        """Refuse a body that cannot do the task at all.

        Raises:
            TaskError: it cannot end an episode, or lacks a camera, an arm or a gripper that success asks about.
        """
        self.end_action(body)
        check_body(self.success, body)


def indices_of(types: Sequence[str], wanted: str) -> tuple[int, ...]:
    """Objects of a house that have one type."""
    return tuple(at for at, name in enumerate(types) if name == wanted)
