"""A hundred and more bundles that are damaged or hostile: each is refused with a message, without a crash, a file run or memory wasted.

Wherever it is to the attacker's use, the digests in bundle.json fit the damaged files.
"""

import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from flare_core.bundles.bundle import load_bundle, load_outline, save_bundle
from flare_core.errors import FlareError
from tests.bundles.damage import edit_json, rewrite
from tests.cli_tools import tiny_bundle

Damage = Callable[[Path], None]
W = "model.safetensors"
SPECS = ("policy.json", "embodiment.yaml", "task.yaml", "lineage.json", "evaluation.json")
FILES = (W, *SPECS, "LICENSE", "pictures/robot.png", "bundle.json")
BOMB = "kind: task\na: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{now}: &{now} [{', '.join([f'*{before}'] * 9)}]\n" for before, now in pairwise("abcdefghi")
)


class _Run:
    """Leaves a file behind if it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_bundle(tmp_path_factory.mktemp("intact") / "tiny")
    bundle = load_bundle(folder)
    whole = replace(
        bundle,
        results={"sampled": {"episodes": 5, "success": 0.2, "success_low": 0.0, "success_high": 0.6}},
        licence_text="Terms.\n" * 40,
        pictures={"robot": b"\x89PNG\r\n\x1a\n" + bytes(range(256))},
    )
    return save_bundle(folder, whole, replace=True)


def flip(name: str, seed: int) -> Damage:
    """One bit of a file, somewhere."""

    def damage(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        draws = np.random.default_rng(seed)
        data[int(draws.integers(len(data)))] ^= 1 << int(draws.integers(8))
        (folder / name).write_bytes(bytes(data))

    return damage


def cut(name: str, share: float, recorded: bool) -> Damage:
    """A file's beginning alone."""

    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        data = data[: int(share * len(data))]
        rewrite(folder, name, data) if recorded and name != "bundle.json" else (folder / name).write_bytes(data)

    return damage


def put(name: str, data: bytes | str) -> Damage:
    """Other bytes, with their digest recorded."""
    raw = data.encode() if isinstance(data, str) else data
    return lambda folder: (folder / name).write_bytes(raw) and None if name == "bundle.json" else rewrite(folder, name, raw)  # type: ignore[func-returns-value]


def swap(one: str, other: str, recorded: bool) -> Damage:
    """Two files under each other's name."""

    def damage(folder: Path) -> None:
        first, second = (folder / one).read_bytes(), (folder / other).read_bytes()
        for name, data in ((one, second), (other, first)):
            rewrite(folder, name, data) if recorded else (folder / name).write_bytes(data)

    return damage


def listing(name: str, digest: str = "0" * 64) -> Damage:
    """One more file in the manifest."""
    return lambda folder: edit_json(folder, "bundle.json", lambda data: data["files"].update({name: digest}))


