"""Fetch a bundle: the files that its manifest lists and no others, at one commit, whole or not at all.

Single files go through the client's cache, which goes on with a download that was cut off. A whole bundle lies in a folder
of its own, named after its commit, that appears by one renaming once every digest has been compared.
"""

import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from huggingface_hub import get_session, hf_hub_url
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

from flare_core.bundles.bundle import OUTLINE, Bundle, load_bundle, load_outline, refuse_taken
from flare_core.bundles.folder import check_files, digest_of, names_of, read_manifest
from flare_core.bundles.layout import CARD, MANIFEST, WEIGHTS, largest
from flare_core.bundles.spec import Manifest, read_json
from flare_core.bundles.tensors import MAX_HEADER_BYTES, TensorFacts, read_header
from flare_core.errors import BundleError, HubError, SpecError
from flare_core.hub.address import Address
from flare_core.hub.client import ASK_S, Hub, attempt, told

_CHUNK: Final = 1 << 16
_REVISIONS: Final = "revisions.json"
"""Beside the kept folders of a repository: the commit that each branch or tag stood for when it was last fetched whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A revision of a repository.

    Attributes:
        commit: that the revision stands for now.
        sizes: bytes by file name; None for a file whose size the Hub does not tell; empty where the Hub was not asked.
    """

    commit: str
    sizes: dict[str, int | None]


def fetch(hub: Hub, address: Address) -> tuple[Path, str]:
    """Folder of a whole bundle, fetched unless it is there already and sound, and its commit.

    Raises:
        HubError: it cannot be fetched.
        BundleError: what lies there is not a bundle of this format.
    """
    with told(hub, str(address)):
        if address.is_pinned and (kept := _kept(hub, address.repo, address.revision)).is_dir() and _fault_of(kept) is None:
            return kept, address.revision
        found = _look_up(hub, address)
        kept = _kept(hub, address.repo, found.commit)
        fault = _fault_of(kept) if kept.is_dir() else None
        if fault is not None and hub.offline:
            raise _damaged(address, kept, fault)
        if fault is not None or not kept.is_dir():
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".fetching-", dir=kept.parent) as scratch:
                fresh = Path(scratch) / "bundle"
                _assemble(hub, address, found, fresh, again=fault is not None)
                if fault is not None:
                    with suppress(FileNotFoundError):  # another process was faster
                        kept.rename(Path(scratch) / "damaged")
                if not kept.is_dir():  # or another process was faster
                    fresh.rename(kept)
        _remember(hub, address, found.commit)
        return kept, found.commit


def fetch_outline(hub: Hub, address: Address) -> tuple[Bundle, str]:
    """What planning needs of a bundle, and its commit: some kilobytes, and none of the weights.

    Raises:
        HubError, BundleError: as `fetch`.
    """
    with told(hub, str(address)):
        found = _look_up(hub, address)
        kept = _kept(hub, address.repo, found.commit)
        if kept.is_dir():
            return _kept_outline(hub, address, found.commit), found.commit
        with tempfile.TemporaryDirectory(prefix="flare-outline-") as scratch:
            folder = Path(scratch)
            manifest = _manifest(hub, address, found, folder)
            _check_sizes(address, found, OUTLINE, manifest)
            for name in OUTLINE:
                if name in manifest.files:
                    _obtain(hub, address, found, name, folder, manifest.files[name])
            header = None
            if found.sizes:
                header = attempt(hub, lambda: _remote_header(hub, address, found))
            else:  # offline: the weights are in the client's cache or nowhere
                _place(_download(hub, address.repo, WEIGHTS, found.commit), folder / WEIGHTS)
            with named(folder, address):
                return load_outline(folder, header), found.commit


def pull(hub: Hub, address: Address, out: Path) -> tuple[Bundle, str]:
    """Copy a bundle from the Hub to a folder, whole or not at all.

    Returns:
        The bundle, and its commit.

    Raises:
        HubError: it cannot be fetched.
        BundleError: it cannot be trusted, or `out` is taken.
    """
    refuse_taken(out)
    kept, commit = fetch(hub, address)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
        fresh = Path(scratch) / "bundle"
        shutil.copytree(kept, fresh)
        with named(fresh, address):
            bundle = load_bundle(fresh)
        if out.is_dir():
            out.rmdir()  # empty, or it would have been refused
        fresh.rename(out)
    return bundle, commit


