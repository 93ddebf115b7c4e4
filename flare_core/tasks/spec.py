"""The YAML grammar of a task."""

import re
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import pydantic

from flare_core.errors import TaskError
from flare_core.reading import Loaded, Spec, read
from flare_core.tasks.predicates import parse
from flare_core.tasks.task import Reward, Task

_GAP = re.compile(r"\{([^{}]*)\}")


def _template(text: str) -> str:
    gaps = _GAP.findall(text)
    stray = [gap for gap in gaps if gap not in ("a", "target")]
    if stray or _GAP.sub("", text).count("{") or _GAP.sub("", text).count("}"):
        raise ValueError("a template has only the gaps {a} and {target}")
    if gaps.count("target") != 1:
        raise ValueError("a template needs the gap {target} once, such as 'go to {a} {target}'")
    return text


def _expression(text: str) -> str:
    try:
        parse(text)
    except TaskError as bad:
        raise ValueError(str(bad).removeprefix("success: ")) from None
    return text


class RewardSpec(Spec):
    """Sparse by default: something for success and nothing else."""

    success: float = 10.0
    failure: float = 0.0
    step: float = 0.0


class TaskSpec(Spec):
    """What to do and how it is judged.

    Attributes:
        targets: object type in the house -> the words for it.
        templates: instructions; {a} is the article, {target} the words.
        ends_with: what the body says to end an episode.
        success: expression over visible(), all(), any() and not(), judged at the end.
        horizon: greatest number of steps.
    """

    targets: Annotated[dict[str, Annotated[str, pydantic.Field(pattern=r"^[a-z0-9]+( [a-z0-9]+)*$")]], pydantic.Field(min_length=1)]
    templates: Annotated[tuple[Annotated[str, pydantic.AfterValidator(_template)], ...], pydantic.Field(min_length=1)]
    ends_with: Literal["done", "sub_done"] = "done"
    success: Annotated[str, pydantic.AfterValidator(_expression)]
    reward: RewardSpec = RewardSpec()
    horizon: Annotated[int, pydantic.Field(gt=0, le=100_000)]


def task_of(name: str, spec: TaskSpec) -> Task:
    """The values behind a checked spec."""
    return Task(
        name=name,
        types=tuple(spec.targets),
        nouns=MappingProxyType(dict(spec.targets)),
        templates=spec.templates,
        success=parse(spec.success),
        reward=Reward(success=spec.reward.success, failure=spec.reward.failure, step=spec.reward.step),
        ends_with=spec.ends_with,
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
    loaded = read(ref, "task", TaskSpec, base=base, overrides=overrides, within=within)
    return task_of(loaded.name, loaded.spec), loaded
