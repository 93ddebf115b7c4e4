"""The YAML grammar of a transfer: which policy goes to which body, and the choices that its plan needs.

Example::

    kind: transfer
    policy: shipped:stretch_objectnav
    embodiment: locobot
    task: objectnav_short
    new_actions: {start: nearest, probability: 0.02}
    head: {look_left: {like: rotate_left}}
    views: {navigation: {from: head, fit: reproject}, manipulation: absent}
    recipe: graft
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from flare_core.errors import SpecError
from flare_core.reading import Loaded, Spec, read

Start = Literal["nearest", "mean", "zero"]
Fit = Literal["reproject", "resize", "crop"]


DISPLACES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "rescale": ("reuse", "like", "start", "masked", "probability"),
        "reuse": ("rescale", "like", "start", "masked", "probability"),
        "like": ("rescale", "reuse", "start", "masked"),
        "start": ("rescale", "reuse", "like", "masked"),
        "masked": ("rescale", "reuse", "like", "start", "probability"),
    }
)
"""Choices of a row that give way when a file that extends another one chooses differently."""


class NewActions(Spec):
    """What every new row of the head gets that has no choice of its own."""

    start: Start | None = None
    """Whose weights it begins with; left out, each new row needs its own choice."""
    probability: float = Field(default=0.02, gt=0.0, lt=1.0)
    """Mean probability over training states that its bias is solved for."""


class RowChoice(Spec):
    """Choice for one target action: exactly one of the first five."""

    rescale: str | None = None
    """Source action of the same kind and direction, whatever its size."""
    reuse: str | None = None
    """Source action whose row, bias included, gets this new meaning."""
    like: str | None = None
    """Source action whose row a new action starts with, across kinds too."""
    start: Start | None = None
    """How a new action starts: as its nearest relative, as the mean of all rows, or at zero."""
    masked: str | None = None
    """Why this policy shall never do it."""
    probability: float | None = Field(default=None, gt=0.0, lt=1.0)
    """Mean probability that a new row's bias is solved for; the group's when not given."""

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        given = [name for name in ("rescale", "reuse", "like", "start", "masked") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of rescale, reuse, like, start or masked, not {' and '.join(given) or 'none'}")
        if self.probability is not None and given[0] not in ("like", "start"):
            raise ValueError(f"'{given[0]}' keeps the bias as it is; 'probability' goes only with 'like' or 'start'")
        return self


class HeadChoices(Spec):
    """Choices for the action head: the group's default and the single rows that differ from it."""

    new_actions: NewActions = NewActions()
    """For every new action without a choice of its own."""
    head: Mapping[str, RowChoice] = Field(default_factory=dict)
    """By the target's action: what becomes of its row."""


class ViewChoice(Spec):
    """Which target camera feeds a view of the policy, and how."""

    camera: str = Field(alias="from")
    """Name of a target camera."""
    fit: Fit
    """`reproject` keeps angles: what the source camera would see of it, the rest filled; `resize` takes the whole image; `crop` its
    greatest centred part of the view's aspect ratio."""


class PlanChoices(HeadChoices):
    """Every choice that a plan can need."""

    views: Mapping[str, ViewChoice | Literal["absent"]] = Field(default_factory=dict)
    """By the policy's view: `{from: CAMERA, fit: ...}`, or `absent`."""


class SimulatorSpec(Spec):
    """Where the policy is fine-tuned and judged. Every key but `kind` is for AI2-THOR alone."""

    kind: Literal["embedded", "thor"] = "embedded"
    """`embedded`, flare's own, or `thor`, AI2-THOR. `simulator: thor` is short for `simulator: {kind: thor}`."""
    executable: str | None = Field(
        default=None, description="What the ai2thor client starts: a build of your own, or 'flare thor-engine'. None: it downloads one."
    )
    platform: Literal["CloudRendering", "Linux64"] | None = Field(default=None, description="Which of AI2-THOR's builds.")
    commit_id: str | None = Field(default=None, description="The build of one commit, such as the one that SPOC and FLaRe pin.")
    x_display: str | None = Field(default=None, description="X display that platform Linux64 draws to.")
    gpu_devices: tuple[int, ...] = Field(default=(), description="GPUs that the processes draw with, in turn.")
    agent_mode: Literal["default", "arm", "locobot", "stretch", "fpin"] | None = Field(
        default=None, description="Which agent stands for the robot; chosen by its shape if none."
    )
    round_base: Literal["refuse", "box"] = Field(default="refuse", description="May fpin's box be the square around a round base?")
    scenes: Literal["procthor", "ithor", "robothor"] = Field(
        default="procthor", description="Flare's generated ProcTHOR houses, or AI2-THOR's own scenes by name, split as it splits them."
    )
    processes: int = Field(default=8, ge=1, le=512, description="Controllers at a time; each is a process with a simulator in it.")
    timeout_s: float = Field(default=100.0, gt=0.0, description="A controller that does not answer for so long is ended and replaced.")
    start_timeout_s: float = Field(default=300.0, gt=0.0, description="The same for its start.")
    memory_gb: float = Field(default=16.0, gt=0.0, description="A controller that uses more memory is ended and replaced.")

    @model_validator(mode="after")
    def _only_for_thor(self) -> Self:
        odd = sorted(self.model_fields_set - {"kind"})
        if self.kind == "embedded" and odd:
            raise ValueError(f"{' and '.join(odd)} {'go' if len(odd) > 1 else 'goes'} with `kind: thor`")
        if self.executable is not None and (self.commit_id is not None or self.platform is not None):
            raise ValueError("`executable` is a build already: leave `platform` and `commit_id` out, or it")
        return self


def _spelled_out(value: object) -> object:
    """`simulator: thor` is short for `simulator: {kind: thor}`."""
    return {"kind": value} if isinstance(value, str) else value


def simulator_of(pairs: Sequence[tuple[str, str]]) -> SimulatorSpec:
    """The simulator that `-o simulator.KEY=VALUE` names, where there is no transfer to lay it over.

    Raises:
        SpecError: another key, or a value that will not do.
    """
    values: dict[str, object] = {}
    for key, text in pairs:
        kind, _, rest = key.partition(".")
        if kind != "simulator" or not rest:
            raise SpecError(f"-o {key}: only the simulator can be chosen here, such as `-o simulator.kind=thor`")
        values[rest] = yaml.safe_load(text)
    try:
        return SimulatorSpec.model_validate(values)
    except ValidationError as fault:
        faults = [
            ".".join(["simulator", *map(str, one["loc"])]) + ": " + one["msg"].removeprefix("Value error, ") for one in fault.errors()
        ]
        raise SpecError("-o " + "; ".join(faults)) from None


class TransferSpec(PlanChoices):
    """One transfer."""

    policy: str
    """`shipped:NAME`, the path of a bundle, or `hub://org/name@revision`."""
    embodiment: str
    """The robot that it goes to: a packaged name, or a path relative to the file."""
    task: str
    """What it is to do: a packaged name, or a path relative to the file."""
    recipe: str = "graft"
    """How it is trained: a packaged name, or a path relative to the file."""
    simulator: Annotated[SimulatorSpec, BeforeValidator(_spelled_out)] = SimulatorSpec()
    """Where the policy is fine-tuned and judged."""


def load_transfer(ref: str | Path, overrides: Sequence[tuple[str, str]] = ()) -> Loaded[TransferSpec]:
    """Read a transfer by packaged name or path.

    Raises:
        SpecError: the file cannot be used; all faults at once.
    """
    return read(ref, "transfer", TransferSpec, overrides=overrides, displaces=DISPLACES)
