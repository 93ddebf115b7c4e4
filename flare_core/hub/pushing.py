"""Publish a bundle: its own files and nothing else, in one commit, with a tag once that has succeeded.

Every step may be done again: what the Hub has already is not sent twice, an unchanged bundle makes no commit, and the tag is
named after the content. So a push that was cut off goes on with the same command, and leaves no half of a bundle.
"""

import hashlib
import re
import shutil
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, get_token
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import ModelInfo
from huggingface_hub.utils import httpx

from flare_core.bundles.bundle import Bundle, card_of, load_bundle, save_bundle
from flare_core.bundles.card import is_untouched, with_licence
from flare_core.bundles.folder import inside, names_of, read_manifest
from flare_core.bundles.layout import CARD, LICENCE, MANIFEST, NOW, OLDER, is_picture, largest
from flare_core.bundles.spec import read_text
from flare_core.errors import HubError
from flare_core.hub.address import MAIN, Address
from flare_core.hub.client import ASK_S, PAUSES_S, Hub, attempt, be_impatient, may_pass, told
from flare_core.hub.leaderboard import EVALUATIONS, Benchmark, entry_of

_LICENCE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]{1,49}")
_SEEN_FROM_THE_TOP: Final = (412, 422)
"""Answers after which a push begins again: the branch moved, perhaps by the attempt before, or what arrived was damaged on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms a bundle is published.

    Attributes:
        licence: as the Hub abbreviates it, such as apache-2.0; None for the one that the bundle records.
        may_redistribute: the user says that they may pass the weights on.
    """

    licence: str | None = None
    may_redistribute: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What is to be published where.

    Attributes:
        address: repository and branch.
        private: of a repository that does not exist yet.
        benchmark: the Hub's benchmark that the evaluation counts for, or None.
    """

    address: Address
    terms: Terms = Terms()
    private: bool = False
    benchmark: Benchmark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What was, or in a rehearsal would be, published.

    Attributes:
        files: name and bytes of each.
        licence: that the card states.
        commit, tag: of the Hub; None in a rehearsal.
        is_new: a commit was made; else the Hub had all of it.
    """

    files: tuple[tuple[str, int], ...]
    licence: str
    commit: str | None = None
    tag: str | None = None
    is_new: bool = False


def push(hub: Hub, folder: Path, asked: Push, *, dry_run: bool = False) -> Pushed:
    """Publish a bundle.

    Args:
        folder: the bundle; it is not changed.
        dry_run: check everything that can be checked here and send nothing.

    Raises:
        HubError: the Hub refuses or cannot be reached, or the licence does not allow it.
        BundleError: the folder holds no bundle that can be trusted.
    """
    bundle = load_bundle(folder)
    licence = agreed_licence(bundle, asked.terms)
    with tempfile.TemporaryDirectory(prefix="flare-push-") as scratch:
        staged = _stage(folder, bundle, licence, asked, Path(scratch) / "bundle")
        names = [path.relative_to(staged).as_posix() for path in sorted(staged.rglob("*")) if path.is_file()]
        files = tuple((name, (staged / name).stat().st_size) for name in names)
        if dry_run:
            return Pushed(files=files, licence=licence)
        if hub.offline:
            raise HubError(f"{asked.address}: nothing is sent while HF_HUB_OFFLINE is set. Unset it")
        if not (hub.api.token or get_token()):
            raise HubError(f"{asked.address}: publishing takes a token with the right to write. `hf auth login`, or set HF_TOKEN")
        with told(hub, str(asked.address)):
            commit, is_new = _send(hub, staged, names, asked, bundle.name)
            tag = tag_of(staged)
            attempt(hub, lambda: hub.api.create_tag(asked.address.repo, tag=tag, revision=commit, exist_ok=True))
    return Pushed(files=files, licence=licence, commit=commit, tag=tag, is_new=is_new)


def agreed_licence(bundle: Bundle, terms: Terms) -> str:
    """The licence that a bundle may be published under.

    Raises:
        HubError: nobody knows it, or the user names another than the bundle records.
    """
    if terms.licence is not None and not _LICENCE.fullmatch(terms.licence):
        raise HubError(
            f"--license {terms.licence}: is no licence as the Hub abbreviates them. Write one such as apache-2.0, mit or cc-by-4.0"
        )
    known = bundle.licence
    if known is not None:
        if terms.licence not in (None, known):
            raise HubError(f"--license {terms.licence}: these weights are under {known}, which came with them. Leave --license out")
        return known
    if terms.licence is None or not terms.may_redistribute:
        raise HubError(
            f"{bundle.name}: the licence of these weights is not known, so they are not published. If you have found out that you may "
            "pass them on, say under what: --license LICENCE --i-may-redistribute"
        )
    return terms.licence


