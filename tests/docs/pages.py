"""What a page tells its reader to type: commands with the output that is shown, files to write, paths in the repository."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from flare_core.cli import main

ROOT: Final = Path(__file__).resolve().parents[2]
FENCE: Final = re.compile(
    r"^(?:<!-- (?P<note>[^\n]*) -->\n)?```(?P<kind>\w+)(?: title=\"(?P<title>[^\"\n]+)\")?\n(?P<text>.*?)^```$", re.M | re.S
)
INLINE: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
INDENTED: Final = re.compile(r"^    ((?:flare|make|python) .*)$", re.MULTILINE)
FOLDERS: Final = "specs|scripts|tests|flare_core|adapters|embodiments|examples|bench|results|docs"
PATHS: Final = re.compile(rf"(?:^|[\s\"'=(`])((?:{FOLDERS})/[\w./*-]+)")
NOT_RUN: Final = "not run in tests: "
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A line after `$ `: its words without comments, the output shown below it, and what the comment before its block says.

    Attributes:
        note: None without a comment.
    """

    line: str
    shown: tuple[str, ...]
    note: str | None

    @property
    def words(self) -> list[str]:
        """Words of the command, without variables set before it."""
        words = shlex.split(self.line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            del words[0]
        return words

    @property
    def is_run(self) -> bool:
        return self.words[:1] == ["flare"] and not (self.note or "").startswith(NOT_RUN)

    @property
    def is_pattern(self) -> bool:
        """Whether it shows the form of a command, with [brackets]."""
        return "a pattern" in (self.note or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A block with a title: a file that the reader writes."""

    name: str
    text: str


def steps(text: str) -> Iterator[Typed | Written]:
    """Files to write and commands to type, in the order of the page."""
    for block in FENCE.finditer(text):
        if block["kind"] == "console":
            yield from _typed(block["text"].replace("\\\n", " "), block["note"])
        elif block["title"]:
            yield Written(name=block["title"], text=block["text"])


def _typed(text: str, note: str | None) -> Iterator[Typed]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, *shown = part.splitlines()
        yield Typed(line=line, shown=tuple(one for one in shown if one.strip(" .")), note=note)


def commands(text: str) -> Iterator[Typed]:
    """Every command line of a page, fenced or indented."""
    yield from (step for step in steps(text) if isinstance(step, Typed))
    yield from (Typed(line=line, shown=(), note=None) for line in INDENTED.findall(FENCE.sub("", text)))


def mentions(text: str) -> Iterator[list[str]]:
    """Words of every `flare ...` within a sentence."""
    for code in INLINE.findall(FENCE.sub("", text)):
        if code.startswith("flare "):
            yield code.replace("[", " ").replace("]", " ").split()[1:]


def paths(text: str) -> Iterator[str]:
    """What looks like a path in the repository; names in capitals stand for the reader's own."""
    codes = [*INLINE.findall(FENCE.sub("", text)), *(one.line for one in commands(text))]
    for found in (path for code in codes for path in PATHS.findall(code)):
        if not re.search(r"\b[A-Z]{3,}\b(?!\.md)", found):
            yield found.rstrip(".")


def exists(path: str) -> bool:
    """Whether the repository has it; `*` stands for anything."""
    return any(ROOT.glob(path)) if "*" in path else (ROOT / path).exists()


def refuse_what_cannot_be_typed(words: list[str]) -> None:
    """Parse a command line as `flare` would, without doing it.

    Raises:
        click.UsageError: there is no such command or option, a value will not do, or something is missing.
    """
    name, *rest = words
    if name in ("--help", "-h", "--version"):
        return
    if name not in main.commands:
        raise click.UsageError(f"no command '{name}'")
    main.commands[name].make_context(name, rest)


def unknown_options(words: list[str]) -> list[str]:
    """Commands and options of a sentence that `flare` does not have."""
    name, *words = words
    if name.startswith("-") or not re.fullmatch(r"[a-z][a-z-]*", name):
        return []
    if name not in main.commands:
        return [name]
    command: click.Command = main.commands[name]
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    offered = {"-h", "--help"} | {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    return [word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word) and word not in offered]


def lacks(output: str, shown: str) -> bool:
    """Whether a line of the page is not in what was printed; `...` stands for anything, and white space does not count."""
    pieces = [re.escape(" ".join(piece.split())) for piece in shown.split("...")]
    return re.search(".*".join(pieces), " ".join(output.split())) is None
