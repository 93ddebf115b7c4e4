"""The names of the tensors are those that the page about bundles lists, and no others."""

import re
from itertools import product
from pathlib import Path

import pytest

from flare_core.bundles.bundle import load_bundle
from flare_core.bundles.layout import NOW
from flare_core.bundles.places import shipped

PAGE = (Path(__file__).parents[2] / "docs" / "share.md").read_text("utf-8")


def documented() -> set[str]:
    """Every name on the page, with VIEW and N as they stand there."""
    found = set()
    for line in re.findall(r"^(?:    )?((?:encoder|actor)\.\S+)", PAGE, flags=re.MULTILINE):
        parts = [part.strip("{}").split(",") for part in re.findall(r"\{[^}]*\}|[^{}]+", line)]
        found |= {"".join(choice) for choice in product(*parts)}
    return found


@pytest.mark.parametrize("name", shipped())
def test_every_tensor_is_on_the_page_and_nothing_else(name: str) -> None:
    there = load_bundle(f"shipped:{name}").state
    names = {re.sub(r"\.views\.\w+\.", ".views.VIEW.", re.sub(r"blocks\.\d+\.", "blocks.N.", one)) for one in there}
    assert names == documented()


def test_every_file_of_a_bundle_is_on_the_page() -> None:
    section = PAGE.partition("## What a bundle holds")[2].partition("### ")[0]
    table = re.findall(r"^\| `([\w./*]+)` \|", section, flags=re.MULTILINE)
    assert set(table) == {*NOW.needed, *NOW.optional, "pictures/*.png", "README.md", "bundle.json"}
