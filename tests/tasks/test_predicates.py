"""The expression language of success."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from flare_core.errors import TaskError
from flare_core.tasks.predicates import Both, Either, Negation, Visible, holds, parse, place, roles
from flare_core.world import Simulator

SEEN = Visible(role="navigation", within_m=2.0)


class Eyes:
    """A simulator whose two rows see object 1 from 1.5 m with 'front', and never anything with 'hand'."""

    body = SimpleNamespace(
        name="testbot",
        camera_for=lambda role: {"navigation": SimpleNamespace(name="front"), "manipulation": SimpleNamespace(name="hand")}.get(role),
    )

    def visible(self, objects: np.ndarray[Any, Any], camera: str, within_m: float) -> np.ndarray[Any, Any]:
        return (objects == 1) & (camera == "front") & (within_m >= 1.5)


EYES = cast(Simulator, Eyes())


def test_the_grammar_covers_views_and_their_combinations() -> None:
    assert parse("visible(target, navigation, within_m: 2.0)") == SEEN
    assert parse(" all( visible(target,navigation,within_m:2) , not(any(visible(target, manipulation, within_m: 1))))") == Both(
        parts=(SEEN, Negation(part=Either(parts=(Visible(role="manipulation", within_m=1.0),))))
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("visble(target, navigation, within_m: 2)",
         "column 1 of \"{}\": no predicate 'visble'. Use all, any, not, visible. Did you mean 'visible'?"),
        ("visible(table, navigation, within_m: 2)", "column 9 of \"{}\": visible() can be asked of 'target' only, not of 'table'."),
        ("visible(target, navigation)", "column 27 of \"{}\": expected ',', found ')'."),
        ("visible(target, navigation, near: 2)", "column 29 of \"{}\": visible() has no argument 'near'. Write within_m: 2.0."),
        ("visible(target, navigation, within_m: -1)",
         "column 39 of \"{}\": within_m is -1; it has to be above 0 and at most 100 metres."),
        ("not(visible(target, a, within_m: 1), visible(target, b, within_m: 1))",
         "column 1 of \"{}\": 'not' takes one part, not 2. Write not(any(...)) for several."),
        ("visible(target, a, within_m: 1) and more",
         "column 33 of \"{}\": 'and more' is left over. Join several parts with all(...) or any(...)."),
        ("", 'column 1 of "{}": expected a predicate, found the end.'),
    ],
)  # fmt: skip
def test_a_fault_names_its_column_and_the_remedy(text: str, message: str) -> None:
    with pytest.raises(TaskError) as bad:
        parse(text)
    assert str(bad.value) == "success: " + message.format(text)


def test_rows_are_judged_apart_and_pads_are_never_seen() -> None:
    targets = np.array([[0, 1], [0, -1], [-1, -1]])
    assert holds(SEEN, EYES, targets).tolist() == [True, False, False]
    assert holds(parse("not(visible(target, navigation, within_m: 2.0))"), EYES, targets).tolist() == [False, True, True]
    near = "visible(target, navigation, within_m: 1.0)"
    assert holds(parse(f"all(visible(target, navigation, within_m: 2.0), {near})"), EYES, targets).tolist() == [False] * 3
    assert holds(parse(f"any(visible(target, navigation, within_m: 2.0), {near})"), EYES, targets).tolist() == [True, False, False]
    assert not holds(parse("visible(target, manipulation, within_m: 2.0)"), EYES, targets).any()


def test_a_missing_camera_is_named_with_the_remedy() -> None:
    with pytest.raises(TaskError, match=r"testbot has no camera with role 'rear'\. Give one of its cameras `role: rear`"):
        holds(parse("visible(target, rear, within_m: 2.0)"), EYES, np.array([[1]]))


def test_the_place_to_go_to_is_the_first_view_that_has_to_hold() -> None:
    assert place(parse("all(not(visible(target, manipulation, within_m: 1)), visible(target, navigation, within_m: 2.0))")) == SEEN
    assert place(parse("not(visible(target, navigation, within_m: 2.0))")) is None
    assert list(roles(parse("any(visible(target, a, within_m: 1), not(visible(target, b, within_m: 1)))"))) == ["a", "b"]
