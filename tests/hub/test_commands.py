"""The commands that share: against the local Hub, as a user types them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from huggingface_hub import HfApi, constants

import flare_core
from flare_core.bundles.bundle import load_bundle, weights_digest
from flare_core.hub import client
from flare_core.hub.references import open_bundle, open_outline
from tests.cli_tools import flare, share_houses
from tests.hub.server import Fault, LocalHub

TRANSFER = """
kind: transfer
policy: hub://org/tiny@{revision}
embodiment: turtlebot4
task: objectnav_short
views:
  navigation: {{from: oakd, fit: resize}}
  manipulation: absent
"""


@pytest.fixture(autouse=True)
def home(server: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose Hub is the local one."""
    monkeypatch.setattr(client, "HfApi", lambda: HfApi(endpoint=server.endpoint))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "home" / "hf"))
    share_houses(tmp_path / "home")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    return tmp_path / "home"


def decisions(reference: str) -> list[dict[str, float]]:
    """Probabilities of three actions that a policy chooses, of noise and with its joints at home."""
    policy = flare_core.load(reference)
    policy.reset(policy.describe()["instruction"])
    noise = np.random.default_rng(0)
    found = []
    for _ in range(3):
        shapes = {name: (camera.height_px, camera.width_px, 3) for name, camera in policy.cameras.items()}
        policy.act({name: noise.integers(256, size=shape, dtype=np.uint8) for name, shape in shapes.items()}, policy.home_state())
        found.append(dict(policy.probabilities))
    return found


def test_push_pull_and_use(server: LocalHub, made: Path, tmp_path: Path) -> None:
    rehearsed = flare("push", made, "org/tiny", "--dry-run")
    assert rehearsed.exit_code == 0
    assert "Nothing was sent: --dry-run." in rehearsed.output
    assert server.repos == {}
    pushed = flare("push", made, "org/tiny", "--private")
    assert pushed.exit_code == 0, pushed.output
    commit = server.repos["org/tiny"].refs["main"]
    assert f"Published hub://org/tiny at commit {commit}, tag bundle-" in " ".join(pushed.output.split())
    assert "Nothing new: hub://org/tiny has all of it" in " ".join(flare("push", made, "org/tiny").output.split())
    pulled = flare("pull", f"org/tiny@{commit}", "--out", tmp_path / "got")
    assert pulled.exit_code == 0, pulled.output
    assert f"hub://org/tiny@{commit}" in pulled.output
    assert weights_digest(load_bundle(tmp_path / "got").state) == weights_digest(load_bundle(made).state)
    assert decisions(f"hub://org/tiny@{commit}") == decisions(str(tmp_path / "got")) == decisions(str(made))
    refused = flare("pull", "org/tiny", "--out", tmp_path / "got")
    assert (refused.exit_code, "holds a bundle already" in refused.output) == (1, True)


def test_a_transfer_from_the_hub_pins_what_it_read(server: LocalHub, made: Path, tmp_path: Path) -> None:
    assert flare("push", made, "org/tiny").exit_code == 0
    commit = server.repos["org/tiny"].refs["main"]
    path = tmp_path / "mine.yaml"
    path.write_text(TRANSFER.format(revision="main"))
    server.log.clear()
    planned = flare("plan", path, "--json")
    assert planned.exit_code == 0, planned.output
    assert json.loads(planned.output)["source"] == "stretch_re1"
    weights = (made / "model.safetensors").stat().st_size
    from_storage = sum(size for _, where, size in server.log if where.startswith("/lfs/"))
    assert from_storage < weights / 2, "the header alone"
    assert flare("check", path).exit_code == 0
    assert flare("adapt", path, "--no-calibrate", "--out", tmp_path / "adapted").exit_code == 0
    adapted = load_bundle(tmp_path / "adapted")
    parent = adapted.lineage["parent"]
    assert (parent["reference"], parent["repo"], parent["revision"]) == ("hub://org/tiny@main", "org/tiny", commit)
    assert parent["weights"] == weights_digest(load_bundle(made).state)
    assert (adapted.licence, adapted.licence_text) == ("apache-2.0", "Apache License, version 2.0")
    front = yaml.safe_load((tmp_path / "adapted" / "README.md").read_text().split("---")[1])
    assert (front["base_model"], front["base_model_relation"]) == ("org/tiny", "finetune")
    again = flare("push", tmp_path / "adapted", "org/adapted")
    assert again.exit_code == 0, again.output
    assert "base_model: org/tiny" in server.files("org/adapted")["README.md"].decode()


def test_what_comes_from_the_hub_acts_as_what_was_sent(made: Path) -> None:
    assert flare("push", made, "org/tiny").exit_code == 0
    asked = ("--episodes", "3", "--workers", "1", "--json")
    there, here = (flare("evaluate", reference, *asked) for reference in ("hub://org/tiny", made))
    assert there.exit_code == 0, there.output
    found, wanted = (json.loads(result.stdout) for result in (there, here))
    assert found["rows"] == wanted["rows"]
    assert found["bundle"] == "hub://org/tiny"


def test_every_way_to_name_a_bundle_opens_it(server: LocalHub, made: Path) -> None:
    assert flare("push", made, "org/tiny").exit_code == 0
    commit = server.repos["org/tiny"].refs["main"]
    for reference, repo in (("hub://org/tiny", "org/tiny"), (str(made), None), ("shipped:stretch_objectnav", None)):
        whole, outline = open_bundle(reference), open_outline(reference)
        assert whole.origin is not None
        assert (whole.origin.repo, whole.origin.revision) == (repo, commit if repo else None)
        assert whole.policy == outline.policy
        assert {name: value.shape for name, value in whole.state.items()} == {name: value.shape for name, value in outline.state.items()}


def test_a_pull_that_is_killed_leaves_nothing_and_goes_on(server: LocalHub, made: Path, tmp_path: Path, home: Path) -> None:
    assert flare("push", made, "org/tiny").exit_code == 0
    server.faults = [Fault(kind="slow", path="/lfs/", seconds=60.0)]
    asked = [sys.executable, "-c", "from flare_core.cli import main; main()", "pull", "org/tiny", "--out", str(tmp_path / "got")]
    settings = {"HF_ENDPOINT": server.endpoint, "HF_HOME": str(home / "hf"), "HF_TOKEN": "hf_write"}
    with subprocess.Popen(asked, env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        until = time.monotonic() + 60
        while not server.faults[0].struck and time.monotonic() < until:
            time.sleep(0.05)
        first.send_signal(signal.SIGKILL)
    assert server.faults[0].struck == 1
    assert not (tmp_path / "got").exists()
    server.faults, server.log = [], []
    done = subprocess.run(asked, env={**os.environ, **settings}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert load_bundle(tmp_path / "got").name == "tiny"
    assert not [path for method, path, _ in server.log if method == "GET" and path.endswith("/task.yaml")][1:]
