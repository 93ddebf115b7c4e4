"""The numbers of a training log for trackers: TensorBoard and trackio, each only where it was asked for."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

from flare_core.errors import TrainError

Tracker = Literal["tensorboard", "trackio"]
Record = Mapping[str, Any]
TRACKIO_PROJECT: Final = "flare"
REMOTE: Final = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")  # would make trackio send to another machine


class Scalars(Protocol):
    """Where the numbers of updates go."""

    def write(self, record: Record) -> None:
        """Take one record of the log."""

    def close(self) -> None:
        """Make sure that all of it is on disk."""


class NoScalars:
    """Nobody asked."""

    def write(self, record: Record) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class _Several:
    def __init__(self, parts: Sequence[Scalars]) -> None:
        self._parts = parts

    def write(self, record: Record) -> None:
        for part in self._parts:
            part.write(record)

    def close(self) -> None:
        for part in self._parts:
            part.close()


class _TensorBoard:
    """Events in the run's folder under tensorboard/."""

    def __init__(self, folder: Path, past: Sequence[Record]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise _not_installed("tensorboard") from None
        # Events of later steps are of a part that was lost; the reader hides them.
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=int(past[-1]["steps"]) + 1 if past else 0)

    def write(self, record: Record) -> None:
        for name, value in numbers_of(record).items():
            self._writer.add_scalar(name, value, record["steps"])
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class _Trackio:
    """A run of the project "flare" in trackio's own folder on this machine; nothing is sent anywhere."""

    def __init__(self, folder: Path, past: Sequence[Record]) -> None:
        try:
            import trackio
        except ImportError:
            raise _not_installed("trackio") from None
        name = run_name(folder)
        with _local():
            # trackio cannot take back single steps: the run is made anew from the log, which holds what is not lost.
            for one in _runs(trackio):
                if one.name == name:
                    one.delete()
            self._run = trackio.init(
                project=TRACKIO_PROJECT,
                name=name,
                config={"folder": str(folder.resolve())},
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        for record in past:
            self.write(record)

    def write(self, record: Record) -> None:
        self._run.log(numbers_of(record), step=int(record["steps"]))

    def close(self) -> None:
        self._run.finish()


def _runs(trackio: Any) -> list[Any]:
    try:
        return list(trackio.Api().runs(TRACKIO_PROJECT))
    except ValueError:  # no such project yet
        return []


TRACKERS: Final[Mapping[Tracker, Callable[[Path, Sequence[Record]], Scalars]]] = MappingProxyType(
    {"tensorboard": _TensorBoard, "trackio": _Trackio}
)


def check_trackers(trackers: Sequence[Tracker]) -> None:
    """Whether every tracker that is asked for is installed, before anything is computed.

    Raises:
        TrainError: one is not; the message has the command that installs it.
    """
    from importlib.util import find_spec

    for tracker in trackers:
        if find_spec(tracker) is None:
            raise _not_installed(tracker)


def scalars_for(trackers: Sequence[Tracker], folder: Path, past: Sequence[Record]) -> Scalars:
    """Open the trackers.

    Args:
        folder: of the run.
        past: records of a resumed run's log, which was cut at the checkpoint: nothing that was lost is shown, nothing twice.

    Raises:
        TrainError: one is not installed.
    """
    parts = [TRACKERS[tracker](folder, past) for tracker in dict.fromkeys(trackers)]
    return _Several(parts) if parts else NoScalars()


def numbers_of(record: Record) -> dict[str, float]:
    """Every number of a record by name, the use of each action as `use/NAME`."""
    found = {name: float(value) for name, value in record.items() if isinstance(value, int | float)}
    return found | {f"use/{action}": float(share) for action, share in record.get("use", {}).items()}


def run_name(folder: Path) -> str:
    """What a run is called where runs of several folders stand together: its folder and the one around it."""
    whole = folder.resolve()
    return f"{whole.parent.name}-{whole.name}" if whole.parent.name else whole.name


@contextmanager
def _local() -> Iterator[None]:
    """Without the settings by which trackio sends to another machine: tracking here never needs a network."""
    kept = {name: os.environ.pop(name) for name in REMOTE if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def _not_installed(tracker: Tracker) -> TrainError:
    return TrainError(f"--track {tracker}: {tracker} is not installed. Install it with `pip install 'flare-core[{tracker}]'`")