def tag_of(folder: Path) -> str:
    """Name of the tag for a bundle's content: equal for equal bundles."""
    return f"bundle-{hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()[:12]}"


def _stage(folder: Path, bundle: Bundle, licence: str, asked: Push, staged: Path) -> Path:
    """A copy of the bundle's own files as they are to be published; its lineage and card state the licence."""
    text = _edited_card(folder)
    if bundle.licence == licence:
        for name in names_of(read_manifest(folder)):
            if name != CARD:
                (staged / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(inside(folder, name), staged / name)
    else:
        save_bundle(staged, replace(bundle, lineage={**bundle.lineage, "licence": licence}))
    final = load_bundle(staged)
    if text is None:
        text = card_of(final, asked.address.repo)
    elif asked.terms.licence is not None:
        text = with_licence(text, licence)
    (staged / CARD).write_bytes(text.encode())  # bytes: line ends stay as they are
    if asked.benchmark is not None:
        (staged / EVALUATIONS).parent.mkdir()
        (staged / EVALUATIONS).write_text(entry_of(final, asked.benchmark), encoding="utf-8")
    return staged


def _edited_card(folder: Path) -> str | None:
    """The bundle's card where somebody has edited it, so that it stays; None where it is to be written anew.

    Raises:
        BundleError: it is a link that leads out of the bundle, too large, or not UTF-8.
    """
    path = inside(folder, CARD)
    text = read_text(path, largest(CARD)) if path.is_file() else ""
    return None if text == "" or is_untouched(text) else text


def _send(hub: Hub, staged: Path, names: list[str], asked: Push, title: str) -> tuple[str, bool]:
    """Make the repository if need be and commit; again from the top when the line or the server failed for a moment."""
    for pause in (*PAUSES_S, None):
        be_impatient()
        try:
            return _commit(hub, staged, names, asked, title)
        except (HfHubHTTPError, httpx.TransportError, RuntimeError, ValueError) as fault:
            cause = fault.__cause__ if type(fault) is RuntimeError else fault  # uploads run in threads, which wrap what they meet
            if isinstance(cause, ValueError) and not isinstance(cause, HfHubHTTPError):
                raise HubError(f"{asked.address}: {str(cause).strip()}") from None
            if cause is None or pause is None or not may_pass(cause, _SEEN_FROM_THE_TOP):
                raise (cause or fault) from None
            hub.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _commit(hub: Hub, staged: Path, names: list[str], asked: Push, title: str) -> tuple[str, bool]:
    repo, branch = asked.address.repo, asked.address.revision
    info = _ready(hub, asked)
    there = {file.rfilename for file in info.siblings or ()}
    if asked.private and info.private is False:
        raise HubError(f"{asked.address}: is public, and --private is for a repository that is made now. Choose another name")
    _refuse_strangers(asked.address, there)
    gone = sorted(name for name in there - set(names) if _is_ours(name))
    operations: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete] = [
        *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=staged / name) for name in names),
        *(CommitOperationDelete(path_in_repo=name) for name in gone),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the Hub's remarks on the card, which are not faults
        made = hub.api.create_commit(repo, operations, commit_message=f"Bundle {title}", revision=branch, parent_commit=info.sha)
    return str(made.oid), made.oid != info.sha


def _ready(hub: Hub, asked: Push) -> ModelInfo:
    """What the branch holds now; repository and branch are made if they are not there."""
    repo, branch = asked.address.repo, asked.address.revision
    try:
        return hub.api.model_info(repo, revision=branch, timeout=ASK_S)
    except RepositoryNotFoundError as fault:
        if type(fault) is not RepositoryNotFoundError:  # gated: it exists
            raise
        hub.api.create_repo(repo, private=asked.private, exist_ok=True)
    except RevisionNotFoundError:
        pass
    if branch != MAIN:
        hub.api.create_branch(repo, branch=branch, exist_ok=True)
    return hub.api.model_info(repo, revision=branch, timeout=ASK_S)


def _refuse_strangers(address: Address, there: set[str]) -> None:
    """A repository that holds something else than a bundle is left alone."""
    if ".gitignore" in there:
        raise HubError(f"{address}: holds a .gitignore, which can keep files of the bundle out without a word. Delete it there first")
    strange = sorted(there - {".gitattributes", CARD, LICENCE})
    if strange and MANIFEST not in there:
        raise HubError(f"{address}: holds something else ('{strange[0]}') and no bundle, so it is not written to. Choose another name")


def _is_ours(name: str) -> bool:
    """Whether a file of the repository belonged to a bundle, this one's earlier version or an older format's."""
    layouts = (NOW, *OLDER.values())
    return name == EVALUATIONS or is_picture(name) or any(name in (*layout.needed, *layout.optional) for layout in layouts)
