"""The whole main job through the unmodified ai2thor client and the engine, undisturbed and while its controllers are killed."""

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli_tools import flare, move_home, overrides

FLARE = Path(sys.executable).with_name("flare")
ENGINE = f"{shlex.quote(str(FLARE))} thor-engine --build nanna"
SMALL = (
    "task.horizon=30", "recipe.minibatches=1", "recipe.epochs=1", "recipe.critic_warmup_steps=0", "recipe.evaluation_episodes=4",
    "recipe.houses=4", "recipe.evaluate_greedy=false",
)  # fmt: skip
UNCALIBRATED = "new_actions={start: nearest}"  # no probability is asked for, for which every engine would be started once more


def train(out: Path, rows: int, rollout: int, steps: int, *more: str) -> list[str]:
    """Words of `flare` that train the LoCoBot transfer with simulator.kind=thor."""
    keys = [
        "simulator.kind=thor", f"simulator.executable={ENGINE}", f"simulator.processes={rows}", f"recipe.rows={rows}",
        f"recipe.rollout={rollout}", f"recipe.steps={steps}", *SMALL, *more,
    ]  # fmt: skip
    return ["train", "stretch_to_locobot", "--out", str(out), "--workers", "2", *overrides(*keys)]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of the test's own, by which its processes are known."""
    move_home(monkeypatch, tmp_path)


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([str(FLARE), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def engines(home: Path) -> list[int]:
    """Living engines and workers of a test: those whose HOME is its folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            mine = f"HOME={home}".encode() in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if mine and (b"thor-engine" in words or b"flare_core.simulators.thor.worker" in words):
            found.append(int(entry.name))
    return found


def log_of(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_the_main_job_runs_through_client_and_engine_and_says_that_it_is_no_ai2thor(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = flare(*train(out, 2, 32, 128))
    assert run.exit_code == 0, run.output[-2000:]
    assert "radius: 0.1750 m in AI2-THOR, 0.1760 m in the robot's file" in run.output
    assert "NOT AI2-THOR" in run.output
    assert [record["steps"] for record in log_of(out)] == [64, 128]
    assert "NOT AI2-THOR" in json.loads((out / "results.json").read_text())["simulator"]
    assert "through the ai2thor client and flare thor-engine" in (out / "bundle" / "README.md").read_text()
    assert engines(tmp_path) == []


def test_training_goes_on_while_its_engines_are_killed_and_stopped(tmp_path: Path) -> None:
    out, draws = tmp_path / "run", random.Random(0)
    limits = ("simulator.timeout_s=3", "simulator.start_timeout_s=45")
    run = start(*train(out, 8, 32, 1280, *limits, "recipe.evaluation_episodes=2", UNCALIBRATED))
    hurt = 0
    while run.poll() is None:
        time.sleep(0.7)
        alive = engines(tmp_path)
        if (out / "log.jsonl").exists() and len(log_of(out)) < 4 and alive and hurt < 12:
            os.kill(draws.choice(alive), draws.choice([signal.SIGKILL, signal.SIGSTOP]))
            hurt += 1
    assert run.stdout is not None
    assert run.returncode == 0, run.stdout.read()[-2000:]
    assert hurt >= 3
    assert [record["steps"] for record in log_of(out)] == list(range(256, 1281, 256)), "no update is lost"
    assert 0 < int(str(log_of(out)[-1]["lost"])) <= hurt, "what was lost is counted"
    assert engines(tmp_path) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_engine_outlives_its_trainer(tmp_path: Path, how: signal.Signals) -> None:
    out = tmp_path / "run"
    run = start(*train(out, 2, 32, 100_000, UNCALIBRATED))
    deadline = time.monotonic() + 200
    while not (out / "log.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert engines(tmp_path)
    run.send_signal(how)
    run.communicate(timeout=60)
    deadline = time.monotonic() + 10
    while engines(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert engines(tmp_path) == []