@contextmanager
def named(folder: Path, address: Address) -> Iterator[None]:
    """Faults of a folder that is only in passing name the place that it came from."""
    try:
        yield
    except (BundleError, SpecError) as fault:
        raise type(fault)(str(fault).replace(str(folder), str(address))) from None


def _kept(hub: Hub, repo: str, commit: str) -> Path:
    return hub.bundles / repo.replace("/", "--") / commit


def _fault_of(kept: Path) -> BundleError | None:
    """What is wrong with a kept folder, which was whole when it was made."""
    try:
        manifest = read_manifest(kept)
        check_files(kept, manifest, list(manifest.files))
    except BundleError as fault:
        return fault
    return None


def _damaged(address: Address, kept: Path, fault: BundleError) -> HubError:
    what = str(fault).partition(". ")[0]
    return HubError(f"{address}: its kept copy is damaged ({what}). Unset HF_HUB_OFFLINE to fetch it again, or remove {kept}")


def _kept_outline(hub: Hub, address: Address, commit: str) -> Bundle:
    """Outline of a bundle that is kept; where the copy is damaged, it is fetched again first."""
    kept = _kept(hub, address.repo, commit)
    try:
        outline = load_outline(kept)
    except (BundleError, SpecError):
        fetch(hub, Address(repo=address.repo, revision=commit))
        with named(kept, address):
            outline = load_outline(kept)
    _remember(hub, address, commit)
    return outline


def _remembered(hub: Hub, repo: str) -> dict[str, str]:
    """Commits by the revision that stood for them; empty where that is not known or cannot be read."""
    try:
        known = read_json(_kept(hub, repo, _REVISIONS))
    except (BundleError, OSError):
        return {}
    return {name: commit for name, commit in known.items() if isinstance(commit, str) and Address(repo=repo, revision=commit).is_pinned}


def _remember(hub: Hub, address: Address, commit: str) -> None:
    """Note which commit a revision stands for, for use offline."""
    known = _remembered(hub, address.repo)
    if hub.offline or address.is_pinned or known.get(address.revision) == commit:
        return
    path = _kept(hub, address.repo, _REVISIONS)
    text = json.dumps({**known, address.revision: commit}, indent=2, sort_keys=True)
    with suppress(OSError), tempfile.TemporaryDirectory(prefix=".noting-", dir=path.parent) as scratch:  # a cache that is only read
        fresh = Path(scratch) / _REVISIONS
        fresh.write_text(text + "\n", encoding="utf-8")
        fresh.replace(path)


def _look_up(hub: Hub, address: Address) -> Found:
    """The commit that a revision stands for, from the Hub or, offline, from the cache."""
    if hub.offline:
        if address.is_pinned:
            return Found(commit=address.revision, sizes={})
        known = _remembered(hub, address.repo).get(address.revision)
        if known is not None:
            return Found(commit=known, sizes={})
        path = hub.api.hf_hub_download(address.repo, MANIFEST, revision=address.revision, cache_dir=hub.cache, local_files_only=True)
        return Found(commit=Path(path).parent.name, sizes={})
    info = attempt(hub, lambda: hub.api.model_info(address.repo, revision=address.revision, files_metadata=True, timeout=ASK_S))
    if info.sha is None:
        raise HubError(f"{address}: {hub.endpoint} does not say which commit it has. Is it a Hub?")
    return Found(commit=info.sha, sizes={file.rfilename: file.size for file in info.siblings or ()})


def _assemble(hub: Hub, address: Address, found: Found, fresh: Path, *, again: bool) -> None:
    """Put every file of a bundle into the folder `fresh`, and compare digests.

    Args:
        again: the client's copies of the files without a digest are not trusted.
    """
    fresh.mkdir()
    manifest = _manifest(hub, address, found, fresh, again=again)
    _check_sizes(address, found, (*manifest.files, CARD), manifest)
    for name in names_of(manifest)[1:]:
        if name == CARD and found.sizes and name not in found.sizes:
            continue
        if name == CARD:
            _place(_download(hub, address.repo, name, found.commit, again=again), fresh / name)
        elif not _obtain(hub, address, found, name, fresh, manifest.files[name]):
            if not again and not hub.offline:  # then it may be the client's copy of the manifest that is damaged
                shutil.rmtree(fresh)
                _assemble(hub, address, found, fresh, again=True)
                return
            raise HubError(f"{address}: {name} is not the file that its {MANIFEST} records. {_mend(hub)}; nothing was kept")


