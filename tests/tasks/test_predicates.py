"""The expression language of success."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from flare_core.errors import TaskError
from flare_core.tasks.judging import holds
from flare_core.tasks.predicates import (
    Both,
    Either,
    Facing,
    HandNear,
    Holding,
    InRoom,
    Near,
    Negation,
    RoomsMarked,
    Sequence,
    Stowed,
    Visible,
    parse,
    place,
    roles,
)
from flare_core.world import Simulator

SEEN = Visible(role="navigation", within_m=2.0)


class Eyes:
    """A simulator whose two rows see object 1 from 1.5 m with 'front', and never anything with 'hand'."""

    body = SimpleNamespace(
        name="testbot",
        arm=None,
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


def test_the_grammar_covers_hands_rooms_and_sequences() -> None:
    assert parse("all(holding(target), stowed(), in_room(target))") == Both(parts=(Holding(), Stowed(), InRoom()))
    assert parse("then(near(target, within_m: 1), hand_near(target, within_m: 0.06))") == Sequence(
        parts=(Near(within_m=1.0), HandNear(within_m=0.06))
    )
    assert parse("any(rooms_marked(all), rooms_marked(at_least: 3))") == Either(parts=(RoomsMarked(at_least=None), RoomsMarked(at_least=3)))
    assert parse("facing(target, within_deg: 180)") == Facing(within=np.pi)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("visble(target, navigation, within_m: 2)",
         "column 1 of \"{}\": no predicate 'visble'. Use all, any, not, then, visible, holding, near, hand_near, facing, in_room, stowed, "
         "rooms_marked, looked_around. Did you mean 'visible'?"),
        ("holding(mug)", "column 9 of \"{}\": holding() can be asked of 'target' only, not of 'mug'."),
        ("near(target)", "column 12 of \"{}\": expected ',', found ')'."),
        ("facing(target, within_m: 2)", "column 16 of \"{}\": facing() has no argument 'within_m'. Write within_deg: 15."),
        ("facing(target, within_deg: 200)",
         "column 28 of \"{}\": within_deg is 200; it has to be above 0 and at most 180 degrees."),
        ("rooms_marked(every)",
         "column 14 of \"{}\": rooms_marked() has no argument 'every'. Write at_least: 3, or rooms_marked(all)."),
        ("stowed(arm)", "column 8 of \"{}\": expected ')', found 'arm)'."),
        ("then(stowed())", "column 1 of \"{}\": 'then' needs two parts or more: what has to hold first, and what has to hold later."),
        ("then(stowed(), then(stowed(), stowed()))",
         "column 1 of \"{}\": 'then' within 'then' is not possible. Write one then(...) with all parts in order."),
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
