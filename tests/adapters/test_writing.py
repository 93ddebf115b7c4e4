from typing import Any

import pytest
import yaml

from flare_core.adapters.writing import add_choices
from flare_core.errors import AdapterError

CHOICES = {"head": {"look_up": "{start: mean}", "look_left": "{like: rotate_left}"}, "views": {"manipulation": "absent"}}
ADDED: dict[str, dict[str, Any]] = {
    "head": {"look_up": {"start": "mean"}, "look_left": {"like": "rotate_left"}},
    "views": {"manipulation": "absent"},
}


def test_choices_become_lines_and_comments_stay() -> None:
    text = "kind: transfer  # mine\nviews:  # what it sees\n  navigation: {from: head, fit: crop}  # measured\nrecipe: graft\n"
    assert add_choices(text, CHOICES) == (
        "kind: transfer  # mine\n"
        "views:  # what it sees\n"
        "  manipulation: absent\n"
        "  navigation: {from: head, fit: crop}  # measured\n"
        "recipe: graft\n"
        "head:\n"
        "  look_up: {start: mean}\n"
        "  look_left: {like: rotate_left}\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "kind: transfer",
        "kind: transfer\nhead: {}\nviews: {}\n",
        "kind: transfer\nhead: {done: {masked: no}}\nviews:\n    navigation: absent\n",
        "{kind: transfer, views: {navigation: absent}}",
    ],
)
def test_whatever_the_style_the_choices_are_there_and_nothing_is_lost(text: str) -> None:
    before, after = yaml.safe_load(text), yaml.safe_load(add_choices(text, CHOICES))
    for section, lines in ADDED.items():
        assert after.pop(section) == lines | before.pop(section, {})
    assert after == before


def test_a_section_of_another_kind_is_refused() -> None:
    with pytest.raises(AdapterError, match="`head:` is not a mapping"):
        add_choices("kind: transfer\nhead: nearest\n", CHOICES)
