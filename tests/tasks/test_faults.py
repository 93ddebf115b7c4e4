"""Two hundred faulty tasks: each is refused with its file and a line. Every kind of fault meets every task that it can spoil."""

import copy
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flare_core.errors import SpecError
from flare_core.reading import list_specs
from flare_core.tasks.spec import load_task

Document = dict[str, Any]
Fault = Callable[[Document], None]


def put(*path: Any, value: Any) -> Fault:
    """A value that is no right one."""

    def spoil(document: Document) -> None:
        inside = document
        for key in path[:-1]:
            inside = inside[key] if isinstance(inside, list) else inside.setdefault(key, {})
        inside[path[-1]] = value

    return spoil


def said(old: str, new: str) -> Fault:
    """Other text in `success`."""

    def spoil(document: Document) -> None:
        assert old in document["success"]
        document["success"] = document["success"].replace(old, new)

    return spoil


def without(key: str) -> Fault:
    def spoil(document: Document) -> None:
        del document[key]

    return spoil


ANY: dict[str, Fault] = {
    "a misspelt key": put("horizn", value=100),
    "no horizon": without("horizon"),
    "no success": without("success"),
    "no templates": without("templates"),
    "a horizon of zero": put("horizon", value=0),
    "a horizon below zero": put("horizon", value=-5),
    "a horizon in words": put("horizon", value="long"),
    "a horizon that is no whole number": put("horizon", value=10.5),
    "an unknown ending": put("ends_with", value="stop"),
    "an unknown start": put("start", value="nowhere"),
    "a predicate that does not exist": put("success", value="seen(target)"),
    "a liquid": put("success", value="filled(target)"),
    "a soft body": put("success", value="folded(target)"),
    "an open bracket": put("success", value="all(stowed()"),
    "stray text": put("success", value="stowed() please"),
    "nothing to succeed at": put("success", value=""),
    "a sequence of one": put("success", value="then(stowed())"),
    "two things denied": put("success", value="not(stowed(), stowed())"),
    "an empty list of templates": put("templates", value=[]),
    "a template that is a number": put("templates", 0, value=7),
    "a gap that nothing fills": put("templates", 0, value="go to the {place}"),
    "a brace that stands alone": put("templates", 0, value="go to {"),
    "a word without a vector": put("templates", 0, value="flibbertigibbet"),
    "an unknown reward": put("reward", "succes", value=10),
    "a reward in words": put("reward", "success", value="much"),
    "a term about nothing": put("reward", "terms", value=[{"when": "dancing()", "value": 1}]),
    "a term without a value": put("reward", "terms", value=[{"when": "stowed()"}]),
    "a term that is no list": put("reward", "terms", value={"when": "stowed()", "value": 1}),
    "an unknown cost": put("constraints", "bumps", value={"at_most": 1, "by": "lagrange"}),
    "a limit below zero": put("constraints", "collisions_per_episode", value={"at_most": -1, "by": "lagrange"}),
    "a limit in words": put("constraints", "collisions_per_episode", value={"at_most": "few", "by": "lagrange"}),
    "no limit": put("constraints", "collisions_per_episode", value={"by": "lagrange"}),
    "an unknown way to keep a limit": put("constraints", "collisions_per_episode", value={"at_most": 1, "by": "hope"}),
    "a penalty without a weight": put("constraints", "collisions_per_episode", value={"at_most": 1, "by": "penalty"}),
    "a weight that is learned": put("constraints", "collisions_per_episode", value={"at_most": 1, "by": "lagrange", "weight": 2}),
    "a cost with two rules": put("constraints", "collisions_per_episode", value={"at_most": 1, "by": "lagrange", "when": "stowed()"}),
    "a metric about nothing": put("metrics", "merry", value="dancing()"),
    "a metric with a name that is none": put("metrics", "So Far", value="stowed()"),
    "another kind of spec": put("kind", value="recipe"),
    "a room that does not exist": put("rooms", value={"Kichen": "kitchen"}),
}
SEEN: dict[str, Fault] = {
    "a distance of zero": said("2.0", "0"),
    "a distance below zero": said("2.0", "-1"),
    "a distance across the town": said("2.0", "2000"),
    "another unit": said("within_m", "within_cm"),
    "a distance in words": said("2.0", "near"),
    "no distance": said(", within_m: 2.0", ""),
    "no camera": said("navigation, ", ""),
    "something else than the target": said("target", "sofa"),
    "a room, of a task about objects": put("success", value="in_room(target)"),
    "all rooms, of a task about objects": put("success", value="rooms_marked(all)"),
    "a direction beyond the circle": put("success", value="facing(target, within_deg: 400)"),
    "an angle in radians": put("success", value="facing(target, within_rad: 0.2)"),
}
HELD: dict[str, Fault] = {
    "a bed to be held": put("targets", "Bed", value="bed"),
    "a thing that does not exist": put("targets", "Aple", value="apple"),
    "words without a vector": put("targets", "Apple", value="aple"),
    "words that are none": put("targets", "Apple", value="Apple!"),
    "targets as a list": put("targets", value=["Apple"]),
    "a room for them that does not exist": put("in_rooms", value={"Attic": "attic"}),
    "how to choose, misspelt": put("selections", value=[{"by": "biggest", "says": "the largest {target}"}]),
    "a choice without words for it": put("selections", value=[{"by": "largest", "says": "the largest"}]),
    "a distance to nothing": put("selections", value=[{"by": "closest_to", "says": "the {target} closest to the {reference}"}]),
}
ROOMS: dict[str, Fault] = {
    "an object, of a task about rooms": put("success", value="holding(target)"),
    "marks, of a task about one room": put("success", value="all(in_room(target), rooms_marked(all))"),
    "a start in sight of nothing": put("start", value="in_sight"),
    "choices of nothing": put("selections", value=[{"by": "largest", "says": "the largest {target}"}]),
}
POINTS: dict[str, Fault] = {
    "a point beyond the words": put("points", "at_most_m", value=40),
    "a point at no distance": put("points", "at_least_m", value=0),
    "points that cannot be": put("points", value={"at_least_m": 5, "at_most_m": 2}),
    "a view of a point": put("success", value="visible(target, navigation, within_m: 2.0)"),
    "a point in the hand": put("success", value="holding(target)"),
}
TASKS: dict[str, dict[str, Fault]] = {
    "objectnav": ANY | SEEN, "objectnav_affordance": ANY | SEEN, "fetch": ANY | HELD, "pickup": ANY | HELD, "roomnav": ANY | ROOMS,
    "gotopoint": ANY | POINTS,
}  # fmt: skip
CASES = [(task, fault) for task, faults in TASKS.items() for fault in faults]


