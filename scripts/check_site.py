"""Check that the built site loads nothing from elsewhere: no font, script, picture or style sheet, and no page reports to anybody.

Links that a reader may follow can lead anywhere; what a browser fetches by itself has to lie in the folder.

Usage: python scripts/check_site.py build/site
"""

import re
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from typing import Final

# Attributes whose address a browser fetches by itself.
FETCHED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    dict.fromkeys(("script", "img", "iframe", "source", "video", "audio", "embed"), ("src", "srcset", "poster"))
    | dict.fromkeys(("link", "use", "image"), ("href",))
    | {"object": ("data",)}
)
ELSEWHERE: Final = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
IN_STYLES: Final = re.compile(r"(?:url\(|@import)\s*[\"']?\s*((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)


class _Fetches(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and not {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch"} & set((given.get("rel") or "").split()):
            return  # canonical, next and such are said, not fetched
        self.found += [value for name in FETCHED.get(tag, ()) if (value := given.get(name)) and ELSEWHERE.match(value)]


def fetched(name: str, text: str) -> list[str]:
    """Addresses elsewhere that a file makes a browser fetch."""
    parser = _Fetches()
    if name.endswith((".html", ".svg")):
        parser.feed(text)
    return [*parser.found, *(IN_STYLES.findall(text) if name.endswith((".html", ".css", ".svg")) else [])]


def faults(folder: Path) -> Iterator[str]:
    """Everything that the site would fetch from elsewhere or lacks, one line each."""
    for name in ("index.html", "search/search_index.js", "reference/commands.html"):
        if not (folder / name).is_file():
            yield f"{name} is missing"
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".html", ".css", ".svg"):
            for address in fetched(path.name, path.read_text(encoding="utf-8")):
                yield f"{path.relative_to(folder)} fetches {address}"


def main(folder: Path) -> int:
    """Print every fault; 1 if there is any."""
    found = list(faults(folder))
    for fault in found:
        print(f"{folder}: {fault}", file=sys.stderr)
    print(f"{folder}: {sum(1 for _ in folder.rglob('*.html'))} pages, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
