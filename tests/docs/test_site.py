"""The site: links from the top of the repository, tables of the README, and nothing fetched from elsewhere."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tests.docs.pages import ROOT


def script(name: str) -> ModuleType:
    found = spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "text", "fetched"),
    [
        ("a.html", '<a href="https://example.org">out</a><img src="b.png"><link rel="canonical" href="https://a.b/c">', []),
        ("a.html", '<script src="https://unpkg.com/shim"></script>', ["https://unpkg.com/shim"]),
        ("a.html", '<link rel="stylesheet" href="//fonts.example/css">', ["//fonts.example/css"]),
        ("a.html", "<style>p{background:url(https://a.b/c.png)}</style>", ["https://a.b/c.png"]),
        ("a.css", '@import "https://a.b/c.css";', ["https://a.b/c.css"]),
        ("a.svg", '<svg xmlns="http://www.w3.org/2000/svg"><image href="https://a.b/c.png"/></svg>', ["https://a.b/c.png"]),
    ],
)
def test_what_a_browser_fetches_from_elsewhere_is_found_and_links_are_not(name: str, text: str, fetched: list[str]) -> None:
    assert script("check_site").fetched(name, text) == fetched


def test_a_site_that_fetches_or_lacks_its_search_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "index.html").write_text('<img src="https://a.b/c.png">')
    assert script("check_site").main(tmp_path) == 1
    said = capsys.readouterr().err
    assert "index.html fetches https://a.b/c.png" in said
    assert "search/search_index.js is missing" in said


def test_links_between_docs_and_the_top_lead_to_the_site_s_pages() -> None:
    hooks = script("site_hooks")
    assert hooks.of_the_top("[a](docs/share.md#pull) [b](CHANGELOG.md)") == "[a](share.md#pull) [b](changelog.md)"
    assert hooks.of_docs("[a](../BENCHMARKS.md#acting) [b](../README.md#x)", "") == "[a](benchmarks.md#acting) [b](index.md)"


def test_a_table_of_the_readme_is_shown_where_a_page_asks_for_it() -> None:
    hooks = script("site_hooks")
    readme = "<!-- result of x -->\n| a |\n|---|\n| 1 |\n<!-- end of result -->\n"
    assert hooks.of_docs("a\n\n<!-- table: result of x -->\n*(See the README.)*\n\nb", readme) == "a\n\n| a |\n|---|\n| 1 |\n\nb"
    with pytest.raises(ValueError, match=r"README\.md has no `<!-- result of y -->`"):
        hooks.of_docs("<!-- table: result of y -->\n", readme)


def test_intervals_in_tables_are_not_torn_and_nothing_else_is_touched() -> None:
    text = "| 4.7 [+3.5, -5.9] |\n[1, 2] | [a, b]\n| [3, 4](x.md) |"
    assert script("site_hooks").unbroken(text) == text.replace("[+3.5, -5.9]", '<span class="interval">[+3.5, -5.9]</span>')


def test_every_table_that_pages_ask_for_is_in_the_readme() -> None:
    hooks, readme = script("site_hooks"), (ROOT / "README.md").read_text(encoding="utf-8")
    asked = [name for page in (ROOT / "docs").glob("*.md") for name in hooks.TABLE.findall(page.read_text(encoding="utf-8"))]
    assert asked
    assert all("|" in hooks.table(readme, name) for name in asked)


def test_make_docs_is_strict_and_not_quiet() -> None:
    # `mkdocs build --quiet --strict` ends with 0 whatever is broken.
    (command,) = [line for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines() if "/mkdocs build" in line]
    assert command.split("mkdocs ")[1] == "build --strict"
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert {value for part in config["validation"].values() for value in part.values()} == {"warn"}


def test_every_page_is_in_the_navigation() -> None:
    named = set(re.findall(r": ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), flags=re.MULTILINE))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    tops = {name.lower() for name in script("site_hooks").AT_THE_TOP}
    assert named == pages | tops


def test_nothing_is_fetched_for_the_theme() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert config["theme"]["font"] is False
    assert all((ROOT / "docs" / path).is_file() for path in config["extra"]["polyfills"] + config["extra_css"])