def spoilt(task: str, fault: str) -> Document:
    """The whole document of a task, what it extends included, with one fault."""
    document = {"kind": "task", **whole(task)}
    TASKS[task][fault](document)
    return document


def whole(task: str) -> Document:
    resolved = load_task(task)[1].resolved
    return copy.deepcopy({name: value for name, value in resolved.items() if value not in ({}, (), []) and name != "extends"})


def lines(text: str) -> Iterator[str]:
    """The lines of a message that are not hints."""
    return (line for line in text.splitlines() if line and not line.startswith(" "))


def test_there_are_two_hundred() -> None:
    assert len(CASES) >= 200
    assert set(TASKS) <= set(list_specs("task"))


@pytest.mark.parametrize("task", TASKS)
def test_unspoilt_they_are_read(tmp_path: Path, task: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"kind": "task", **whole(task)}, sort_keys=False))
    assert load_task(path)[0].success == load_task(task)[0].success


@pytest.mark.parametrize(("task", "fault"), CASES, ids=itertools.starmap("{}: {}".format, CASES))
def test_a_fault_is_told_with_file_and_line(tmp_path: Path, task: str, fault: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(spoilt(task, fault), sort_keys=False))
    with pytest.raises(SpecError) as bad:
        load_task(path)
    told = str(bad.value)
    count = len(path.read_text().splitlines())
    for line in lines(told):
        place, number = line.split(":")[:2]
        assert place.endswith("mine.yaml"), told
        assert 1 <= int(number) <= count, told
    assert any(line for line in lines(told)), told
