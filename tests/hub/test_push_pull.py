"""A bundle that is pushed, pulled and loaded is the same; nothing is half-written, and every refusal is one short message."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi, ModelCard, snapshot_download

from flare_core.bundles.bundle import Bundle, load_bundle, save_bundle, weights_digest
from flare_core.errors import BundleError, FlareError, HubError
from flare_core.hub import pushing
from flare_core.hub.address import Address, parse_address
from flare_core.hub.client import Hub
from flare_core.hub.fetching import fetch, fetch_outline, pull
from flare_core.hub.leaderboard import EVALUATIONS, parse_benchmark
from flare_core.hub.pushing import Push, Pushed, Terms, push
from tests.hub.server import Fault, LocalHub

REPO = "org/tiny"
HERE = Address(repo=REPO)


def publish(hub: Hub, folder: Path, **asked: object) -> Pushed:
    return push(hub, folder, Push(address=HERE, **asked))  # type: ignore[arg-type]


def said(call: object, *words: object, **more: object) -> str:
    """The one line of a refusal."""
    with pytest.raises(FlareError) as caught:
        call(*words, **more)  # type: ignore[operator]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def in_the_folder(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def spoil(path: Path) -> None:
    """Change a byte in place, as a fault of the disk does."""
    with path.open("r+b") as file:
        file.seek(-2, 2)
        file.write(b"?")


def with_file(files: dict[str, bytes], name: str, data: bytes) -> dict[str, bytes]:
    """The files with another content of one, and its digest in the manifest."""
    manifest = json.loads(files["bundle.json"])
    manifest["files"][name] = hashlib.sha256(data).hexdigest()
    return {**files, name: data, "bundle.json": json.dumps(manifest).encode()}


def test_what_is_pushed_comes_back(server: LocalHub, hub: Hub, made: Path, tmp_path: Path) -> None:
    sent = publish(hub, made)
    got, commit = pull(hub, HERE, tmp_path / "got")
    assert sent.is_new
    assert commit == sent.commit == server.repos[REPO].refs["main"]
    assert weights_digest(got.state) == weights_digest(load_bundle(made).state)
    assert replace(got, state={}) == replace(load_bundle(made), state={})
    assert in_the_folder(tmp_path / "got") == in_the_folder(made)


def test_a_push_is_one_commit_with_a_tag_after_it(server: LocalHub, hub: Hub, made: Path) -> None:
    sent = publish(hub, made)
    repo = server.repos[REPO]
    assert len(repo.order) == 2, "the Hub's own first commit, and the bundle's"
    assert repo.tags == {sent.tag: sent.commit}
    assert set(server.files(REPO)) == {".gitattributes", *in_the_folder(made)}


def test_an_unchanged_bundle_makes_no_commit_and_a_changed_one_does(server: LocalHub, hub: Hub, made: Path, tmp_path: Path) -> None:
    first = publish(hub, made)
    second = publish(hub, made)
    assert (second.commit, second.is_new) == (first.commit, False)
    assert len(server.repos[REPO].order) == 2
    bundle = load_bundle(made)
    state = {**bundle.state, "actor.head.bias": bundle.state["actor.head.bias"] + 1}
    other = save_bundle(tmp_path / "tiny", replace(bundle, state=state, pictures={}))
    third = publish(hub, other)
    assert third.is_new
    assert len(server.repos[REPO].order) == 3
    assert "pictures/robot.png" not in server.files(REPO), "what the new bundle does not have is gone"
    assert len(server.repos[REPO].tags) == 2


def test_only_the_bundles_own_files_are_sent(server: LocalHub, hub: Hub, made: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(made, tmp_path / "run")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "step_100.safetensors").write_bytes(b"optimiser")
    (folder / "notes.txt").write_text("not meant for others")
    publish(hub, folder)
    assert set(server.files(REPO)) == {".gitattributes", *in_the_folder(made)}


def test_a_run_is_not_a_bundle(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    assert "has no bundle.json, so it is not a bundle" in said(publish, hub, tmp_path / "run")


def test_the_card_is_what_the_hub_takes_and_tells_how_to_fetch(server: LocalHub, hub: Hub, made: Path) -> None:
    publish(hub, made)
    text = server.files(REPO)["README.md"].decode()
    assert f"flare pull {REPO} --out tiny" in text
    assert f'flare_core.load("hub://{REPO}")' in text
    ModelCard(text, ignore_metadata_errors=False)
    HfApi(endpoint=server.endpoint)._validate_yaml(text)
    with pytest.raises(ValueError, match="license"):  # the check can fail
        HfApi(endpoint=server.endpoint)._validate_yaml(text.replace("license: apache-2.0\n", ""))


def test_a_card_that_somebody_edited_stays(server: LocalHub, hub: Hub, made: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(made, tmp_path / "b")
    text = (folder / "README.md").read_text() + "\nTried on a real robot: it stopped at the glass door.\n"
    (folder / "README.md").write_text(text)
    publish(hub, folder)
    assert server.files(REPO)["README.md"].decode() == text


def test_an_edited_card_stays_where_a_licence_is_given(server: LocalHub, hub: Hub, unlicensed: Path) -> None:
    card = unlicensed / "README.md"
    text = card.read_text().replace("license: unknown\n", "license: unknown  # ask\r\n") + "\r\nTried on a real robot.\r\n"
    assert "unknown  # ask" in text
    card.write_bytes(text.encode())
    asked = Push(address=HERE, terms=Terms(licence="mit", may_redistribute=True))
    sizes = dict(push(hub, unlicensed, asked, dry_run=True).files)
    push(hub, unlicensed, asked)
    sent = server.files(REPO)["README.md"]
    assert sent.decode() == text.replace("license: unknown", "license: mit", 1)
    assert sizes["README.md"] == len(sent)


@pytest.mark.parametrize("dangling", [False, True])
def test_a_card_that_is_a_link_out_of_the_bundle_is_not_followed(hub: Hub, made: Path, tmp_path: Path, dangling: bool) -> None:
    folder = shutil.copytree(made, tmp_path / "b")
    secret = tmp_path / "secret.txt"
    if not dangling:
        secret.write_text("not meant for others")
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to(secret)
    assert "README.md: is a link that leads out of the bundle" in said(publish, hub, folder)
    assert "README.md: is a link that leads out of the bundle" in said(load_bundle, folder)


@pytest.mark.parametrize(("data", "words"), [(b"# \xff", "is not UTF-8 text (byte 2)"), (b"a" * 2_100_000, "has 2.1 MB, more than")])
def test_a_card_that_is_no_small_text_is_refused(server: LocalHub, hub: Hub, made: Path, tmp_path: Path, data: bytes, words: str) -> None:
    folder = shutil.copytree(made, tmp_path / "b")
    (folder / "README.md").write_bytes(data)
    assert f"README.md: {words}" in said(publish, hub, folder)
    assert server.log == []


def test_the_result_counts_for_a_benchmark_where_one_is_named(server: LocalHub, hub: Hub, made: Path) -> None:
    publish(hub, made, benchmark=parse_benchmark("org/houses:objectnav"))
    text = server.files(REPO)[EVALUATIONS].decode()
    assert "id: org/houses" in text
    assert "value: 30.0" in text
    assert "26.0 to 34.0; 500 episodes; embedded simulator" in text
    assert "is not ORG/DATASET:TASK" in said(parse_benchmark, "org/houses")


def test_a_rehearsal_sends_nothing(server: LocalHub, hub: Hub, made: Path) -> None:
    found = push(hub, made, Push(address=HERE), dry_run=True)
    assert [name for name, _ in found.files] == sorted(in_the_folder(made))
    assert (found.commit, server.log) == (None, [])


def test_a_branch_is_made_where_it_is_asked_for(server: LocalHub, hub: Hub, made: Path, tmp_path: Path) -> None:
    sent = push(hub, made, Push(address=Address(repo=REPO, revision="try-2"), private=True))
    repo = server.repos[REPO]
    assert (repo.refs["try-2"], repo.private) == (sent.commit, True)
    assert list(server.files(REPO, "main")) == [".gitattributes"]
    got, _ = pull(hub, Address(repo=REPO, revision="try-2"), tmp_path / "got")
    assert got.name == "tiny"


@pytest.fixture
def unlicensed(made: Path, tmp_path: Path) -> Path:
    bundle = load_bundle(made)
    return save_bundle(tmp_path / "unlicensed", replace(bundle, lineage={**bundle.lineage, "licence": None}))


def test_weights_of_unknown_licence_stay_here_until_somebody_answers_for_it(server: LocalHub, hub: Hub, unlicensed: Path) -> None:
    for terms in (Terms(), Terms(licence="mit"), Terms(may_redistribute=True)):
        assert "the licence of these weights is not known, so they are not published" in said(publish, hub, unlicensed, terms=terms)
    assert server.repos == {}
    publish(hub, unlicensed, terms=Terms(licence="mit", may_redistribute=True))
    assert b"license: mit" in server.files(REPO)["README.md"]
    assert b'"licence": "mit"' in server.files(REPO)["lineage.json"]
    assert load_bundle(unlicensed).licence is None, "the folder is left as it was"


def test_a_licence_that_came_with_the_weights_is_not_talked_away(hub: Hub, made: Path) -> None:
    assert "these weights are under apache-2.0, which came with them" in said(publish, hub, made, terms=Terms(licence="mit"))
    assert "is no licence as the Hub abbreviates them" in said(publish, hub, made, terms=Terms(licence="Do what you like"))


FAULTS = {
    "dropped in the middle of the upload": Fault(kind="drop", method="PUT", path="/lfs/"),
    "500 three times at the upload": Fault(kind="status", method="PUT", path="/lfs/", times=3),
    "500 three times at the commit": Fault(kind="status", method="POST", path="/commit/", times=3),
    "dropped at the commit": Fault(kind="drop", method="POST", path="/commit/"),
    "the answer to the commit is lost": Fault(kind="truncate", method="POST", path="/commit/"),
    "the upload arrives damaged": Fault(kind="corrupt", method="PUT", path="/lfs/"),
    "503 at the question what is there": Fault(kind="status", path="/api/models/", status=503, times=2),
    "slow": Fault(kind="slow", method="POST", path="/commit/", seconds=0.2),
    "too many requests, once": Fault(kind="status", method="POST", path="/preupload/", status=429, headers={"Retry-After": "3"}),
    "500 at the tag": Fault(kind="status", method="POST", path="/tag/"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_push_survives(server: LocalHub, hub: Hub, made: Path, tmp_path: Path, name: str) -> None:
    fault = replace(FAULTS[name], struck=0)
    server.faults = [fault]
    sent = publish(hub, made)
    assert fault.struck == fault.times, "the fault was met"
    repo = server.repos[REPO]
    assert len(repo.order) == 2, "and the bundle was committed once"
    assert repo.tags == {sent.tag: repo.refs["main"]}
    assert pull(hub, HERE, tmp_path / "got")[0].name == "tiny"


@pytest.mark.parametrize("path", ["/lfs/", "/preupload/", "/commit/", "/batch"])
def test_a_push_that_fails_for_good_leaves_nothing_and_goes_on_later(server: LocalHub, hub: Hub, made: Path, path: str) -> None:
    method = "PUT" if path == "/lfs/" else "POST"
    server.faults = [Fault(kind="status", method=method, path=path, times=1000)]
    assert "fails (HTTP 500). Give the same command again later" in said(publish, hub, made)
    assert list(server.files(REPO)) == [".gitattributes"]
    assert server.repos[REPO].tags == {}
    uploaded = len(server.blobs)
    server.faults, server.log = [], []
    publish(hub, made)
    assert "bundle.json" in server.files(REPO)
    puts = [one for one in server.log if one[0] == "PUT"]
    assert len(puts) == len(server.blobs) - uploaded, "what had arrived is not sent again"


def test_a_tag_that_was_missed_is_set_by_the_next_push(server: LocalHub, hub: Hub, made: Path) -> None:
    server.faults = [Fault(kind="status", method="POST", path="/tag/", times=1000, status=403)]
    assert "your token may not do this" in said(publish, hub, made)
    server.faults = []
    again = publish(hub, made)
    assert (again.is_new, server.repos[REPO].tags) == (False, {again.tag: again.commit})


def test_a_repository_that_would_leave_files_out_in_silence_is_refused(server: LocalHub, hub: Hub, made: Path) -> None:
    server.create(REPO).commit("main", {"bundle.json": b"{}", ".gitignore": b"task.yaml\n"})
    assert "holds a .gitignore, which can keep files of the bundle out" in said(publish, hub, made)
    assert len(server.repos[REPO].order) == 2


def test_a_repository_of_something_else_is_left_alone(server: LocalHub, hub: Hub, made: Path) -> None:
    server.create(REPO).commit("main", {"pytorch_model.bin": b"somebody's"})
    assert "holds something else ('pytorch_model.bin') and no bundle, so it is not written to" in said(publish, hub, made)
    assert list(server.files(REPO)) == ["pytorch_model.bin"]


def test_what_is_to_be_private_is_not_sent_to_where_everybody_reads(server: LocalHub, hub: Hub, made: Path) -> None:
    publish(hub, made)
    assert "is public, and --private is for a repository that is made now" in said(publish, hub, made, private=True)
    server.repos[REPO].private = True
    assert not publish(hub, made, private=True).is_new


def test_files_of_an_older_format_make_way(server: LocalHub, hub: Hub, made: Path) -> None:
    server.create(REPO).commit("main", {"bundle.json": b"{}", "weights.safetensors": b"old", "results.json": b"{}", "mine.txt": b"kept"})
    publish(hub, made)
    assert set(server.files(REPO)) == {"mine.txt", *in_the_folder(made)}


@pytest.mark.parametrize(
    ("token", "repo", "words"),
    [
        ("", REPO, "publishing takes a token with the right to write. `hf auth login`, or set HF_TOKEN"),
        ("hf_read", REPO, "your token may not do this"),
        ("hf_write", "stranger/tiny", "your token may not do this"),
    ],
)
def test_who_may_not_write_is_told_how_to(
    server: LocalHub, hub: Hub, made: Path, monkeypatch: pytest.MonkeyPatch, token: str, repo: str, words: str
) -> None:
    monkeypatch.setattr(pushing, "get_token", lambda: None)
    other = replace(hub, api=HfApi(endpoint=server.endpoint, token=token or None))
    assert words in said(push, other, made, Push(address=Address(repo=repo)))


PULL_FAULTS = {
    "cut off in the middle of the weights": Fault(kind="truncate", path="/lfs/"),
    "cut off three times": Fault(kind="truncate", path="/lfs/", times=3),
    "dropped": Fault(kind="drop", path="/lfs/"),
    "damaged on its way": Fault(kind="corrupt", path="/lfs/"),
    "a small file damaged on its way": Fault(kind="corrupt", path="/resolve/.*/policy.json"),
    "500 at the question what is there": Fault(kind="status", path="/api/models/", times=3),
    "500 at a file's address": Fault(kind="status", method="HEAD", path="/resolve/", times=3),
    "slow": Fault(kind="slow", path="/lfs/", seconds=0.2),
}


@pytest.mark.parametrize("name", PULL_FAULTS)
def test_a_pull_survives(server: LocalHub, hub: Hub, made: Path, tmp_path: Path, name: str) -> None:
    publish(hub, made)
    fault = replace(PULL_FAULTS[name], struck=0)
    server.faults = [fault]
    got, _ = pull(hub, HERE, tmp_path / "got")
    assert fault.struck == fault.times, "the fault was met"
    assert weights_digest(got.state) == weights_digest(load_bundle(made).state)


@pytest.mark.parametrize("kind", ["status", "corrupt"])
def test_a_pull_that_fails_for_good_leaves_nothing_and_goes_on_later(
    server: LocalHub, hub: Hub, made: Path, tmp_path: Path, kind: str
) -> None:
    publish(hub, made)
    server.faults = [Fault(kind=kind, path="/lfs/", times=1000)]  # type: ignore[arg-type]
    words = {"status": "fails (HTTP 500)", "corrupt": "model.safetensors is not the file that its bundle.json records"}
    assert words[kind] in said(pull, hub, HERE, tmp_path / "got")
    assert not (tmp_path / "got").exists()
    assert not [path for path in hub.bundles.rglob("*") if path.is_file()]
    server.faults, server.log = [], []
    pull(hub, HERE, tmp_path / "got")
    assert load_bundle(tmp_path / "got").name == "tiny"
    assert not [one for one in server.log if one[0] == "GET" and one[1].endswith("/embodiment.yaml")], (
        "what had arrived is not fetched again"
    )


def test_a_pull_takes_what_the_manifest_lists_and_nothing_else(server: LocalHub, hub: Hub, made: Path, tmp_path: Path) -> None:
    publish(hub, made)
    server.repos[REPO].commit("main", {**server.files(REPO), "optimizer.pt": b"\x80\x04", "run.py": b"import os"})
    pull(hub, HERE, tmp_path / "got")
    assert in_the_folder(tmp_path / "got") == in_the_folder(made)


def test_a_hostile_bundle_on_the_hub_is_refused_and_not_kept_as_one(server: LocalHub, hub: Hub, made: Path, tmp_path: Path) -> None:
    publish(hub, made)
    files = server.files(REPO)
    server.repos[REPO].commit("main", {**files, "bundle.json": files["bundle.json"].replace(b'"LICENSE"', b'"../LICENSE"')})
    assert "is no file of a bundle" in said(pull, hub, HERE, tmp_path / "got")
    server.repos[REPO].commit("main", {**files, "policy.json": b" " * 3_000_000})
    server.log.clear()
    assert "policy.json has 3.0 MB, more than the 2 MB that are read" in said(pull, hub, HERE, tmp_path / "got")
    assert server.sent_bytes() < 100_000, "and was not fetched to find that out"
    assert not (tmp_path / "got").exists()


@pytest.mark.parametrize("call", [lambda hub, out: pull(hub, HERE, out), lambda hub, out: fetch_outline(hub, HERE)])
def test_a_refusal_names_the_place_on_the_hub(server: LocalHub, hub: Hub, made: Path, tmp_path: Path, call: object) -> None:
    publish(hub, made)
    files = server.files(REPO)
    policy = json.loads(files["policy.json"]) | {"actions": ["fly"]}
    server.repos[REPO].commit("main", with_file(files, "policy.json", json.dumps(policy).encode()))
    told = said(call, hub, tmp_path / "got")
    assert told.startswith("hub://org/tiny/policy.json: actions[0] is 'fly', but 'move_ahead' in embodiment.yaml"), told
    assert not (tmp_path / "got").exists()


def test_a_folder_that_is_taken_is_refused_before_anything_is_asked(server: LocalHub, hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    assert "exists and is not a bundle, so it is not overwritten" in said(pull, hub, HERE, tmp_path)
    assert server.log == []


def test_a_commit_is_fetched_once(server: LocalHub, hub: Hub, made: Path, tmp_path: Path) -> None:
    commit = publish(hub, made).commit
    folder, _ = fetch(hub, HERE)
    server.log.clear()
    again, found = fetch(hub, Address(repo=REPO, revision=str(commit)))
    assert (again, found, server.log) == (folder, commit, [])


def test_offline_what_was_fetched_is_there_and_nothing_else(server: LocalHub, hub: Hub, made: Path, tmp_path: Path) -> None:
    commit = publish(hub, made).commit
    offline = replace(hub, offline=True)
    assert "is not, or not whole, among what was fetched before" in said(pull, offline, HERE, tmp_path / "early")
    pull(hub, HERE, tmp_path / "got")
    server.log.clear()
    shutil.rmtree(hub.bundles)  # the client's own cache is enough
    for at, revision in enumerate(("main", str(commit))):
        _, found = pull(offline, Address(repo=REPO, revision=revision), tmp_path / str(at))
        assert found == commit
    assert fetch_outline(offline, HERE)[1] == commit
    assert server.log == []
    assert "nothing is sent while HF_HUB_OFFLINE is set" in said(publish, offline, made)


NAMES = ("model.safetensors", "policy.json", "bundle.json")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("call", [lambda hub, out: pull(hub, HERE, out), lambda hub, out: fetch_outline(hub, HERE)])
def test_a_kept_copy_that_is_damaged_is_fetched_again(
    server: LocalHub, hub: Hub, made: Path, tmp_path: Path, name: str, call: object
) -> None:
    publish(hub, made)
    kept, _ = fetch(hub, HERE)
    spoil(kept / name)  # the client's own copy with it, which is a link to the same bytes
    assert (kept / name).read_bytes() in [path.read_bytes() for path in hub.cache.rglob("blobs/*")]
    offline = replace(hub, offline=True)
    assert f"its kept copy is damaged ({kept}" in (told := said(pull, offline, HERE, tmp_path / "early"))
    assert f"or remove {kept}" in told
    call(hub, tmp_path / "got")  # type: ignore[operator]
    if name == NAMES[0]:
        pull(hub, HERE, tmp_path / "mended")  # an outline does not read the numbers
    assert (kept / name).read_bytes() == (made / name).read_bytes()
    pull(offline, HERE, tmp_path / "later")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_damaged_in_the_clients_cache_is_fetched_again(server: LocalHub, hub: Hub, made: Path, tmp_path: Path, name: str) -> None:
    publish(hub, made)
    kept, _ = fetch(hub, HERE)
    spoil(kept / name)
    shutil.rmtree(hub.bundles)
    told = said(pull, replace(hub, offline=True), HERE, tmp_path / "early")
    assert name == "bundle.json" or f"Unset HF_HUB_OFFLINE to fetch it again, or remove it from {hub.cache}" in told
    pull(hub, HERE, tmp_path / "got")
    assert (tmp_path / "got" / name).read_bytes() == (made / name).read_bytes()


def test_a_manifest_that_was_changed_in_the_clients_cache_is_fetched_again(hub: Hub, made: Path, tmp_path: Path) -> None:
    publish(hub, made)
    kept, _ = fetch(hub, HERE)
    manifest = json.loads((kept / "bundle.json").read_text())
    manifest["files"]["policy.json"] = "0" * 64
    (kept / "bundle.json").write_text(json.dumps(manifest))
    shutil.rmtree(hub.bundles)
    assert pull(hub, HERE, tmp_path / "got")[0].name == "tiny"


def test_offline_a_name_stands_for_what_it_stood_for_when_it_was_last_fetched(hub: Hub, made: Path, bundle: Bundle, tmp_path: Path) -> None:
    first = publish(hub, made)
    fetch(hub, HERE)
    offline = replace(hub, offline=True)
    tag = Address(repo=REPO, revision=str(first.tag))
    assert "is not, or not whole, among what was fetched before" in said(fetch, offline, tag)
    fetch(hub, tag)  # of the same commit, whose folder is there
    assert fetch(offline, tag)[1] == first.commit
    second = publish(hub, save_bundle(tmp_path / "other", replace(bundle, pictures={})))
    fetch_outline(hub, HERE)
    assert fetch(offline, HERE)[1] == first.commit, "of the second one only the outline is here"
    fetch(hub, HERE)
    assert fetch(offline, HERE)[1] == fetch_outline(offline, HERE)[1] == second.commit
    (hub.bundles / "org--tiny" / "revisions.json").write_text("{")
    assert fetch(offline, HERE)[1] == second.commit, "the client remembers it too"


def test_planning_reads_a_few_kilobytes_of_the_bundle_and_none_of_its_weights(
    server: LocalHub, hub: Hub, bundle: Bundle, tmp_path: Path
) -> None:
    state = {**bundle.state, "extra": torch.ones(1_000_000)}
    publish(hub, save_bundle(tmp_path / "large", replace(bundle, state=state)))
    server.log.clear()
    outline, _ = fetch_outline(hub, HERE)
    assert {name: (value.dtype, value.shape) for name, value in outline.state.items()} == {n: (v.dtype, v.shape) for n, v in state.items()}
    assert all(value.is_meta for value in outline.state.values())
    assert outline.embodiment == bundle.embodiment
    assert outline.policy == bundle.policy
    header = sum(size for _, path, size in server.log if path.startswith("/lfs/"))
    assert 1_000 < header < 20_000
    assert server.sent_bytes() < 60_000
    server.log.clear()
    fetch(hub, HERE)
    assert server.sent_bytes() > 4_000_000, "the whole bundle is larger: the count is of what is sent"


@pytest.mark.parametrize("whole", [pull, lambda hub, address, out: fetch_outline(hub, address)])
def test_what_cannot_be_had_is_said_in_one_line(server: LocalHub, hub: Hub, made: Path, tmp_path: Path, whole: object) -> None:
    commit = publish(hub, made).commit
    out = tmp_path / "got"
    assert "there is no such repository at" in said(whole, hub, parse_address("org/nothing"), out)
    assert "the repository has no such revision" in said(whole, hub, parse_address(f"{REPO}@v9"), out)
    anybody = replace(hub, api=HfApi(endpoint=server.endpoint, token=False))
    server.repos[REPO].private = True
    assert "or it is private" in said(whole, anybody, HERE, out)
    server.repos[REPO].private, server.repos[REPO].gated = False, True
    assert "its owner asks for terms to be accepted first" in said(whole, hub, HERE, out)
    server.repos[REPO].gated = False
    server.faults = [Fault(kind="status", path="/api/models/", status=429, headers={"Retry-After": "30"}, times=9)]
    assert "the Hub asks for fewer requests. Give the same command again in 30 s" in said(whole, hub, HERE, out)
    server.create("org/data").commit("main", {"data.csv": b"1"})
    server.faults = []
    assert "has no bundle.json, so it is not a bundle" in said(whole, hub, parse_address("org/data"), out)
    assert commit is not None


def test_an_endpoint_that_nobody_answers_is_told_at_once(hub: Hub, made: Path, tmp_path: Path, naps: list[float]) -> None:
    nobody = replace(hub, api=HfApi(endpoint="http://127.0.0.1:9", token="hf_write"))
    assert "http://127.0.0.1:9 cannot be reached" in said(pull, nobody, HERE, tmp_path / "got")
    assert "cannot be reached" in said(publish, nobody, made)
    assert naps == [], "without the client's pauses of half a minute"


@pytest.mark.parametrize(
    "text",
    ["tiny", "org/ti ny", "../../etc", "org/tiny@", "org/a..b", "org/b@../x", "hub://", "org/tiny@main@x", "a/b/c", "org/tiny@-x"],
)
def test_an_address_is_a_repository_and_a_revision(text: str) -> None:
    with pytest.raises(HubError):
        parse_address(text)
    assert parse_address("hub://org/tiny@v1.0/x") == Address(repo="org/tiny", revision="v1.0/x")
    assert str(parse_address("org/tiny")) == "hub://org/tiny"


def test_other_tools_of_the_hub_read_the_repository_too(server: LocalHub, hub: Hub, made: Path, tmp_path: Path) -> None:
    publish(hub, made)
    folder = snapshot_download(REPO, endpoint=server.endpoint, cache_dir=tmp_path / "other", token="hf_write")
    with pytest.raises(BundleError, match="is a link that leads out of the bundle"):
        load_bundle(folder)  # the client's cache is made of links: `fetch` puts the files themselves together
    assert HfApi(endpoint=server.endpoint, token="hf_write").whoami()["name"] == "org"
