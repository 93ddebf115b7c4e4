"""The generator: valid documents, reachable rooms, splits that share nothing, and the same house for the same seed."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flare_core.errors import HouseError
from flare_core.houses import assets
from flare_core.houses.clutter import TARGETS
from flare_core.houses.generate import generate_house, generator_hash, house_seeds
from flare_core.houses.geometry import is_inside, signed_area, turned_extent
from flare_core.houses.house import House, HouseObject
from flare_core.houses.procthor import parse_house
from flare_core.houses.validate import document_faults, is_free, room_reach

Houses = dict[str, list[House]]
Documents = dict[str, list[dict[str, Any]]]


def test_the_generator_is_the_one_that_was_frozen() -> None:
    """Results of different policies compare only on the same houses. A change on purpose writes the new hash into the file."""
    frozen = Path(assets.__file__).with_name("generator.sha256").read_text().split()[0]
    assert generator_hash() == frozen


def test_the_same_seed_gives_the_same_house() -> None:
    one, other = (json.dumps(generate_house(5, "train")) for _ in range(2))
    assert one == other
    assert one != json.dumps(generate_house(6, "train"))
    assert one != json.dumps(generate_house(5, "val"))


def test_no_two_splits_share_a_seed() -> None:
    seeds = {split: set(house_seeds(split, 5000)) for split in assets.SPLITS}
    assert all(len(rows) == 5000 for rows in seeds.values())
    assert len(set.union(*seeds.values())) == 15000
    largest = house_seeds("train", 1_000_000_000)[-1]
    assert largest < house_seeds("val", 1)[0]


def test_assets_are_those_of_the_split_or_shared_by_all(generated: Houses, documents: Documents) -> None:
    used: dict[str, set[str]] = {}
    for split, houses in generated.items():
        names = {thing.asset_id for house in houses for thing in house.objects}
        assert {assets.asset(name).split for name in names} <= {split, None}
        used[split] = {name for name in names if assets.asset(name).split is not None}
        doors = {hole["assetId"] for data in documents[split] for key in ("doors", "windows") for hole in data[key]}
        assert {assets.asset(name).split for name in doors} == {split}
    assert not used["train"] & used["test"]
    assert not used["train"] & used["val"]
    assert len(used["train"]) > 300  # many assets, not a few again and again


@pytest.mark.parametrize("split", assets.SPLITS)
def test_documents_are_valid_for_create_house(split: str, documents: Documents) -> None:
    for data in documents[split]:
        assert document_faults(json.loads(json.dumps(data))) == ()


def test_the_check_for_create_house_sees_what_is_wrong(documents: Documents) -> None:
    data = json.loads(json.dumps(documents["train"][0]))
    polygon = data["walls"][0]["polygon"]
    data["walls"][0]["polygon"] = polygon[2:] + polygon[:2]
    data["walls"][1]["material"] = {"name": "Velvet"}
    data["doors"][0]["wall1"] = data["doors"][0]["wall0"]
    del data["metadata"]["agentPoses"]["locobot"]
    assert document_faults(data) == (
        "walls[0]: polygon is not the floor pair and then the ceiling pair above it",
        "doors[0]: wall0 and wall1 are not the same stretch in opposite order",
        "material 'Velvet' is not in the material table",
        "metadata.agentPoses.locobot: is missing",
    )


@pytest.mark.parametrize("split", assets.SPLITS)
def test_every_room_is_reached_by_the_body_that_was_asked_for(split: str, generated: Houses) -> None:
    for house in generated[split]:
        for room, (free, reached) in room_reach(house, 0.30).items():
            assert reached > max(0.5, 0.5 * free), (house.id, room)


def test_a_shut_door_shuts_its_room_off() -> None:
    """The control: the same check fails as soon as the only door of a room is closed."""
    data = next(
        data
        for data in (generate_house(seed, "train") for seed in range(100, 140))
        if len(data["rooms"]) > 2 and not any(wall.get("empty") for wall in data["walls"])
    )
    for door in data["doors"]:
        door["assetId"], door["openness"] = "Doorway_1", 0.0
    assert min(reached for _, reached in room_reach(parse_house(data, "shut"), 0.30).values()) == 0.0


@pytest.mark.parametrize("split", assets.SPLITS)
def test_the_agent_stands_free_in_a_room(split: str, generated: Houses) -> None:
    for house in generated[split]:
        assert house.agent is not None
        assert is_free(house, house.agent[0], house.agent[1], 0.30), house.id


@pytest.mark.parametrize("split", assets.SPLITS)
def test_floor_plans_are_as_asked(split: str, generated: Houses) -> None:
    for house in generated[split]:
        areas = [abs(signed_area(room.polygon)) for room in house.rooms]
        assert 2 <= len(areas) <= 6
        assert 58.0 <= sum(areas) <= 150.0
        assert 2.5 <= house.walls[0].height_m <= 3.0
    concave = sum(len(set(room.polygon)) > 4 for house in generated[split] for room in house.rooms)
    assert concave > 20


def test_houses_hold_forty_to_ninety_things_and_eight_to_thirteen_target_categories(generated: Houses) -> None:
    for house in (house for houses in generated.values() for house in houses):
        kinds = Counter(thing.type for thing in house.objects)
        assert 40 <= len(house.objects) <= 95, house.id
        assert 8 <= sum(kind in kinds for kind in TARGETS) <= 13, house.id


def test_no_target_is_in_every_house_or_rare(generated: Houses) -> None:
    houses = [house for rows in generated.values() for house in rows]
    for kind in TARGETS:
        share = sum(any(thing.type == kind for thing in house.objects) for house in houses) / len(houses)
        assert 0.4 < share < 0.995, kind


def test_targets_are_spread_over_rooms_and_heights(generated: Houses) -> None:
    """What is looked for stands in every type of room, on furniture as well as on the floor."""
    small = [
        (house, thing)
        for rows in generated.values()
        for house in rows
        for thing in house.objects
        if thing.type in ("Apple", "Mug", "Vase", "HousePlant", "BasketBall", "Bowl", "AlarmClock")
    ]
    rooms = Counter(room.type for house, thing in small for room in house.rooms if room.id == thing.room)
    assert all(rooms[kind] > 0.03 * len(small) for kind in ("Kitchen", "LivingRoom", "Bedroom", "Bathroom")), rooms
    on = Counter(next((t.type for t in house.objects if t.id == thing.parent), "floor") for house, thing in small)
    assert len(on) > 8
    assert max(on.values()) < 0.4 * len(small), on


def test_everything_lies_in_a_room_and_rests_on_what_holds_it(generated: Houses) -> None:
    for house in (house for houses in generated.values() for house in houses):
        named = {thing.id: thing for thing in house.objects}
        for thing in house.objects:
            assert thing.room is not None, (house.id, thing.id)
            bottom = thing.position[1] - thing.size[1] / 2
            if thing.parent is not None:
                owner = named[thing.parent]
                wide, deep = turned_extent(owner.size, owner.rotation[1])
                assert abs(thing.position[0] - owner.position[0]) <= wide / 2
                assert abs(thing.position[2] - owner.position[2]) <= deep / 2
                assert 0.12 < bottom <= owner.position[1] + owner.size[1] / 2 + 0.01
            elif thing.type != "Painting":
                assert bottom == pytest.approx(0.0, abs=1e-3)


def _corners(thing: HouseObject) -> list[tuple[float, float]]:
    wide, deep = turned_extent(thing.size, thing.rotation[1])
    x, _, z = thing.position
    return [(x + i * wide / 2, z + j * deep / 2) for i in (-1, 1) for j in (-1, 1)]


def test_furniture_stays_within_its_room_and_clear_of_other_furniture(generated: Houses) -> None:
    for house in generated["train"]:
        rooms = {room.id: room.polygon for room in house.rooms}
        floor = [thing for thing in house.objects if thing.parent is None and thing.type != "Painting"]
        for at, thing in enumerate(floor):
            assert all(is_inside(corner, rooms[thing.room or ""]) for corner in _corners(thing)), (house.id, thing.id)
            for other in floor[at + 1 :]:
                if "Chair" in (thing.type, other.type):
                    continue  # a chair reaches under its table
                (ax, az), (bx, bz) = _corners(thing)[0], _corners(thing)[-1]
                (cx, cz), (dx, dz) = _corners(other)[0], _corners(other)[-1]
                assert not (ax < dx - 1e-3 and cx < bx - 1e-3 and az < dz - 1e-3 and cz < bz - 1e-3), (thing.id, other.id)


def test_beds_stand_with_their_head_to_a_wall(generated: Houses) -> None:
    """The back of an asset is its -z side: half its depth behind the centre there is a wall, before it there is room."""
    offset = {0: (0.0, -1.0), 90: (-1.0, 0.0), 180: (0.0, 1.0), 270: (1.0, 0.0)}
    for house in generated["train"]:
        rooms = {room.id: room.polygon for room in house.rooms}
        for bed in (thing for thing in house.objects if thing.type == "Bed"):
            dx, dz = offset[round(bed.rotation[1])]
            reach = bed.size[2] / 2 + 0.1
            assert not is_inside((bed.position[0] + reach * dx, bed.position[2] + reach * dz), rooms[bed.room or ""])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**40), split=st.sampled_from(assets.SPLITS), radius=st.floats(0.1, 0.34))
def test_any_seed_and_body_gives_a_house_that_it_can_walk(seed: int, split: str, radius: float) -> None:
    data = generate_house(seed, split, body_radius_m=radius)
    assert document_faults(data) == ()
    assert all(reached > 0.5 for _, reached in room_reach(parse_house(data, "any"), radius).values())


@pytest.mark.parametrize(
    ("seed", "split", "radius", "message"),
    [
        (0, "dev", 0.3, "houses: no split 'dev'. Use 'train', 'val' or 'test'"),
        (-1, "train", 0.3, "houses: seed -1 is negative. Use 0 or more"),
        (0, "train", 0.5, "houses: a body of radius 0.5 m does not go through doors of 1 m. Use up to 0.34 m"),
    ],
)
def test_what_cannot_be_generated_is_refused(seed: int, split: str, radius: float, message: str) -> None:
    with pytest.raises(HouseError) as caught:
        generate_house(seed, split, body_radius_m=radius)
    assert str(caught.value) == message
