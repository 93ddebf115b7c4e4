"""What mkdocs is told besides `mkdocs.yml`: pages that lie at the top of the repository, and tables that the README has.

A line such as `<!-- table: result of make demo -->` in a page of docs/, with the line below it, which is for readers of the bare file, is
replaced on the site by what stands between `<!-- result of make demo -->` and the next comment in README.md. So a figure is
written down in one place.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parent.parent
AT_THE_TOP: Final = ("BENCHMARKS.md", "CHANGELOG.md", "CONTRIBUTING.md")
TABLE: Final = re.compile(r"^<!-- table: (.+) -->\n.*$", re.MULTILINE)
INTERVAL: Final = re.compile(r"\[[-+]?[\d.,]+, [-+]?[\d.,]+\](?!\()")


def of_the_top(text: str) -> str:
    """A page from the top of the repository, with links as they are from docs/."""
    return _renamed(re.sub(r"\]\(docs/", "](", text), prefix="")


def of_docs(text: str, readme: str) -> str:
    """A page of docs/ as the site shows it.

    Raises:
        ValueError: it asks for a table that the README lacks.
    """
    return _renamed(TABLE.sub(lambda found: table(readme, found[1]), text), prefix=r"\.\./")


def table(readme: str, name: str) -> str:
    """What stands after `<!-- name -->` in the README, up to the next comment."""
    found = re.search(rf"^<!-- {re.escape(name)} -->\n(.*?)\n<!-- ", readme, flags=re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"README.md has no `<!-- {name} -->`; write one of the names that stand there")
    return found[1].replace("](docs/", "](")


def unbroken(text: str) -> str:
    """Tables whose intervals stay on one line."""
    rows = (INTERVAL.sub(r'<span class="interval">\g<0></span>', line) if line.startswith("|") else line for line in text.split("\n"))
    return "\n".join(rows)


def _renamed(text: str, prefix: str) -> str:
    """Links to pages of the top, which are in lower case on the site; the README's place is the first page's."""
    for name in AT_THE_TOP:
        text = re.sub(rf"\]\({prefix}{re.escape(name)}(#[^)]*)?\)", rf"]({name.lower()}\1)", text)
    return re.sub(rf"\]\({prefix}README\.md(#[^)]*)?\)", "](index.md)", text)


def on_files(files: "Files", *, config: "MkDocsConfig") -> "Files":
    """Add the pages of the top."""
    from mkdocs.structure.files import File

    for name in AT_THE_TOP:
        text = of_the_top((ROOT / name).read_text(encoding="utf-8"))
        files.append(File.generated(config, name.lower(), content=text))
    return files


def on_page_markdown(markdown: str, *, page: "Page", config: "MkDocsConfig", files: "Files") -> str:
    """Put tables in and turn links."""
    del config, files
    if page.file.generated_by is not None:
        return unbroken(markdown)
    return unbroken(of_docs(markdown, (ROOT / "README.md").read_text(encoding="utf-8")))
