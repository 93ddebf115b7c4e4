"""The reader, against the three real houses and numbers worked by hand."""

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest

from flare_core.errors import HouseError
from flare_core.houses.geometry import is_inside, signed_area, upright_size
from flare_core.houses.house import House
from flare_core.houses.procthor import hole_points, parse_house, read_house
from flare_core.houses.surfaces import footprint
from flare_core.houses.validate import is_free, room_reach

REAL = Path(__file__).parent.parent / "data" / "houses"


def raw(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((REAL / f"{name}.json").read_text())
    return data


def test_real_houses_have_the_counts_of_their_files(real_houses: dict[str, House]) -> None:
    counts = {
        name: (len(h.rooms), len(h.walls), sum(w.room == "exterior" for w in h.walls), len(h.openings), len(h.objects))
        for name, h in real_houses.items()
    }
    # rooms, walls, of which exterior, doors + windows, objects with children
    assert counts == {
        "house_3703": (2, 18, 8, 2 + 1, 15 + 24),
        "house_746": (4, 30, 10, 4 + 5, 36 + 28),
        "procthor_train_4": (4, 38, 14, 3 + 4, 41 + 56),
    }


def test_concave_floor_has_its_area_by_hand(real_houses: dict[str, House]) -> None:
    kitchen = real_houses["house_3703"].rooms[0]
    # the L of room|2: 3.768 x 3.768 and below it, from x = 3.768 to 5.652, 1.884 x 1.884
    assert abs(signed_area(kitchen.polygon)) == pytest.approx(3.768**2 + 1.884**2)
    assert is_inside((5.0, 1.0), kitchen.polygon)
    assert not is_inside((2.5, 1.0), kitchen.polygon)  # the corner that the L leaves out


def test_a_door_hole_counts_from_the_first_point_of_wall0(real_houses: dict[str, House]) -> None:
    door = real_houses["house_3703"].openings[0]
    # wall0 = wall|3|1.88|1.88|1.88|5.65 runs from (1.884, 5.652) to (1.884, 1.884); the hole from 1.6604 to 3.6256 m along it
    assert door.id == "door|2|3"
    assert door.start == pytest.approx((1.884, 5.652 - 1.6604320600071991))
    assert door.end == pytest.approx((1.884, 5.652 - 3.625578959230527))
    assert (door.low_m, door.high_m) == (0, 2.099397659301758)


@pytest.mark.parametrize("name", ["house_3703", "house_746", "procthor_train_4"])
def test_both_walls_of_a_hole_give_the_same_place_in_the_world(name: str, real_houses: dict[str, House]) -> None:
    walls = {wall.id: wall for wall in real_houses[name].walls}
    data = raw(name)
    for hole in (*data["doors"], *data["windows"]):
        low, high = hole.get("holePolygon") or (hole["boundingBox"]["min"], hole["boundingBox"]["max"])
        one, other = walls[hole["wall0"]], walls[hole["wall1"]]
        assert (one.start, one.end) == (other.end, other.start)  # exterior walls too, which list the ceiling first
        seen = hole_points(one.start, one.end, low["x"], high["x"], mirrored=False)
        mirrored = hole_points(other.start, other.end, low["x"], high["x"], mirrored=True)
        assert [value for point in seen for value in point] == pytest.approx([value for point in mirrored for value in point])


def test_mirroring_by_hand() -> None:
    # a wall of 4 m along x; a hole from 0.5 to 1.5 m along wall0
    assert hole_points((0.0, 2.0), (4.0, 2.0), 0.5, 1.5, mirrored=False) == ((0.5, 2.0), (1.5, 2.0))
    assert hole_points((4.0, 2.0), (0.0, 2.0), 0.5, 1.5, mirrored=True) == ((0.5, 2.0), (1.5, 2.0))
    assert hole_points((4.0, 2.0), (0.0, 2.0), 0.5, 1.5, mirrored=False) == ((3.5, 2.0), (2.5, 2.0))  # the wrong reading


def test_no_furniture_stands_in_a_doorway_and_the_wrong_reading_would_put_some_there(real_houses: dict[str, House]) -> None:
    """The hole of house_3703's inner door, read from the other end of its wall, would hold the fridge."""
    house = real_houses["house_3703"]
    door = house.openings[0]
    fridge = next(thing for thing in house.objects if thing.type == "Fridge")
    span = (fridge.position[2] - fridge.size[0] / 2, fridge.position[2] + fridge.size[0] / 2)  # it is turned by 90 degrees
    low, high = sorted((door.start[1], door.end[1]))
    assert not (span[0] < high and low < span[1])
    wrong = sorted((1.884 + 1.6604, 1.884 + 3.6256))
    assert span[0] < wrong[1]
    assert wrong[0] < span[1]


def test_doors_frames_and_windows_are_told_apart(real_houses: dict[str, House]) -> None:
    kinds = {opening.id: (opening.kind, opening.openness) for opening in real_houses["house_746"].openings}
    assert kinds["door|4|5"] == ("door", 1.0)
    assert kinds["door|6|7"] == ("frame", 1.0)  # a frame says no openness in the file: it has no leaf
    assert kinds["door|1|6"] == ("door", 0.0)  # the front door
    assert kinds["window|6|0"] == ("window", 0.0)
    outside = [opening for opening in real_houses["house_746"].openings if opening.id == "door|1|6"]
    assert outside[0].rooms == ("room|6", "room|6")


def test_empty_walls_are_open_on_both_sides(real_houses: dict[str, House]) -> None:
    missing = [wall.id for wall in real_houses["procthor_train_4"].walls if wall.is_open]
    assert missing == ["wall|6|0.00|4.20|8.39|4.20", "wall|7|0.00|4.20|8.39|4.20"]


def test_exterior_walls_of_the_old_schema_belong_to_no_room(real_houses: dict[str, House]) -> None:
    data = raw("house_746")
    assert all(wall["roomId"].startswith("room|") for wall in data["walls"])  # what the file says
    outer = [wall for wall in real_houses["house_746"].walls if wall.id.startswith("wall|exterior")]
    assert len(outer) == 10
    assert all(wall.room == "exterior" for wall in outer)


def test_children_know_what_they_stand_on(real_houses: dict[str, House]) -> None:
    egg = next(thing for thing in real_houses["house_3703"].objects if thing.type == "Egg")
    assert egg.parent == "Fridge|2|1"
    assert egg.room == "room|2"


def test_every_object_lies_in_the_room_that_its_id_names(real_houses: dict[str, House]) -> None:
    for name in ("house_3703", "procthor_train_4"):  # "Type|room|n" and "Type|surface|room|n"
        for thing in real_houses[name].objects:
            parts = thing.id.split("|")
            assert thing.room == f"room|{parts[2] if parts[1] == 'surface' else parts[1]}", thing.id


def test_floor_objects_stand_on_the_floor_because_positions_are_box_centres(real_houses: dict[str, House]) -> None:
    fridge = next(thing for thing in real_houses["house_3703"].objects if thing.type == "Fridge")
    assert fridge.position[1] == pytest.approx(fridge.size[1] / 2, abs=1e-3)


def test_what_lies_on_a_counter_lies_on_its_runs(real_houses: dict[str, House]) -> None:
    """Yaw is clockwise, an asset's back is its -z side: else things of the C-shaped counters would float in the gap."""
    seen = 0
    for house in real_houses.values():
        named = {thing.id: thing for thing in house.objects}
        for thing in house.objects:
            owner = named.get(thing.parent or "")
            if owner is None or "Countertop_C" not in owner.asset_id:
                continue
            yaw = math.radians(owner.rotation[1])
            dx, dz = thing.position[0] - owner.position[0], thing.position[2] - owner.position[2]
            x, z = math.cos(yaw) * dx - math.sin(yaw) * dz, math.sin(yaw) * dx + math.cos(yaw) * dz
            runs = footprint("CounterTop", owner.asset_id, owner.size)
            assert any(a - 0.1 <= x <= c + 0.1 and b - 0.1 <= z <= d + 0.1 for a, b, c, d in runs), thing.id
            seen += 1
    assert seen == 27


@pytest.mark.parametrize(("name", "room"), [("house_3703", "room|2"), ("house_746", "room|5"), ("procthor_train_4", "room|6")])
def test_the_agent_of_a_real_house_stands_free_in_the_right_room(name: str, room: str, real_houses: dict[str, House]) -> None:
    house = real_houses[name]
    assert house.agent is not None
    x, z, _ = house.agent
    assert [r.id for r in house.rooms if is_inside((x, z), r.polygon)] == [room]
    assert is_free(house, x, z, 0.3)


def test_the_agent_of_train_4_stands_in_the_gap_of_a_c_shaped_counter(real_houses: dict[str, House]) -> None:
    """The control: taken as a full box, the counter would hold the agent; turned round, one of its runs would."""
    house = real_houses["procthor_train_4"]
    counter = next(thing for thing in house.objects if thing.type == "CounterTop")
    assert house.agent is not None
    dx, dz = house.agent[0] - counter.position[0], house.agent[1] - counter.position[2]
    assert abs(dx) < counter.size[0] / 2  # turned by 180 degrees, so x and z keep their lengths
    assert abs(dz) < counter.size[2] / 2
    assert is_free(house, house.agent[0], house.agent[1], 0.3)
    assert not is_free(house, house.agent[0], counter.position[2] + counter.size[2] / 2 - 0.3, 0.3)  # its back run


def test_all_rooms_of_the_real_houses_hang_together_for_a_slim_body(real_houses: dict[str, House]) -> None:
    for house in real_houses.values():
        for room, (free, reached) in room_reach(house, 0.18).items():
            assert reached > 0.95 * free > 0.0, (house.id, room)


def test_tilted_things_keep_their_rotation_and_have_an_upright_box(real_houses: dict[str, House]) -> None:
    bat = next(thing for thing in real_houses["house_746"].objects if thing.type == "BaseballBat")
    assert bat.rotation == (18.692420959472656, 210.60757446289062, 25.274513244628906)
    assert upright_size((1.0, 2.0, 3.0), (0.0, 45.0, 0.0)) == (1.0, 2.0, 3.0)
    assert upright_size((1.0, 2.0, 3.0), (0.0, 0.0, 90.0)) == pytest.approx((2.0, 1.0, 3.0))
    assert upright_size((1.0, 2.0, 3.0), (90.0, 0.0, 0.0)) == pytest.approx((1.0, 3.0, 2.0))
    # z first, then x: (1, 2, 3) -> (2, 1, 3) -> (2, 3, 1)
    assert upright_size((1.0, 2.0, 3.0), (90.0, 0.0, 90.0)) == pytest.approx((2.0, 3.0, 1.0))


def test_a_file_of_either_schema_can_mix_both_forms_of_a_hole() -> None:
    data = raw("house_3703")
    before = parse_house(copy.deepcopy(data), "h").openings[0]
    low, high = data["doors"][0].pop("holePolygon")
    data["doors"][0]["boundingBox"] = {"min": low, "max": high}
    assert parse_house(data, "h").openings[0] == before


def test_all_faults_are_told_at_once_with_their_key_paths() -> None:
    data = raw("house_3703")
    data["metadata"]["schema"] = "2.0.0"
    data["rooms"][1]["floorPolygon"][2]["x"] = "wide"
    data["walls"][3]["roomId"] = "room|9"
    data["doors"][0]["wall0"] = "wall|x"
    data["objects"][0]["children"][2]["assetId"] = "Vase_Nobody_Has"
    with pytest.raises(HouseError) as caught:
        parse_house(data, "my.json")
    assert str(caught.value).splitlines() == [
        "my.json: metadata.schema: '2.0.0' is not known. Use '1.0.0' or '0.0.1'",
        "my.json: rooms[1].floorPolygon[2].x: 'wide' where a finite number is needed",
        "my.json: walls[3].roomId: there is no room 'room|9'",
        "my.json: doors[0].wall0: there is no wall 'wall|x'",
        "my.json: objects[0].children[2].assetId: 'Vase_Nobody_Has' is not in the asset table, so its size is not known",
    ]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("rooms", [], "my.json: rooms: there is no room"),
        ("rooms", None, "my.json: rooms: nothing where a list [...] is needed"),
        ("walls", {}, "my.json: walls: {} where a list [...] is needed"),
        ("objects", [3], "my.json: objects[0]: 3 where an object {...} is needed"),
    ],
)
def test_a_wrong_shape_is_a_message(key: str, value: Any, message: str) -> None:
    data = raw("house_3703")
    data["doors"], data["windows"], data["objects"] = [], [], []
    data[key] = value
    with pytest.raises(HouseError) as caught:
        parse_house(data, "my.json")
    assert message in str(caught.value).splitlines()


