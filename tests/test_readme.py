"""The result table of the README is made from the committed result of the last full run."""

import json
from pathlib import Path

import pytest

from flare_core.evaluation.report import comparison_table, markdown

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "results" / "demo.json"
BEGIN, END = "<!-- result of make demo -->", "<!-- end of result -->"


@pytest.mark.skipif(not RESULT.exists(), reason="results/demo.json is written by the first full run of make demo")
def test_the_table_in_the_readme_is_that_of_the_committed_result() -> None:
    readme = (ROOT / "README.md").read_text()
    table = markdown(comparison_table(json.loads(RESULT.read_text())))
    shown = readme.split(BEGIN)[1].split(END)[0].strip()
    assert shown == table, f"put this between {BEGIN!r} and {END!r} in README.md:\n{table}"
