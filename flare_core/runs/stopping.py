"""Ctrl-C at a safe point: the first one lets the unit of work in hand end, a second one stops at once."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from flare_core.runs.finetune import Watcher


class Stopping:
    """A `Watcher` around another one that raises KeyboardInterrupt from `advance` after Ctrl-C was pressed.

    `advance` is called at the end of an update or of an episode, also by workers, whose exceptions reach the main thread.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._asked = threading.Event()
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._before or signal.default_int_handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()
        # Past Python's streams, which may be in the middle of a write and cannot be entered twice.
        os.write(2, b"\nStopping after the step in hand; press Ctrl-C again to stop at once.\n")

    def stage(self, name: str, total: int, done: int = 0) -> None:
        """Passed on."""
        self._watcher.stage(name, total, done)

    def advance(self, done: int, note: str = "") -> None:
        """Passed on; then the stop, if one was asked for."""
        self._watcher.advance(done, note)
        if self._asked.is_set():
            raise KeyboardInterrupt

    def say(self, text: str) -> None:
        """Passed on."""
        self._watcher.say(text)