def link(name: str, to: str) -> Damage:
    """A file that is a link to somewhere else."""

    def damage(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(to)

    return damage


def header(change: Callable[[dict[str, Any]], Any], length: int | None = None) -> Damage:
    """Another header of the weights' file; `length` is declared instead of its own."""

    def damage(folder: Path) -> None:
        data = (folder / W).read_bytes()
        (size,) = struct.unpack("<Q", data[:8])
        found = json.loads(data[8 : 8 + size])
        found = change(found) or found
        raw = found if isinstance(found, bytes) else json.dumps(found).encode()
        rewrite(folder, W, struct.pack("<Q", len(raw) if length is None else length) + raw + data[8 + size :])

    return damage


def entry(**facts: Any) -> Damage:
    """Other facts of one tensor in the header."""
    return header(lambda found: found["actor.head.bias"].update(facts))


def policy(**facts: Any) -> Damage:
    return lambda folder: edit_json(folder, "policy.json", lambda data: data.update(facts))


def manifest(**facts: Any) -> Damage:
    return lambda folder: edit_json(folder, "bundle.json", lambda data: data.update(facts))


def pickled(name: str, protocol: int, under_way: str = "") -> Damage:
    """A pickle that runs a command, in the place of a file."""

    def damage(folder: Path) -> None:
        data = under_way.encode() + pickle.dumps(_Run(folder.parent / "ran"), protocol=protocol)
        rewrite(folder, name, data)

    return damage


def torch_file(name: str) -> Damage:
    def damage(folder: Path) -> None:
        torch.save({"weight": _Run(folder.parent / "ran")}, folder / "x")
        data = (folder / "x").read_bytes()
        (folder / "x").unlink()
        rewrite(folder, name, data)

    return damage


def beside(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(pickle.dumps(_Run(folder.parent / "ran")))

    return damage


def other_weights(change: Callable[[dict[str, torch.Tensor]], Any]) -> Damage:
    """Tensors of another policy, well formed."""

    def damage(folder: Path) -> None:
        state = safetensors.torch.load_file(folder / W)
        rewrite(folder, W, safetensors.torch.save(change(state) or state))

    return damage


def no_numbers(state: dict[str, torch.Tensor]) -> None:
    state["actor.head.bias"][3] = float("nan")


def sparse(folder: Path) -> None:
    """A file that says that it holds four gigabytes, and takes no room."""
    raw = json.dumps({"x": {"dtype": "F32", "shape": [1_000_000_000], "data_offsets": [0, 4_000_000_000]}}).encode()
    with (folder / W).open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        file.truncate(8 + len(raw) + 4_000_000_000)


def fifo(folder: Path) -> None:
    """A file that never ends when it is read."""
    (folder / "policy.json").unlink()
    os.mkfifo(folder / "policy.json")


EMPTY = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
DEEP = "[" * 50_000
DEEP_OBJECT = '{"a":' * 100 + "1" + "}" * 100
CASES: dict[str, Damage] = {
    **{f"one bit of {name}, {seed}": flip(name, seed) for name in FILES[:-1] for seed in range(3)},
    **{f"{name} cut to {share}": cut(name, share, False) for name in FILES for share in (0.0, 0.5)},
    **{f"{name} cut to {share}, recorded": cut(name, share, True) for name in FILES[:6] for share in (0.0, 0.3, 0.9)},
    "swapped policy and lineage": swap("policy.json", "lineage.json", True),
    "swapped task and body": swap("task.yaml", "embodiment.yaml", True),
    "swapped weights and policy": swap(W, "policy.json", True),
    "swapped picture and weights": swap("pictures/robot.png", W, True),
    "swapped without a record": swap("policy.json", "lineage.json", False),
    **{
        f"manifest lists {name!a}": listing(name)
        for name in (
            "../secret.json", "/etc/passwd", "..", ".", "", "a/../../b", "pictures/../../x.png", "pictures/a/b.png", "C:\\x.json", "..\\x",
            "policy.json\0.txt", "policy\u200b.json", "\u202egnp.x", "policy.json ", "POLICY.JSON", "pictures/.png", "pictures/%2e%2e.png",
            "checkpoints/step.safetensors", "run.py", "./policy.json", "pictures//x.png", "README.md", "bundle.json",
        )
    },
    "picture that is not there": listing("pictures/far.png"),
    "more pictures than there may be": lambda folder: edit_json(
        folder, "bundle.json", lambda data: data["files"].update({f"pictures/p{at}.png": "0" * 64 for at in range(40)})
    ),
    **{f"{name} is a link out": link(name, "/etc/hostname") for name in FILES},
    "weights are a link to a device": link(W, "/dev/zero"),
    "policy is a link up": link("policy.json", "../tiny/policy.json/.."),
    "policy is a link to itself": link("policy.json", "policy.json"),
    "policy never ends": fifo,
    "weights are a folder": lambda folder: (folder / W).unlink() or (folder / W).mkdir(),  # type: ignore[func-returns-value]
    "header of 2**63 bytes": header(lambda found: None, length=2**63),
    "header of a gigabyte": header(lambda found: None, length=10**9),
    "header of nothing": header(lambda found: None, length=0),
    "header one byte short": header(lambda found: json.dumps(found).encode(), length=10),
    "header as long as a page of spaces": header(lambda found: json.dumps(found).encode() + b" " * 3_000_000),
    "header of 30,000 tensors": header(lambda found: {f"t{at}": EMPTY for at in range(30_000)}),
    "header nested deep": header(lambda found: (DEEP).encode()),
    "header is a list": header(lambda found: b"[]"),
    "header is not text": header(lambda found: b"\xff\xfe{}"),
    "header names a tensor twice": header(lambda found: b'{"a": {"dtype":"F32","shape":[0],"data_offsets":[0,0]}, "a": 1}'),
    "tensor of unknown type": entry(dtype="OBJ"),
    "tensor whose type is a list": entry(dtype=["F32"]),
    "tensor of another type": entry(dtype="I32"),
    "tensor of negative size": entry(shape=[-20]),
    "tensor larger than the world": entry(shape=[2**40, 2**40]),
    "tensor of a size that runs over": entry(shape=[2**32, 2**32, 4]),
    "tensor with a fraction of a row": entry(shape=[1.5]),
    "tensor of truth": entry(shape=[True]),
    "tensor of a thousand dimensions": entry(shape=[1] * 1000),
    "tensor that begins before the file": entry(data_offsets=[-80, 0]),
    "tensor beyond the file": entry(data_offsets=[10**12, 10**12 + 80]),
    "tensor backwards": entry(data_offsets=[80, 0]),
    "tensor on top of another": entry(data_offsets=[0, 80]),
    "tensor without a place": header(lambda found: {**found, "actor.head.bias": {"dtype": "F32"}}),
    "tensor that is a number": header(lambda found: {**found, "actor.head.bias": 3}),
    "bytes that belong to no tensor": lambda folder: rewrite(folder, W, (folder / W).read_bytes() + b"\0" * 64),
    "four gigabytes of nothing": sparse,
    "one tensor less": other_weights(lambda state: {name: value for name, value in state.items() if name != "actor.head.bias"}),
    "one tensor more": other_weights(lambda state: {**state, "backdoor": torch.ones(3)}),
    "a tensor of another shape": other_weights(lambda state: {**state, "actor.head.bias": torch.ones(7)}),
    "no tensors": other_weights(lambda state: {"x": torch.ones(1)}),
    "not a number": other_weights(no_numbers),
    **{f"pickle of protocol {at} for the weights": pickled(W, at) for at in (0, 2, 4)},
    "zip of torch for the weights": torch_file(W),
    "pickle after a header's length": pickled(W, 4, "\x10\0\0\0\0\0\0\0"),
    "pickle for the policy": pickled("policy.json", 0),
    "pickle for the task": pickled("task.yaml", 0),
    "pickle for the picture": pickled("pictures/robot.png", 4),
    "pickle beside": beside("training_args.bin"),
    "pickle beside, deep down": beside("a/b/optimizer.PT"),
    "JSON nested deep": put("policy.json", DEEP),
    "JSON object nested deep": put("lineage.json", '{"command": "x", "commit": "x", "seed": 1, "x": ' + DEEP_OBJECT + "}"),
    "manifest nested deep": put("bundle.json", DEEP),
    "JSON of three megabytes": put("lineage.json", '{"a": "' + "x" * 3_000_000 + '"}'),
    "JSON with a number of a million digits": put("policy.json", '{"width": ' + "9" * 1_000_000 + "}"),
    "JSON with an infinite number": put("policy.json", '{"width": 1e999}'),
    "JSON with half a letter": put("policy.json", '{"family": "\\ud800"}'),
    "JSON with a terminal's command": put("lineage.json", '{"command": "\\u001b]0;owned\\u0007", "commit": "x", "seed": 0}'),
    "JSON that turns text around": put("lineage.json", '{"command": "\\u202eevil", "commit": "x", "seed": 0}'),
    "name of the bundle with a line break": manifest(name="a\nb"),
    "name of the bundle that is a number": manifest(name=3),
    "version that is a word": manifest(version="2"),
    "version of truth": manifest(version=True),
    "version of none yet": manifest(version=99),
    "version of none ever": manifest(version=-1),
    "manifest without files": manifest(files={}),
    "manifest whose files are a list": manifest(files=[W]),
    "manifest with a field of its own": manifest(hook="os.system"),
    "policy without actions": policy(actions=[]),
    "policy of other actions": policy(actions=["done", "move_ahead"]),
    "policy whose tensors are a list": policy(tensors=["a"]),
    "policy that lists no tensors": policy(tensors=None),
    "policy that lists others": policy(tensors={"x": "F32[1]"}),
    "YAML bomb": put("task.yaml", BOMB),
    "YAML that makes an object": put("task.yaml", "kind: task\nx: !!python/object/apply:os.system ['touch ran']\n"),
    "YAML that includes a file": put("task.yaml", "kind: task\nextends: ../../../etc/passwd\n"),
    "YAML nested deep": put("embodiment.yaml", "kind: embodiment\nx: " + "[" * 5000),
    "YAML of a megabyte": put("task.yaml", "kind: task\n" + "x: y\n" * 200_000),
    "YAML with a key twice": put("task.yaml", "kind: task\nkind: task\n"),
    "picture that is a page": put("pictures/robot.png", "<script>alert(1)</script>"),
    "picture of five megabytes": put("pictures/robot.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 5_000_000),
}  # fmt: skip


def test_there_are_more_than_a_hundred() -> None:
    assert len(CASES) > 100


def test_the_intact_bundle_loads(intact: Path) -> None:
    """The control: what the cases below refuse is what was done to this one."""
    bundle = load_bundle(intact)
    assert (bundle.name, bundle.results is None, list(bundle.pictures)) == ("tiny", False, ["robot"])
    assert load_outline(intact).policy == bundle.policy


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_with_a_message(intact: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(intact, tmp_path / "tiny")
    CASES[name](folder)
    with pytest.raises(FlareError) as caught:
        load_bundle(folder)
    said = str(caught.value)
    assert said.startswith(str(folder)), "it says where"
    assert len(said) < 2000
    assert "\x1b" not in said
    assert not list(tmp_path.glob("**/ran")), "nothing was run"
    assert not Path("ran").exists()


GREEDY = ("four gigabytes of nothing", "header of a gigabyte", "header of 30,000 tensors", "header as long as a page of spaces",
          "YAML bomb", "JSON nested deep", "JSON with a number of a million digits", "weights are a link to a device",
          "tensor larger than the world", "YAML of a megabyte", "more pictures than there may be")  # fmt: skip
MEASURED = """
import resource, sys
from flare_core.bundles.bundle import load_bundle
from flare_core.errors import FlareError
load_bundle(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for folder in sys.argv[2:]:
    try:
        load_bundle(folder)
    except FlareError:
        continue
    sys.exit(f"{folder} was read")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_the_greediest_take_little_memory(intact: Path, tmp_path: Path) -> None:
    folders = []
    for at, name in enumerate(GREEDY):
        folders.append(shutil.copytree(intact, tmp_path / str(at) / "tiny"))
        CASES[name](folders[-1])
    asked = [sys.executable, "-c", MEASURED, str(intact), *map(str, folders)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64, "MB beyond what reading the intact bundle took"
