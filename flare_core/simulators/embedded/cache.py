"""Generated houses, compiled once and kept on disk.

A cached pack is a folder of `.npy` files, mapped into memory as they are: opening 2,000 houses reads only what is used,
and several processes share the pages. Its name carries a hash over the sources of generator and compiler, so that a
changed shape never meets an old pack.
"""

import hashlib
import json
import os
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import resources
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np

from flare_core.errors import SimError
from flare_core.houses.generate import generate_house, house_seeds
from flare_core.houses.procthor import parse_house
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.pack import Faces, ScenePack, pack
from flare_core.simulators.embedded.scene import Scene

CHUNK: Final = 50  # houses a worker makes before it hands them over
KEPT: Final = 3  # packs of one split and count: the newest, and two for other checkouts
NAMES: Final = ("names", "object_ids", "object_types", "room_types")
ARRAYS: Final = (
    "object_box",
    "object_start",
    "boxes",
    "box_object",
    "box_start",
    "bounds",
    "room_points",
    "room_point_start",
    "room_start",
    "material_colour",
    "material_role",
    "material_start",
)


def load_pack(split: str, count: int, *, folder: Path | None = None, workers: int = 2) -> ScenePack:
    """The first `count` generated houses of a split, from the cache or made now.

    Args:
        split: "train", "val" or "test".
        folder: where packs are kept; by default the user's cache folder. One that cannot be written to is not used.
        workers: processes that make houses; few houses are made in this one.

    Raises:
        HouseError: no such split.
        SimError: count is below 1.
    """
    if count < 1:
        raise SimError(f"houses: {count} houses of {split!r} were asked for; at least 1 is needed")
    seeds = house_seeds(split, count)
    home = (folder or Path.home() / ".cache" / "flare_core" / "houses") / f"{split}-{count}-{sources_hash()[:20]}"
    if (home / "names.json").is_file():
        return read_pack(home)
    made = pack(_make(split, seeds, workers))
    try:
        write_pack(made, home)
        _forget_old(home)
    except OSError:  # a full disk or a read-only home only costs the time of the next start
        return made
    return made


def _forget_old(home: Path) -> None:
    """Delete packs of the same split and count that older sources made, all but the last two of them."""
    alike = [folder for folder in home.parent.glob(f"{home.name.rsplit('-', 1)[0]}-*") if (folder / "names.json").is_file()]
    alike.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in alike[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


def sources_hash() -> str:
    """SHA-256 over the sources and tables that a compiled house depends on."""
    digest = hashlib.sha256()
    root = resources.files("flare_core")
    for place in (root / "houses", root / "simulators" / "embedded"):
        for entry in sorted(place.iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith((".py", ".json")):
                digest.update(entry.name.encode() + b"\n" + entry.read_bytes())
    return digest.hexdigest()


def _make(split: str, seeds: range, workers: int) -> list[Scene]:
    """Generate and compile, in the order of the seeds."""
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    if workers < 2 or len(chunks) < 2:
        return [scene for chunk in chunks for scene in _chunk(split, chunk)]
    # A forked copy of a process that runs threads may hang; a spawned one starts clean.
    try:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            made = list(pool.map(_chunk, [split] * len(chunks), chunks))
    except BrokenProcessPool:  # a script without `if __name__ == "__main__":`, or one read from a pipe, cannot be spawned again
        made = [_chunk(split, chunk) for chunk in chunks]
    return [scene for scenes in made for scene in scenes]


def _chunk(split: str, seeds: range) -> list[Scene]:
    return [compile_scene(parse_house(generate_house(seed, split), f"{split}-{seed}")) for seed in seeds]


def write_pack(made: ScenePack, home: Path) -> None:
    """Write a pack into a folder, whole or not at all.

    Raises:
        OSError: the place cannot be written to.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f"{home.name}.", dir=home.parent))
    try:
        for name in ARRAYS:
            np.save(building / f"{name}.npy", getattr(made, name))
        for name in Faces._fields:
            np.save(building / f"faces.{name}.npy", getattr(made.faces, name))
        (building / "names.json").write_text(json.dumps({name: getattr(made, name) for name in NAMES}), encoding="utf-8")
        os.rename(building, home)
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
        if not (home / "names.json").is_file():  # another process may have been first
            raise


def read_pack(home: Path) -> ScenePack:
    """Open a pack that `write_pack` wrote.

    Raises:
        SimError: a file of it is missing or damaged.
    """
    try:
        names = json.loads((home / "names.json").read_text(encoding="utf-8"))
        arrays = {name: _open(home / f"{name}.npy") for name in ARRAYS}
        faces = Faces(**{name: _open(home / f"faces.{name}.npy") for name in Faces._fields})
    except (OSError, ValueError, json.JSONDecodeError) as error:
        raise SimError(f"{home}: this pack of houses is damaged ({error}). Delete the folder; it is made again") from error
    return ScenePack(
        names=tuple(names["names"]),
        object_ids=tuple(tuple(ids) for ids in names["object_ids"]),
        object_types=tuple(tuple(kinds) for kinds in names["object_types"]),
        room_types=tuple(tuple(kinds) for kinds in names["room_types"]),
        faces=faces,
        **arrays,
    )


def _open(path: Path) -> Any:
    """Map an array; copy-on-write, so that kernels meet one type whether houses were made now or before."""
    if np.load(path, mmap_mode="r", allow_pickle=False).size == 0:
        return np.load(path, allow_pickle=False)
    return np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))
