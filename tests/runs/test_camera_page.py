"""The page on camera actions is made from the committed figures."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "results" / "camera_oracle.json"


@pytest.mark.skipif(not RESULT.exists(), reason="results/camera_oracle.json is written by scripts/camera_oracle.py")
def test_the_page_on_camera_actions_is_that_of_the_committed_figures() -> None:
    spec = importlib.util.spec_from_file_location("camera_oracle", ROOT / "scripts" / "camera_oracle.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    shown = (ROOT / "docs" / "camera_actions.md").read_text(encoding="utf-8")
    assert shown == script.page(json.loads(RESULT.read_text(encoding="utf-8"))), "run `python scripts/camera_oracle.py --page-only`"
