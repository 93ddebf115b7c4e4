"""Options that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    del context, parameter
    for value in values:
        if "=" not in value or value.startswith("="):
            raise click.BadParameter(f"{value!r} is not KEY=VALUE, such as recipe.steps=100000")
    pairs = (value.partition("=") for value in values)
    return tuple((key.strip(), text) for key, _, text in pairs)


def override_option(command: F) -> F:
    """`-o KEY=VALUE`, any number of times."""
    about = "Override one value: a key of the transfer, or recipe.KEY, task.KEY, embodiment.KEY. Recorded in the bundle."
    return click.option("overrides", "-o", metavar="KEY=VALUE", multiple=True, callback=_pairs, help=about)(command)


def simulator_option(command: F) -> F:
    """`-o simulator.KEY=VALUE` where there is no transfer, and what of the robot may be changed all the same."""
    about = (
        "Play elsewhere than in the embedded simulator, such as simulator.kind=thor: the keys of a transfer's `simulator`. Or with more "
        "jitter or noise than the robot's own, such as embodiment.noise.move_m=0.02."
    )
    return click.option("overrides", "-o", metavar="KEY=VALUE", multiple=True, callback=_pairs, help=about)(command)


def own_override_option(command: F) -> F:
    """`-o KEY=VALUE` for a spec that is read alone."""
    about = "Override one value of the spec, such as cloning.steps=100000. Recorded in the bundle."
    return click.option("overrides", "-o", metavar="KEY=VALUE", multiple=True, callback=_pairs, help=about)(command)


def out_option(about: str) -> Callable[[F], F]:
    """`--out DIR`, needed."""
    return click.option("--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), required=True, help=about)


def seed_option(command: F) -> F:
    """`--seed`."""
    return click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all that is drawn.")(command)


def workers_option(command: F) -> F:
    """`--workers`, at most two by default: the learner is memory-bound and gains little from more."""
    count = min(2, os.cpu_count() or 1)
    about = "Processes, each with its own environments; threads where processes cannot be forked."
    return click.option("--workers", type=click.IntRange(min=1), default=count, show_default="2, or 1 on one core", help=about)(command)


def use_one_thread() -> None:
    """One torch thread in each of ours: they already use the cores, and figures do not depend on a machine's count of them."""
    import torch

    torch.set_num_threads(1)


def picture(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """A picture's path, refused before anything is computed if it does not end in .png."""
    del context, parameter
    if value is not None and value.suffix.lower() != ".png":
        raise click.BadParameter(f"{value}: pictures are PNG files; give a name that ends in .png")
    return value
