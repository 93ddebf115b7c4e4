"""What of a policy survives on another body: head plan, view plan and body inputs, as values that print and save.

`planning` makes them; `head` and `view` carry them out. No torch.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from flare_core.adapters.spec import Fit
from flare_core.errors import AdapterError

How = Literal["keep", "rescale", "reuse", "nearest", "mean", "zero", "like", "masked"]
NEW: Final = frozenset({"nearest", "mean", "zero", "like"})
"""Ways to start a row that the source head does not have; their biases are calibrated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadEntry:
    """What one target action gets.

    Attributes:
        action, effect: name and effect (in words) of the target action.
        how: "keep" (same effect), "rescale" (same direction, other size), "reuse" (an old row with a new meaning), "nearest",
            "like" (copied rows of a new action), "mean", "zero" (other starts of one) or "masked".
        source, source_row: the source action whose row is taken, or None.
        ratio: size of the target's effect over the source's, where both are of one direction.
        probability: mean probability that a new row's bias is solved for, or None.
        reason: why, for the reader of the plan.
    """

    action: str
    effect: str
    how: How
    source: str | None = None
    source_row: int | None = None
    ratio: float | None = None
    probability: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPlan:
    """One entry for every target action, in the order of the target's head.

    Attributes:
        source_actions: names of the source head's rows.
        trained: source rows that a static mask did not shut out; "mean" is over these.
        dropped: source actions whose row no target action takes over.
    """

    source_actions: tuple[str, ...]
    trained: tuple[int, ...]
    entries: tuple[HeadEntry, ...]
    dropped: tuple[str, ...]

    @property
    def new_rows(self) -> tuple[int, ...]:
        """Target rows that begin anew."""
        return tuple(at for at, entry in enumerate(self.entries) if entry.how in NEW)

    @property
    def shared_rows(self) -> tuple[tuple[int, int], ...]:
        """(target row, source row) of every action that both bodies know."""
        pairs = ((at, entry.source_row) for at, entry in enumerate(self.entries) if entry.how in ("keep", "rescale"))
        return tuple((at, row) for at, row in pairs if row is not None)

    def rows(self) -> list[tuple[str, ...]]:
        """Table of the plan: action, effect, how, source action, size ratio, start probability, reason."""
        return [(e.action, e.effect, e.how, e.source or "-", _number(e.ratio), _number(e.probability), e.reason) for e in self.entries]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewEntry:
    """What feeds one image of the policy.

    Attributes:
        view, width, height: name and size of the image.
        camera, fit: the target camera that it is made from and how; None when the view is absent.
        source_camera: the camera that the policy was trained with, or None when the source body does not say.
    """

    view: str
    width: int
    height: int
    camera: str | None
    fit: Fit | None
    source_camera: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewPlan:
    """One entry for every view of the policy.

    Attributes:
        unused: target cameras that feed no view.
    """

    entries: tuple[ViewEntry, ...]
    unused: tuple[str, ...]

    def rows(self) -> list[tuple[str, ...]]:
        """Table of the plan: view, size, target camera, fit, source camera, reason."""
        return [
            (e.view, f"{e.width}x{e.height}", e.camera or "absent", e.fit or "-", e.source_camera or "-", e.reason) for e in self.entries
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputEntry:
    """Where one entry of the target's `body` observation comes from.

    An input x of the target is a joint position scaled by the target's limits; scale * x + offset is the same position
    scaled by the source's limits.

    Attributes:
        source_column: column of the source's input of the same meaning; None for a new input, which starts with zeros.
    """

    name: str
    source_column: int | None
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPlan:
    """One entry for every body input of the target.

    Attributes:
        source_inputs: names of the source's inputs.
        dropped: (source column, its value with the joint at home) of inputs that the target lacks. The policy goes on as
            if those joints stood at home, which is where it knew them.
    """

    source_inputs: tuple[str, ...]
    entries: tuple[InputEntry, ...]
    dropped: tuple[tuple[int, float], ...]

    def rows(self) -> list[tuple[str, ...]]:
        """Table of the plan: input, what it comes from, scale."""
        kept: list[tuple[str, ...]] = [
            (e.name, "new" if e.source_column is None else self.source_inputs[e.source_column], _number(e.scale)) for e in self.entries
        ]
        return kept + [(self.source_inputs[column], f"dropped, taken as {home:g}", "-") for column, home in self.dropped]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that follows from a pair of bodies and the choices for it."""

    source: str
    target: str
    head: HeadPlan
    views: ViewPlan
    inputs: InputPlan

    def to_json(self) -> str:
        """The plan as JSON text; `from_json` gives an equal plan."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> "Plan":
        """Read `to_json`'s text.

        Raises:
            AdapterError: the text is no plan.
        """
        try:
            data = json.loads(text)
            head, views, inputs = data["head"], data["views"], data["inputs"]
            return Plan(
                source=data["source"],
                target=data["target"],
                head=HeadPlan(**_tuples(head) | {"entries": tuple(HeadEntry(**entry) for entry in head["entries"])}),
                views=ViewPlan(**_tuples(views) | {"entries": tuple(ViewEntry(**entry) for entry in views["entries"])}),
                inputs=InputPlan(**_tuples(inputs) | {"entries": tuple(InputEntry(**entry) for entry in inputs["entries"])}),
            )
        except (ValueError, KeyError, TypeError) as fault:
            raise AdapterError(f"plan: this is no plan ({fault}). Make it anew with `flare plan --json`.") from fault


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same mapping with every list, at any depth, as a tuple."""

    def freeze(value: Any) -> Any:
        return tuple(freeze(item) for item in value) if isinstance(value, list) else value

    return {key: freeze(value) for key, value in data.items()}
