"""What an episode can be about in a house: which objects or rooms, and the words for them.

A task says in its spec how subjects are made: objects by type, only those in rooms of a kind, one of several by how it
compares with the others, everything that serves a purpose; or rooms by kind; or the house as a whole.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, Protocol

import numpy as np

from flare_core.world import Floats, Ints

By = Literal["largest", "smallest", "highest", "lowest", "closest_to", "furthest_from"]
VOWELS: Final = frozenset("aeiou")
NUMBERS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
CLEARLY: Final = 1.1  # the one that is chosen beats the next by this factor; in metres of height by a tenth


class House(Protocol):
    """What a simulator tells of one house."""

    def object_types(self, house: int) -> Sequence[str]: ...

    def object_positions(self, house: int) -> Floats: ...

    def object_sizes(self, house: int) -> Floats: ...

    def object_rooms(self, house: int) -> Ints: ...

    def room_types(self, house: int) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one episode is about.

    Attributes:
        kind: for statistics: an object type, a room type, a purpose.
        gaps: words for the gaps of a template.
        objects, rooms: indices in the house.
        later: objects of the second target in turn, and of the third.
    """

    kind: str
    gaps: Mapping[str, str]
    objects: tuple[int, ...] = ()
    rooms: tuple[int, ...] = ()
    later: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One of several objects of a type, by how it compares with the others.

    Attributes:
        by: of size (volume of the box), height (of its centre), or distance to the nearest object of the reference's type.
        says: words with the gap {target}, and {reference} for distances.
        references: type -> words, for distances.
    """

    by: By
    says: str
    references: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """The rule of one task. Exactly one of `targets`, `purposes`, `rooms` and `points` is given, or none: then it is the whole house.

    Attributes:
        targets: object type -> words.
        in_turn: how many of them, all different, one episode is about, one after the other.
        in_rooms: room type -> words: only objects in such a room count, and the instruction names it.
        selections: how one of several is chosen; none: all of a type count.
        purposes: words ("sit on") -> object types that serve it.
        rooms: room type -> words.
        points: metres (least, greatest) from the start to a point of the floor, which the instruction gives in whole metres ahead or
            behind and to the side. Such a subject is drawn along with the start, so `of` has none.
    """

    targets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    in_rooms: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    selections: tuple[Selection, ...] = ()
    purposes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    rooms: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    points: tuple[float, float] | None = None
    in_turn: int = 1

    @property
    def gaps(self) -> frozenset[str]:
        """Gaps that every template needs; {a} may stand beside {target}, {a_2} beside {target_2}."""
        if self.purposes:
            return frozenset({"purpose"})
        if self.rooms:
            return frozenset({"room"})
        if self.points is not None:
            return frozenset({"point"})
        if not self.targets:
            return frozenset({"rooms"})
        if self.in_turn > 1:
            return frozenset(gap(turn) for turn in range(1, self.in_turn + 1))
        own = "selection" if self.selections else "target"
        return frozenset({own, "room"} if self.in_rooms else {own})

    def phrases(self) -> Iterator[Mapping[str, str]]:
        """Words for the gaps of every subject that there can be, so that each instruction can be checked."""
        yield from (gaps for gaps, _ in self.named_phrases())

    def named_phrases(self) -> Iterator[tuple[Mapping[str, str], str]]:
        """The same, each with the object type that it names; "" for none."""
        if self.purposes:
            yield from (({"purpose": words}, "") for words in self.purposes)
        elif self.rooms:
            yield from (({"room": words}, "") for words in self.rooms.values())
        elif self.points is not None:
            yield from (({"point": offset_in_words(*offset)}, "") for offset in offsets(self.points))
        elif not self.targets:
            yield from (({"rooms": words}, "") for words in NUMBERS[1:])
        elif self.in_turn > 1:
            yield from ((_in_turn(nouns), "") for nouns in itertools.permutations(self.targets.values(), self.in_turn))
        else:
            for (kind, noun), room in itertools.product(self.targets.items(), self.in_rooms.values() or ("",)):
                for words in self._said(noun):
                    yield _with_room(words, room), kind

    def of(self, simulator: House, house: int) -> list[Subject]:
        """Everything that an episode in this house can be about, in the order of the spec."""
        room_types = simulator.room_types(house)
        if self.rooms:
            there = [(kind, words, _at(room_types, (kind,))) for kind, words in self.rooms.items()]
            return [Subject(kind=kind, gaps={"room": words}, rooms=rooms) for kind, words, rooms in there if rooms]
        types = simulator.object_types(house)
        if self.purposes:
            found = [(words, _at(types, kinds)) for words, kinds in self.purposes.items()]
            return [Subject(kind=words, gaps={"purpose": words}, objects=objects) for words, objects in found if objects]
        if self.points is not None:
            return []
        if not self.targets:
            if not 0 < len(room_types) < len(NUMBERS):
                return []
            return [Subject(kind="rooms", gaps={"rooms": NUMBERS[len(room_types)]}, rooms=tuple(range(len(room_types))))]
        if self.in_turn > 1:
            there = [(kind, noun, _at(types, (kind,))) for kind, noun in self.targets.items()]
            return [
                Subject(
                    kind=", ".join(kind for kind, _, _ in chosen), gaps=_in_turn([noun for _, noun, _ in chosen]),
                    objects=chosen[0][2], later=tuple(objects for _, _, objects in chosen[1:]),
                )
                for chosen in itertools.permutations([one for one in there if one[2]], self.in_turn)
            ]  # fmt: skip
        return [
            subject
            for kind, noun in self.targets.items()
            if (objects := _at(types, (kind,)))
            for subject in self._of_type(simulator, house, kind, noun, objects)
        ]

    def _of_type(self, simulator: House, house: int, kind: str, noun: str, objects: tuple[int, ...]) -> Iterator[Subject]:
        if not self.in_rooms:
            yield from self._chosen(simulator, house, kind, noun, objects, "")
            return
        room_types, where = simulator.room_types(house), simulator.object_rooms(house)
        for room, words in self.in_rooms.items():
            inside = tuple(at for at in objects if where[at] >= 0 and room_types[where[at]] == room)
            if inside:
                yield from self._chosen(simulator, house, kind, noun, inside, words)

    def _chosen(self, simulator: House, house: int, kind: str, noun: str, objects: tuple[int, ...], room: str) -> Iterator[Subject]:
        if not self.selections:
            yield Subject(kind=kind, gaps=_with_room(named(noun), room), objects=objects)
            return
        types = simulator.object_types(house)
        for selection in self.selections:
            for reference, words in selection.references.items() or (("", ""),):
                others = _at(types, (reference,)) if reference else ()
                if len(objects) < 2 or reference == kind or (reference and not others):
                    continue
                best = _clear_best(_scores(selection.by, simulator, house, objects, others), selection.by)
                if best is not None:
                    said = selection.says.format(target=noun, reference=words)
                    yield Subject(kind=kind, gaps=_with_room({"selection": said}, room), objects=(objects[best],))

    def _said(self, noun: str) -> Iterator[Mapping[str, str]]:
        if not self.selections:
            yield named(noun)
        for selection in self.selections:
            for words in selection.references.values() or ("",):
                yield {"selection": selection.says.format(target=noun, reference=words)}


def offsets(metres: tuple[float, float]) -> list[tuple[int, int]]:
    """(forward, right) in whole metres, as far from the start as (least, greatest) allow."""
    most = min(int(metres[1]), len(NUMBERS) - 1)
    every = itertools.product(range(-most, most + 1), repeat=2)
    return [(forward, right) for forward, right in every if metres[0] <= math.hypot(forward, right) <= metres[1]]


def offset_in_words(forward: int, right: int) -> str:
    """'three in front and two to the right'."""
    parts = [f"{NUMBERS[abs(forward)]} {'in front' if forward > 0 else 'behind'}"] if forward else []
    parts += [f"{NUMBERS[abs(right)]} to the {'right' if right > 0 else 'left'}"] if right else []
    return " and ".join(parts)


def named(noun: str) -> Mapping[str, str]:
    """Words of an object type with its article."""
    return {"target": noun, "a": "an" if noun[0] in VOWELS else "a"}


def gap(turn: int, name: str = "target") -> str:
    """The gap for a target in turn: target, target_2, target_3; for another name likewise."""
    return name if turn == 1 else f"{name}_{turn}"


def _in_turn(nouns: Sequence[str]) -> Mapping[str, str]:
    """Words of several targets with their articles."""
    return {gap(turn, name): words for turn, noun in enumerate(nouns, 1) for name, words in named(noun).items()}


def _with_room(gaps: Mapping[str, str], room: str) -> Mapping[str, str]:
    return {**gaps, "room": room} if room else gaps


def _at(types: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...]:
    return tuple(at for at, name in enumerate(types) if name in wanted)


def _volume(simulator: House, house: int, objects: Sequence[int], others: Sequence[int]) -> Floats:
    del others
    return np.asarray(np.prod(simulator.object_sizes(house)[list(objects)], axis=1))


def _height(simulator: House, house: int, objects: Sequence[int], others: Sequence[int]) -> Floats:
    del others
    return np.asarray(simulator.object_positions(house)[list(objects), 1])


def _distance(simulator: House, house: int, objects: Sequence[int], others: Sequence[int]) -> Floats:
    places = simulator.object_positions(house)[:, [0, 2]]
    return np.asarray(np.linalg.norm(places[list(objects), None] - places[None, list(others)], axis=2).min(axis=1))


_MEASURES: Final[Mapping[By, tuple[Callable[[House, int, Sequence[int], Sequence[int]], Floats], bool]]] = MappingProxyType(
    {
        "largest": (_volume, True),
        "smallest": (_volume, False),
        "highest": (_height, True),
        "lowest": (_height, False),
        "closest_to": (_distance, False),
        "furthest_from": (_distance, True),
    }
)


def _scores(by: By, simulator: House, house: int, objects: Sequence[int], others: Sequence[int]) -> Floats:
    measure, _ = _MEASURES[by]
    return measure(simulator, house, objects, others)


def _clear_best(scores: Floats, by: By) -> int | None:
    """Index of the one that is chosen, unless another comes close: an instruction has to mean one object."""
    _, wants_most = _MEASURES[by]
    order = np.argsort(-scores if wants_most else scores, kind="stable")
    first, second = float(scores[order[0]]), float(scores[order[1]])
    low, high = min(first, second), max(first, second)
    clear = high - low >= CLEARLY - 1.0 if by in ("highest", "lowest") else high > CLEARLY * low
    return int(order[0]) if clear and not math.isclose(low, high) else None
