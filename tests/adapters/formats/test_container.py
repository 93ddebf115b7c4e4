"""A checkpoint file is read without running anything in it; what could run is refused by name."""

import argparse
import collections
import datetime
import os
import pathlib
import pickle
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from flare_core.adapters.formats import container
from flare_core.adapters.formats.container import read_checkpoint
from flare_core.errors import CheckpointError

STATE = {"actor.weight": torch.arange(6.0).reshape(2, 3), "actor.bias": torch.zeros(2)}


class Hostile:
    """Pickles to a call of anything."""

    def __init__(self, call: Callable[..., Any], *arguments: object) -> None:
        self._call, self._arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self._call, self._arguments


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def rezipped(path: Path, change: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """The same zip file with every entry's bytes changed."""
    out = path.with_name("changed.pt")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("content", "kind", "notes"),
    [
        ({"state_dict": STATE, "global_step": 7, "epoch": 1}, "lightning", {"global_step": 7, "epoch": 1}),
        ({"model_state_dict": STATE, "total_steps": 9, "optimizer_state_dict": {"state": {}}}, "allenact", {"total_steps": 9}),
        (STATE, "plain", {}),
        (collections.OrderedDict((name, torch.nn.Parameter(value)) for name, value in STATE.items()), "plain", {}),
    ],
)
def test_tensors_are_found_in_what_each_trainer_writes(content: object, kind: str, notes: dict[str, int], tmp_path: Path) -> None:
    found = read_checkpoint(saved(tmp_path / "a.ckpt", content))
    assert (found.kind, found.notes) == (kind, notes)
    assert same(dict(found.tensors), STATE)


def test_safetensors_are_read_too(tmp_path: Path) -> None:
    safetensors.torch.save_file(STATE, tmp_path / "a.safetensors")
    assert same(dict(sorted(read_checkpoint(tmp_path / "a.safetensors").tensors.items())), dict(sorted(STATE.items())))


def test_plain_records_of_trainers_are_let_in_but_never_made(tmp_path: Path) -> None:
    records = {
        "hyper_parameters": argparse.Namespace(lr=1e-4, where=pathlib.PurePosixPath("/x")),
        "counts": collections.defaultdict(int, a=1),
        "loss": np.float64(0.5),
        "losses": np.arange(3.0),
        "begun": datetime.timedelta(seconds=3),
    }
    found = read_checkpoint(saved(tmp_path / "a.ckpt", {"state_dict": STATE, "global_step": 5, **records}))
    assert same(dict(found.tensors), STATE)
    assert found.notes == {"global_step": 5}


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (os.system, "posix.system"),
        (subprocess.Popen, "subprocess.Popen"),
        (eval, "builtins.eval"),
        (exec, "builtins.exec"),
        (getattr, "builtins.getattr"),
        (__import__, "builtins.__import__"),
        (pickle.loads, "pickle.loads"),
        (torch.load, "torch.serialization.load"),
        (bytearray, "builtins.bytearray"),  # torch lets it in, and it allocates whatever it is told to
    ],
)
@pytest.mark.parametrize("within", ["state_dict", "beside"])
def test_a_hostile_pickle_is_refused_by_name_and_nothing_runs(call: Callable[..., Any], named: str, within: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    evil = Hostile(call, f"touch {mark}")
    content = {"state_dict": {**STATE, "x": evil}} if within == "state_dict" else {"state_dict": STATE, "callbacks": [evil]}
    path = saved(tmp_path / "evil.ckpt", content)
    with pytest.raises(CheckpointError) as refused:
        read_checkpoint(path)
    assert f"evil.ckpt: its pickle names `{named}`, and a pickle can run what it names" in str(refused.value)
    assert "nothing of the file was loaded" in str(refused.value)
    assert not mark.exists()


def test_the_hostile_pickle_would_have_run_elsewhere(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    path = saved(tmp_path / "evil.ckpt", {"state_dict": Hostile(os.system, f"touch {mark}")})
    torch.load(path, weights_only=False)
    assert mark.exists()  # so that the test above can fail


@pytest.mark.parametrize("name", ["STACK_GLOBAL", "INST"])
def test_a_name_that_is_put_together_while_loading_is_refused(name: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", STATE)
    made = {"STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", "INST": b"\x80\x02(S'true'\nios\nsystem\n."}[name]
    with pytest.raises(CheckpointError, match=name):
        read_checkpoint(rezipped(path, lambda entry, data: made if entry.endswith("data.pkl") else data))


def test_a_pickle_beside_the_zip_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.pt"
    path.write_bytes(pickle.dumps({"state_dict": Hostile(os.system, "true")}))
    with pytest.raises(CheckpointError, match="neither a safetensors file"):
        read_checkpoint(path)
    torch.save(STATE, path, _use_new_zipfile_serialization=False)
    with pytest.raises(CheckpointError, match="older than 1"):
        read_checkpoint(path)


def test_a_compressed_entry_is_refused_before_it_grows(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", {"x": torch.zeros(1_000_000)})
    with pytest.raises(CheckpointError, match="is compressed"):
        read_checkpoint(rezipped(path, lambda _, data: data, zipfile.ZIP_DEFLATED))


def test_a_tensor_that_claims_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    huge = torch.zeros(1).expand(1 << 40)  # 4 TB out of 4 bytes
    with pytest.raises(CheckpointError, match=r"x claims the shape \[1099511627776\]"):
        read_checkpoint(saved(tmp_path / "a.pt", {"x": huge}))


def test_a_contiguous_tensor_larger_than_its_storage_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", {"x": torch.zeros(0x33)})
    swollen = rezipped(path, lambda name, data: data.replace(b"K\x33\x85", b"J\x00\x00\x00\x7f\x85") if name.endswith("data.pkl") else data)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(swollen)


def test_a_pickle_larger_than_any_honest_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_PICKLE_BYTES", 1000)
    with pytest.raises(CheckpointError, match="beside the tensors"):
        read_checkpoint(saved(tmp_path / "a.pt", {"state_dict": STATE, "note": "x" * 2000}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([STATE["actor.bias"]], "holds a list, not a dict of tensors"),
        ({"weights": 3}, "'weights' is no tensor"),
        ({"state_dict": {"a": torch.tensor([1.0, float("nan")])}}, "a has 1 numbers that are not finite"),
        ({"state_dict": {}}, "holds no tensor"),
        ({"state_dict": {"a": torch.eye(2).to_sparse()}}, "torch._utils._rebuild_sparse_tensor"),
    ],
)
def test_what_holds_no_usable_tensors_is_refused(content: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=said.replace("(", r"\(")):
        read_checkpoint(saved(tmp_path / "a.pt", content))


@pytest.mark.parametrize("keep", [0, 1, 100, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
def test_a_file_that_broke_off_is_refused(keep: float, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "a.pt":
        torch.save(STATE, path)
    else:
        safetensors.torch.save_file(STATE, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(CheckpointError):
        read_checkpoint(path)


def test_bits_that_flip_make_a_message_or_other_numbers_but_no_crash(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a.pt", {"state_dict": STATE, "global_step": 3}).read_bytes()
    draw = np.random.default_rng(0)
    path, refused = tmp_path / "b.pt", 0
    for _ in range(300):
        broken = bytearray(whole)
        broken[int(draw.integers(len(whole)))] ^= 1 << int(draw.integers(8))
        path.write_bytes(bytes(broken))
        try:
            read_checkpoint(path)
        except CheckpointError:
            refused += 1
    assert refused > 30


def test_a_folder_and_a_missing_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is a folder"):
        read_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="there is no such file"):
        read_checkpoint(tmp_path / "no.pt")
