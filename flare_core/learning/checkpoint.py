"""Training checkpoints at update boundaries: safetensors and JSON, written to a temporary folder, synced, renamed.

The last two are kept, so that a run killed while writing still has one.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from flare_core.errors import TrainError

KEEP = 2


def save_checkpoint(folder: Path, number: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Path:
    """Write one checkpoint and drop the oldest.

    Args:
        folder: of all checkpoints of the run.
        number: of updates done; names the checkpoint.
        tensors: weights, optimiser, stored inputs, simulator snapshots.
        facts: counters and what else is plain JSON.

    Returns:
        The checkpoint's folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final, temporary = folder / f"update_{number:06d}", folder / f".writing_{number:06d}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary / "state.safetensors")
    (temporary / "state.json").write_text(json.dumps(dict(facts), indent=1), encoding="utf-8")
    for path in (temporary / "state.safetensors", temporary / "state.json", temporary):
        _sync(path)
    if final.exists():
        shutil.rmtree(final)
    os.replace(temporary, final)
    _sync(folder)
    for old in checkpoints(folder)[:-KEEP]:
        shutil.rmtree(old)
    return final


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted(folder.glob("update_*")) if folder.is_dir() else []


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and facts of one checkpoint.

    Raises:
        TrainError: it is incomplete or damaged.
    """
    try:
        facts = json.loads((path / "state.json").read_text(encoding="utf-8"))
        # Cloned, so that they begin in memory where torch's own do: small products may round by that, and a resumed run would differ.
        return {name: tensor.clone() for name, tensor in load_file(path / "state.safetensors").items()}, facts
    except (OSError, ValueError, SafetensorError) as fault:
        raise TrainError(f"{path}: checkpoint cannot be read ({fault}); delete it to resume from the one before") from None


def part_of(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def optimiser_tensors(prefix: str, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's state as named tensors."""
    state = optimiser.state_dict()["state"]
    return {f"{prefix}/{number}/{name}": torch.as_tensor(value) for number, entry in state.items() for name, value in entry.items()}


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimiser_tensors` gave, named without the prefix."""
    state: dict[int, dict[str, Tensor]] = {}
    for path, tensor in tensors.items():
        number, name = path.split("/")
        state.setdefault(int(number), {})[name] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
