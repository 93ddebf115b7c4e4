"""Is a spec right? Everything that can be found wrong without running it is found here."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from flare_core.adapters.spec import load_transfer
from flare_core.embodiments.drawing import draw_bodies
from flare_core.embodiments.ranges import draws_of
from flare_core.embodiments.spec import content_of, load_embodiment
from flare_core.errors import SpecError
from flare_core.learning.spec import RecipeSpec
from flare_core.reading import KINDS, list_specs, read
from flare_core.runs.warnings.table import body_warnings, step_warnings
from flare_core.spec_faults import did_you_mean
from flare_core.tasks.spec import load_task
from flare_core.yaml_tree import Place, parse, read_text, report

TRIED: Final = 64  # bodies of a random robot that are drawn to see whether that works
Reference = str | Path


def check(reference: str) -> list[str]:
    """Read a spec in full, whatever its kind.

    Args:
        reference: path of a YAML file, or a packaged name; a name that several kinds have stands for all of them.

    Returns:
        One line for each spec that was read: what it is and what it says in short. Below it, a line for everything in it that
        is allowed and yet rarely meant, beginning with `warning:`.

    Raises:
        FlareError: with all of its faults.
    """
    if "/" in reference or reference.endswith((".yaml", ".yml")) or Path(reference).is_file():
        path = Path(reference)
        return _told(reference, *_CHECKS[kind_of(path)](path))
    kinds = [kind for kind in KINDS if reference in list_specs(kind)]
    if not kinds:
        names = sorted({name for kind in KINDS for name in list_specs(kind)})
        beside = next((path for ending in (".yaml", ".yml") if (path := Path(f"{reference}{ending}")).is_file()), None)
        meant = f" Did you mean the file {beside}?" if beside is not None else did_you_mean(reference, names)
        raise SpecError(f"{reference}: no such file, and no packaged spec has this name.{meant} See `flare list`")
    return [line for kind in kinds for line in _told(reference, *_CHECKS[kind](reference))]


def _told(reference: str, short: str, *warnings: str) -> list[str]:
    return [f"{reference}: ok, {short}", *warnings]


def kind_of(path: Path) -> str:
    """What a file says that it is.

    Raises:
        SpecError: there is no such file, it is not YAML, or `kind:` is missing or unknown.
    """
    tree = parse(read_text(path, str(path)), Place(label=str(path), line=1, path=path))
    kind = tree.value.get("kind") if isinstance(tree.value, dict) else None
    if isinstance(kind, str) and kind in KINDS:
        return kind
    if tree.faults:
        raise report(list(tree.faults))
    known = ", ".join(KINDS)
    if kind is None:
        raise SpecError(f"{tree.place(())}: `kind:` is missing. Begin the file with `kind:` and one of {known}")
    raise SpecError(f"{tree.place(('kind',))}: kind: no kind {kind!r}. Use one of {known}.{did_you_mean(str(kind), KINDS)}")


def _embodiment(reference: Reference) -> tuple[str, ...]:
    body, loaded = load_embodiment(reference, random="middle")
    drawn = len(draws_of(content_of(loaded.resolved)))
    draw_bodies(loaded.resolved, 0, TRIED if drawn else 0)
    many = f", {_count(drawn, 'drawn number')}" if drawn else ""
    short = f"embodiment {body.name}: {_count(len(body.actions), 'action')}, {_count(len(body.cameras), 'camera')}{many}"
    return short, *body_warnings(body, loaded)


def _task(reference: Reference) -> tuple[str, ...]:
    from flare_core.tasks.words import Vocabulary

    task, _ = load_task(reference)
    vocabulary = Vocabulary.load()
    for text in task.instructions():
        vocabulary.encode(text)
    return (f"task {task.name}: {_count(len(task.types), 'target')}, {_count(len(task.templates), 'template')}, horizon {task.horizon}",)


def _recipe(reference: Reference) -> tuple[str, ...]:
    loaded = read(reference, "recipe", RecipeSpec)
    return (f"recipe {loaded.name}: {loaded.spec.steps:,} steps in {loaded.spec.rows} rows",)


def _transfer(reference: Reference) -> tuple[str, ...]:
    from flare_core.runs.carry import plan_of  # reads the policy, and so needs torch

    transfer = plan_of(load_transfer(reference), weights=False)
    head = transfer.plan.head
    short = f"transfer {transfer.loaded.name}: {transfer.plan.source} to {transfer.plan.target}, {_count(len(head.new_rows), 'new row')}"
    body, loaded = transfer.body, transfer.embodiment
    return short, *body_warnings(body, loaded), *step_warnings(head, body, loaded)


def _pretraining(reference: Reference) -> tuple[str, ...]:
    from flare_core.runs.pretraining import load_pretraining

    pretraining = load_pretraining(reference)
    pretraining.task.check(pretraining.body)
    return (
        f"pretraining {pretraining.loaded.name}: {pretraining.body.name}, {pretraining.task.name}, {', then '.join(pretraining.lessons)}",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_CHECKS: Final[Mapping[str, Callable[[Reference], tuple[str, ...]]]] = MappingProxyType(
    {"embodiment": _embodiment, "task": _task, "recipe": _recipe, "transfer": _transfer, "pretraining": _pretraining}
)
