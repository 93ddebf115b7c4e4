"""Commands of the documentation: the quick ones are run as they stand, all others are parsed, and named files exist."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from flare_core.cli import main
from tests.docs.pages import (
    REFUSED,
    ROOT,
    Typed,
    Written,
    commands,
    exists,
    lacks,
    mentions,
    paths,
    refuse_what_cannot_be_typed,
    steps,
    unknown_options,
)

DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*DOCS, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "BENCHMARKS.md"]
TARGETS = {line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if line[:1].isalpha() and ":" in line}

TO_COME = {"tests/data/ai2thor/traces"}  # recorded by whoever has AI2-THOR


def follow(text: str) -> list[str]:
    """Do what a page says, in the present folder; what differs from the page, one line each."""
    amiss = []
    for step in steps(text):
        if isinstance(step, Written):
            Path(step.name).write_text(step.text, encoding="utf-8")
        elif step.is_run:
            result = CliRunner().invoke(main, step.words[1:])
            if (result.exit_code != 0) != (step.note == REFUSED):
                amiss.append(f"$ {step.line}\nended with {result.exit_code}: {result.output}{result.exception or ''}")
            told = [line for line in result.output.splitlines() if line.startswith("warning:")]
            amiss += [
                f"$ {step.line}\nprints what is not shown: {line}" for line in told if not any(not lacks(line, one) for one in step.shown)
            ]
            amiss += [f"$ {step.line}\ndoes not print: {line}\nbut: {result.output}" for line in step.shown if lacks(result.output, line)]
    return amiss


def faults(typed: Typed) -> list[str]:
    """What is wrong with a command line, without doing it."""
    program, *rest = typed.words
    if program == "flare" and typed.is_pattern:
        return unknown_options(" ".join(rest).replace("[", " ").replace("]", " ").split())
    if program == "flare":
        try:
            refuse_what_cannot_be_typed(rest)
        except click.UsageError as fault:
            return [fault.format_message()]
    if program == "make":
        return [f"no target '{word}'" for word in rest if "=" not in word and word not in TARGETS]
    if program.startswith("python") and rest and rest[0].endswith(".py"):
        return [] if exists(rest[0]) else [f"no file '{rest[0]}'"]
    return []


@pytest.mark.parametrize(
    "page",
    [page for page in DOCS if any(isinstance(one, Typed) and one.is_run for one in steps(page.read_text()))],
    ids=lambda page: page.stem,
)
def test_what_a_page_says_to_type_does_what_it_shows(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert follow(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_can_be_typed(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The files that they name are the reader's: only their absence is forgiven.
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, context: Path(value))
    text = page.read_text(encoding="utf-8")
    amiss = {typed.line: found for typed in commands(text) if (found := faults(typed))}
    amiss |= {" ".join(words): found for words in mentions(text) if (found := unknown_options(words))}
    assert amiss == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_of_the_repository_that_a_page_names_are_there(page: Path) -> None:
    assert [path for path in paths(page.read_text(encoding="utf-8")) if not exists(path) and path not in TO_COME] == []


WRONG = """
```yaml title="bot.yaml"
kind: embodiment
```

```console
$ flare check bot.yaml
bot.yaml: ok
```

<!-- not run in tests: trains -->
```console
$ flare train bot.yaml --ouput runs/bot
$ python scripts/nothing.py
```

Then `flare plan bot.yaml --wirte`, and look into `specs/robots/`.
"""


def test_a_warning_that_a_page_does_not_show_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = '```yaml title="bot.yaml"\nkind: embodiment\nextends: turtlebot4\nbase: {radius_m: 0.6}\n```\n'
    console = "\n```console\n$ flare check bot.yaml\nbot.yaml: ok ...\n"
    (silent,) = follow(f"{file}{console}```\n")
    assert "prints what is not shown: warning: bot.yaml:3: base.radius_m:" in silent
    assert follow(f"{file}{console}warning: bot.yaml:3: base.radius_m: ... passes none ...\n```\n") == []


def test_a_wrong_page_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended, printed = follow(WRONG)
    assert "ended with 1" in ended
    assert "does not print: bot.yaml: ok" in printed
    train, python = [typed for typed in commands(WRONG) if typed.note]
    assert faults(train) == ["No such option '--ouput'. Did you mean '--out'?"]
    assert faults(python) == ["no file 'scripts/nothing.py'"]
    assert [unknown_options(words) for words in mentions(WRONG)] == [["--wirte"]]
    assert [path for path in paths(WRONG) if not exists(path)] == ["specs/robots/", "scripts/nothing.py"]