def _mend(hub: Hub) -> str:
    """What helps against a file that is not the one recorded."""
    return f"Unset HF_HUB_OFFLINE to fetch it again, or remove it from {hub.cache}" if hub.offline else "Tell its owner"


def _obtain(hub: Hub, address: Address, found: Found, name: str, folder: Path, digest: str) -> bool:
    """Put a file that the manifest lists into a folder; once more from the Hub where it was damaged on its way or in the client's cache.

    Returns:
        Whether it is the one that the manifest records.
    """
    path = folder / name
    _place(_download(hub, address.repo, name, found.commit), path)
    if digest_of(path, largest(name)) == digest:
        return True
    if hub.offline:
        return False
    path.unlink()
    _place(_download(hub, address.repo, name, found.commit, again=True), path)
    return digest_of(path, largest(name)) == digest


def _manifest(hub: Hub, address: Address, found: Found, folder: Path, *, again: bool = False) -> Manifest:
    if found.sizes and MANIFEST not in found.sizes:
        raise HubError(f"{address}: has no {MANIFEST}, so it is not a bundle. `flare push` publishes one")
    _check_sizes(address, found, (MANIFEST,), None)
    # By the revision's own name, so that the client remembers which commit it stood for: needed offline.
    path = _download(hub, address.repo, MANIFEST, found.commit if hub.offline else address.revision, again)
    if path.parent.name != found.commit:  # changed between the two questions
        path = _download(hub, address.repo, MANIFEST, found.commit, again)
    _place(path, folder / MANIFEST)
    try:
        with named(folder, address):
            return read_manifest(folder)
    except BundleError:
        if again or hub.offline:
            raise
    (folder / MANIFEST).unlink()  # the client's copy may be damaged
    return _manifest(hub, address, found, folder, again=True)


def _check_sizes(address: Address, found: Found, names: Iterable[str], manifest: Manifest | None) -> None:
    """Refuse what is missing or too large before it is fetched."""
    for name in names if found.sizes else ():
        listed = manifest is None or name in manifest.files
        if name not in found.sizes:
            if listed:
                raise HubError(f"{address}: lacks {name}, which its {MANIFEST} lists. Tell its owner")
            continue
        size = found.sizes[name]
        if size is not None and size > largest(name):
            raise HubError(f"{address}: {name} has {size / 1e6:.1f} MB, more than the {largest(name) / 1e6:g} MB that are read")


def _download(hub: Hub, repo: str, name: str, revision: str, again: bool = False) -> Path:
    def once() -> str:
        return hub.api.hf_hub_download(
            repo, name, revision=revision, cache_dir=hub.cache, local_files_only=hub.offline, force_download=again, etag_timeout=ASK_S
        )

    return Path(attempt(hub, once))


def _place(cached: Path, path: Path) -> None:
    """The cached file under another name, without a second copy where the file system allows it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(cached.resolve(), path)
    except OSError:
        shutil.copyfile(cached, path)


def _remote_header(hub: Hub, address: Address, found: Found) -> dict[str, TensorFacts]:
    """Names, types and shapes of the tensors, from the first bytes of the weights' file."""
    size = found.sizes.get(WEIGHTS)
    if size is None:
        raise HubError(f"{address}: lacks {WEIGHTS}, or does not tell its size. Tell its owner")
    url = hf_hub_url(address.repo, WEIGHTS, revision=found.commit, endpoint=hub.endpoint)
    start = _first_bytes(hub, url, 0, 8)
    length = int.from_bytes(start, "little")
    rest = _first_bytes(hub, url, 8, length) if len(start) == 8 and length <= MAX_HEADER_BYTES else b""
    return read_header(io.BytesIO(start + rest), size, f"{address}: {WEIGHTS}")


def _first_bytes(hub: Hub, url: str, begin: int, count: int) -> bytes:
    """`count` bytes of a file from `begin` on; fewer where it is shorter. A server that sends more is cut off."""
    headers = build_hf_headers(token=hub.api.token) | {"Range": f"bytes={begin}-{begin + count - 1}", "Accept-Encoding": "identity"}
    read = b""
    with get_session().stream("GET", url, headers=headers, timeout=ASK_S) as response:
        hf_raise_for_status(response)
        skip = 0 if response.status_code == 206 else begin
        for chunk in response.iter_bytes(_CHUNK):
            read += chunk
            if len(read) >= skip + count:
                break
    return read[skip : skip + count]
