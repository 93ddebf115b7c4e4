"""The example that robot builders begin with works on a fresh clone, by one command."""

import os
import subprocess
import sys
from pathlib import Path

import flare_core
from flare_core.acting.server import PolicyServer, serving

ROOT = Path(__file__).parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "examples/robot_loop.py", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_the_loop_drives_the_fake_robot_until_the_policy_is_done_or_out_of_steps() -> None:
    done = run("--steps", "6")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("stretch_re1 at ws://127.0.0.1:")
    assert lines[-1].startswith("Out of steps after 6 actions: it did not find it.")
    assert [line.split()[0] for line in lines[1:-1]] == ["1", "2", "3", "4", "5", "6"]


def test_the_loop_asks_a_server_that_is_named_and_stands_still_without_one() -> None:
    with serving(PolicyServer(flare_core.load("shipped:stretch_objectnav"))) as url:
        assert f"stretch_re1 at {url}: " in run("--url", url, "--steps", "1").stdout
    gone = run("--url", url, "--steps", "1")
    assert gone.returncode == 1
    assert gone.stderr.startswith("The robot stands still: ws://127.0.0.1:")
    assert "no policy server answers there" in gone.stderr
    assert "Traceback" not in gone.stderr
