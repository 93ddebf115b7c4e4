"""The numbers of a training log for TensorBoard, where that is installed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def scalar_writer(folder: Path, steps: int) -> Callable[[Mapping[str, Any]], None]:
    """A function that takes records of a training log; it does nothing where TensorBoard is missing.

    Args:
        folder: of the run; events go to folder/tensorboard.
        steps: that were made before; events of later steps are of a part that was lost, and are hidden.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return lambda record: None
    writer = SummaryWriter(str(folder / "tensorboard"), purge_step=steps)

    def write(record: Mapping[str, Any]) -> None:
        for name, value in record.items():
            if isinstance(value, int | float):  # `use` is one of its own
                writer.add_scalar(name, float(value), record["steps"])
        for action, share in record["use"].items():
            writer.add_scalar(f"use/{action}", share, record["steps"])
        writer.flush()

    return write
