"""What a person sees while a job runs: progress bars, tables, lines. On a terminal and in a log file alike."""

import math
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

PACE_AFTER_S = 5.0  # before that the pace is that of compiling kernels
LINE_EVERY_S = 15.0  # how often progress is printed where there is no terminal to draw a bar on


def print_table(rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Print rows of text, the heading first."""
    console = Console(width=None if sys.stdout.isatty() else 200)
    table = Table(title=title or None, title_justify="left", title_style="bold")
    for at, heading in enumerate(rows[0]):
        table.add_column(heading, overflow="fold", justify="left" if at == 0 else "default")
    for row in rows[1:]:
        table.add_row(*row)
    console.print(table)


class ConsoleWatcher:
    """A `Watcher` that draws bars on a terminal and prints a line now and then elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"), console=self._console, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._name, self._total, self._before = "", 0, 0
        self._begun, self._printed = 0.0, -math.inf

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def stage(self, name: str, total: int, done: int = 0) -> None:
        """A new bar."""
        self._name, self._total, self._before = name, total, done
        self._begun = time.monotonic()
        self._printed = -math.inf
        self._task = self._progress.add_task(name, total=total, completed=done, note="")

    def advance(self, done: int, note: str = "") -> None:
        """Move the bar to `done`; elsewhere print a line, at most every few seconds and at the end."""
        if self._task is not None:
            self._progress.update(self._task, completed=min(done, self._total), note=note)
        now = time.monotonic()
        if not self._console.is_terminal and (now - self._printed > LINE_EVERY_S or done >= self._total):
            self._printed = now
            here = done - self._before
            is_telling = here > 0 and now - self._begun > PACE_AFTER_S
            left = f", {(now - self._begun) / here * max(0, self._total - done):.0f} s left" if is_telling else ""
            print(f"{self._name}: {done:,} of {self._total:,}{left}. {note}".rstrip(), file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._console.print(text, highlight=False)
