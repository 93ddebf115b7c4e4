"""The YAML grammar of a task."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

import pydantic
from pydantic import Field

from flare_core.errors import TaskError
from flare_core.reading import Loaded, Spec, read
from flare_core.tasks import checks
from flare_core.tasks.costs import Constraint
from flare_core.tasks.predicates import MOST_IN_TURN, parse
from flare_core.tasks.rewards import Reward, Term
from flare_core.tasks.subjects import By, Selection, Subjects
from flare_core.tasks.task import Task

# Keys that say in different ways what an episode is about: a task that extends another has one of them.
DISPLACES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "targets": ("affordances", "rooms", "points"),
        "affordances": ("targets", "rooms", "points", "in_rooms", "selections", "in_turn"),
        "rooms": ("targets", "affordances", "points", "in_rooms", "selections", "in_turn"),
        "points": ("targets", "affordances", "rooms", "in_rooms", "selections", "in_turn"),
    }
)


def _expression(text: str) -> str:
    try:
        parse(text)
    except TaskError as bad:
        raise ValueError(str(bad).removeprefix("success: ")) from None
    return text


Words = Annotated[str, Field(pattern=r"^[a-z0-9]+( [a-z0-9]+)*$")]


class TermSpec(Spec):
    """Something paid at steps after which an expression holds."""

    when: Annotated[str, pydantic.AfterValidator(_expression)]
    """Expression, as for `success`."""
    value: float
    """What is paid."""
    once: bool = True
    """At the first such step of an episode, or at every one."""


class RewardSpec(Spec):
    """Sparse by default: something for success and nothing else."""

    success: float = 10.0
    """For an episode that ends with success."""
    failure: float = 0.0
    """For an episode that ends without."""
    step: float = 0.0
    """At every step; below 0 it asks for shorter ways."""
    collision: float = 0.0
    """At every step in which a contact stopped a motion."""
    nearer_per_m: float = 0.0
    """For every metre nearer to the closest target than ever before in the episode."""
    new_room: float = 0.0
    """For every room entered for the first time, but for the first."""
    new_square: float = 0.0
    """For every square of 0.15 m of the floor that the axis enters for the first time, but for the first."""
    right_mark: float = 0.0
    """For marking a room that was not marked yet."""
    wrong_mark: float = 0.0
    """For any other mark."""
    terms: tuple[TermSpec, ...] = ()
    """Paid for anything that an expression can say."""


class ConstraintSpec(Spec):
    """What should happen at most so often in an episode. Its key is one of `flare_core.tasks.costs.COSTS`, or any name with `when`."""

    at_most: float = Field(ge=0, description="Cost of an episode that is still free.")
    by: Literal["penalty", "lagrange"] = Field(description="A fixed penalty for what goes beyond, or a weight that the learner finds.")
    weight: float | None = Field(default=None, gt=0, description="With `by: penalty`: taken off the reward for every unit beyond.")
    when: Annotated[str, pydantic.AfterValidator(_expression)] | None = Field(
        default=None, description="Expression, as for `success`: every step after which it holds costs 1."
    )

    @pydantic.model_validator(mode="after")
    def _weight_fits(self) -> Self:
        if (self.by == "penalty") != (self.weight is not None):
            raise ValueError(
                "`by: penalty` needs `weight`, such as 0.5"
                if self.weight is None
                else "`by: lagrange` has no `weight`: the learner finds it"
            )
        return self


class SelectionSpec(Spec):
    """One of several objects of a type, by how it compares with the others."""

    by: By
    """What the one object has most or least of."""
    says: str = Field(description="Words with the gap {target}, and {reference} for distances.")
    references: dict[str, Words] = Field(default_factory=dict, description="For distances: object type -> words.")

    @pydantic.model_validator(mode="after")
    def _gaps_fit(self) -> Self:
        wanted = ["reference", "target"] if self.by in ("closest_to", "furthest_from") else ["target"]
        if bool(self.references) != (len(wanted) == 2):
            raise ValueError(f"`by: {self.by}` {'needs' if len(wanted) == 2 else 'has no'} `references`")
        if sorted(checks.GAP.findall(self.says)) != wanted:
            gaps = " and ".join(f"{{{name}}}" for name in reversed(wanted))
            raise ValueError(f"`says` needs {gaps} once each, such as 'the {{target}} closest to the {{reference}}'")
        return self


class PointsSpec(Spec):
    """Points of the floor, some way from the start as the crow flies."""

    at_least_m: float = Field(ge=1.0, le=10.0)
    """Least distance from the start."""
    at_most_m: float = Field(ge=1.0, le=10.0)
    """Greatest distance from the start."""

    @pydantic.model_validator(mode="after")
    def _room_between(self) -> Self:
        if self.at_most_m < self.at_least_m:
            raise ValueError(f"at_most_m ({self.at_most_m:g}) has to be at least at_least_m ({self.at_least_m:g})")
        return self


class StartSpec(Spec):
    """Easier starts beside the real ones, to learn from."""

    in_sight: float = Field(gt=0.0, lt=1.0, description="Share of the episodes that begin in sight of a target; the others anywhere.")


class TaskSpec(Spec):
    """What to do and how it is judged.

    An episode is about objects (`targets`, or `affordances`), about rooms (`rooms`), about a point (`points`), or, without any of
    these, about the house.
    """

    targets: dict[str, Words] = Field(default_factory=dict, description="Object type in the house -> the words for it.")
    in_rooms: dict[str, Words] = Field(default_factory=dict, description="Room type -> words: only targets in such a room count.")
    in_turn: int = Field(default=1, ge=1, le=MOST_IN_TURN, description="How many of the targets, all different, an episode names.")
    selections: tuple[SelectionSpec, ...] = Field(default=(), description="How one of several targets is chosen; else all count.")
    affordances: dict[Words, tuple[str, ...]] = Field(
        default_factory=dict, description="Purpose in words -> object types that serve it; instead of `targets`."
    )
    rooms: dict[str, Words] = Field(default_factory=dict, description="Room type -> words; instead of `targets`.")
    points: PointsSpec | None = Field(default=None, description="Points of the floor, named from the start; instead of `targets`.")
    start: Literal["anywhere", "in_sight"] | StartSpec = "anywhere"
    """Where an episode begins: some way from where it can succeed, or where the navigation camera shows a target within 2 m."""
    templates: Annotated[tuple[str, ...], Field(min_length=1)]
    """Instructions with gaps: {a} {target}, and {a_2} {target_2} of a second; or {selection}, {purpose}, {room}, {point}, {rooms}."""
    ends_with: Literal["done", "sub_done"] = "done"
    """The word that ends an episode when it is said."""
    ends_itself: bool = False
    """The episode is also over, with success, at the first step after which success holds; nothing has to be said then."""
    success: Annotated[str, pydantic.AfterValidator(_expression)]
    """Expression over the predicates of `flare_core/tasks/predicates.py`, judged at the end."""
    reward: RewardSpec = RewardSpec()
    """What steps and endings are worth to the learner."""
    constraints: dict[str, ConstraintSpec] = Field(default_factory=dict, description="What should not happen too often in an episode.")
    metrics: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Annotated[str, pydantic.AfterValidator(_expression)]] = Field(
        default_factory=dict, description="Name -> expression: tables say in how many episodes it held at some step."
    )
    horizon: Annotated[int, Field(gt=0, le=100_000)]
    """Greatest number of steps."""


def subjects_of(spec: TaskSpec) -> Subjects:
    """The rule of what an episode is about."""
    return Subjects(
        targets=MappingProxyType(dict(spec.targets)),
        in_rooms=MappingProxyType(dict(spec.in_rooms)),
        in_turn=spec.in_turn,
        selections=tuple(Selection(by=one.by, says=one.says, references=MappingProxyType(dict(one.references))) for one in spec.selections),
        purposes=MappingProxyType(dict(spec.affordances)),
        rooms=MappingProxyType(dict(spec.rooms)),
        points=None if spec.points is None else (spec.points.at_least_m, spec.points.at_most_m),
    )


def reward_of(spec: RewardSpec) -> Reward:
    """The values behind a checked reward."""
    numbers = {name: getattr(spec, name) for name in RewardSpec.model_fields if name != "terms"}
    return Reward(**numbers, terms=tuple(Term(when=parse(term.when), value=term.value, once=term.once) for term in spec.terms))


def task_of(name: str, spec: TaskSpec) -> Task:
    """The values behind a checked spec."""
    return Task(
        name=name,
        subjects=subjects_of(spec),
        in_sight=spec.start.in_sight if isinstance(spec.start, StartSpec) else float(spec.start == "in_sight"),
        templates=spec.templates,
        success=parse(spec.success),
        reward=reward_of(spec.reward),
        constraints=tuple(
            Constraint(
                name=name, at_most=one.at_most, by=one.by, weight=one.weight or 0.0, when=None if one.when is None else parse(one.when)
            )
            for name, one in spec.constraints.items()
        ),
        metrics=MappingProxyType({name: parse(when) for name, when in spec.metrics.items()}),
        ends_with=spec.ends_with,
        ends_itself=spec.ends_itself,
        horizon=spec.horizon,
    )


def load_task(
    ref: str | Path, base: Path | None = None, overrides: Sequence[tuple[str, str]] = (), within: str = ""
) -> tuple[Task, Loaded[TaskSpec]]:
    """Read a task by its packaged name or its path.

    Args:
        base: folder that a relative path begins at.
        overrides: dotted keys and YAML values that replace the file's.
        within: what was put before these keys, as in `read`.

    Raises:
        SpecError: every fault of the file, each as file:line.
    """
    loaded = read(ref, "task", TaskSpec, base=base, overrides=overrides, within=within, displaces=DISPLACES, check=checks.problems)
    return task_of(loaded.name, loaded.spec), loaded