def test_a_hole_that_leaves_its_wall_is_refused() -> None:
    data = raw("house_3703")
    data["doors"][0]["holePolygon"][1]["x"] = 9.0
    with pytest.raises(HouseError, match=r"doors\[0\]: its hole runs from 1\.66 to 9\.00 m along .* which is 3\.77 m long"):
        parse_house(data, "my.json")


def test_a_polygon_that_crosses_itself_is_refused() -> None:
    data = raw("house_3703")
    points = data["rooms"][1]["floorPolygon"]
    points[1], points[2] = points[2], points[1]
    with pytest.raises(HouseError, match=r"rooms\[1\]\.floorPolygon: (crosses itself|has no area)"):
        parse_house(data, "my.json")


def test_repeated_ids_are_refused() -> None:
    data = raw("house_3703")
    data["objects"].append(data["objects"][1])
    with pytest.raises(HouseError, match=r"objects: the id 'Fridge\|2\|1' stands twice"):
        parse_house(data, "my.json")


def test_bottomless_children_end_in_a_message() -> None:
    data = raw("house_3703")
    thing: dict[str, Any] = {"id": "x", "assetId": "Egg_27", "position": {"x": 1.0, "y": 1.0, "z": 3.0}}
    for at in range(300):
        thing = {**thing, "id": f"x{at}", "children": [thing]}
    data["objects"] = [thing]
    with pytest.raises(HouseError, match="children are nested more than 16 deep"):
        parse_house(data, "my.json")


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\xfe\x00", b"null", b'{"rooms": NaN}', b"[" * 100000])
def test_what_is_no_house_is_a_message(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(HouseError, match=r"broken\.json"):
        read_house(path)


def test_a_missing_file_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(HouseError, match=r"none\.json: cannot be read \(No such file or directory\)\. Check the path"):
        read_house(tmp_path / "none.json")
