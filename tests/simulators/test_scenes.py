"""Shapes, scenes, packs and their cache."""

from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest

from flare_core.errors import HouseError, SimError
from flare_core.houses import assets
from flare_core.houses.generate import generate_house
from flare_core.houses.house import House
from flare_core.houses.procthor import parse_house, read_house
from flare_core.simulators.embedded import cache
from flare_core.simulators.embedded.cache import load_pack, read_pack, write_pack
from flare_core.simulators.embedded.catalogue import CATALOGUE, template
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.geometry import rectangles, triangles
from flare_core.simulators.embedded.pack import ScenePack, pack
from flare_core.simulators.embedded.palettes import PALETTES, colour_of
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from tests.simulators.scenes import L_SHAPE, at, body, house, thing, two_rooms

REAL = sorted((Path(__file__).parents[1] / "data" / "houses").glob("*.json"))
TARGETS = (
    "AlarmClock", "Apple", "BasketBall", "Bed", "Bowl", "Chair", "GarbageCan", "HousePlant", "Laptop", "Mug", "Sofa", "SprayBottle",
    "Television", "Toilet", "Vase",
)  # fmt: skip


@pytest.mark.parametrize("kind", sorted({*assets.types(), *TARGETS}))
def test_every_shape_lies_in_the_box_of_its_assets(kind: str) -> None:
    for one in assets.by_type(kind)[:5]:
        shape = template(kind, one.size, ())
        assert len(shape.face_part) >= 4
        low, high = shape.centre - shape.half, shape.centre + shape.half
        assert low.min() >= -0.51
        assert (low[:, 1] >= -0.01).all()
        assert (high.max(axis=0) <= np.array([0.51, 1.01, 0.51])).all()
        assert (shape.half > 0).all()
        assert high[:, 1].max() > 0.8


def test_targets_have_shapes_of_their_own() -> None:
    shapes = [CATALOGUE[kind].shape for kind in TARGETS]
    others = [look.shape for kind, look in CATALOGUE.items() if kind not in TARGETS and kind != "LaundryHamper"]
    assert len(set(map(id, shapes))) == len(TARGETS)
    assert not {id(shape) for shape in shapes} & {id(shape) for shape in others}


def test_colours_overlap_between_categories_and_stay_with_the_asset() -> None:
    used = [CATALOGUE[kind].palettes[0] for kind in TARGETS]
    shared = [kind for kind in used if used.count(kind) > 1]
    assert len(shared) >= 8
    assert colour_of("Mug_1", "ceramic") == colour_of("Mug_1", "ceramic")
    assert len({colour_of(f"Mug_{number}", "ceramic") for number in range(20)}) == 20
    assert all(0 <= channel <= 1 for name in PALETTES for channel in colour_of("x", name))


def test_faces_that_other_parts_cover_are_dropped() -> None:
    cube, stack = template("Crate", (1.0, 1.0, 1.0), ()), template("Mug", (0.1, 0.1, 0.1), ())
    assert len(cube.face_part) == 6
    assert len(stack.face_part) < 6 * len(stack.slot)


def test_a_carrier_has_a_board_under_what_stands_on_it() -> None:
    table = thing("Desk", (0.0, 0.5, 0.0), (1.0, 1.0, 0.6), ident="desk")
    mug = thing("Mug", (0.0, 0.75, 0.0), (0.1, 0.1, 0.1))
    on = House(
        id="t",
        rooms=(),
        walls=(),
        openings=(),
        objects=(table, mug.__class__(**{**{f: getattr(mug, f) for f in mug.__slots__}, "parent": "desk"})),
    )
    scene = compile_scene(on)
    tops = scene.boxes[scene.box_object == 0][:, 1] + scene.boxes[scene.box_object == 0][:, 4]
    assert tops.max() == pytest.approx(0.70)
    mugs = scene.boxes[scene.box_object == 1]
    assert (mugs[:, 1] - mugs[:, 4]).min() == pytest.approx(0.70)


def test_rectangles_tile_an_l_shape_and_triangles_a_slanted_one() -> None:
    tiles = rectangles(L_SHAPE)
    assert tiles is not None
    assert sum((x1 - x0) * (z1 - z0) for x0, z0, x1, z1 in tiles) == pytest.approx(27.0)
    slanted = ((0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 1.0), (0.0, 4.0))
    assert rectangles(slanted) is None
    areas = [abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) / 2 for a, b, c in triangles(slanted)]
    assert sum(areas) == pytest.approx(10.0)


def test_a_wall_between_two_rooms_is_solid_once_and_seen_from_both() -> None:
    scene = compile_scene(two_rooms())
    between = np.abs(scene.boxes[:, 2] - 4.0) < 1e-6
    walls = scene.boxes[between & (scene.boxes[:, 5] < 0.02)]
    assert sorted(walls[:, 0].round(2).tolist()) == [-1.75, 0.0, 1.75]  # left, above the door, right
    assert scene.portals.shape == (1, 8)
    assert scene.portals[0].tolist() == pytest.approx([0, 1, -0.5, 4, 0.5, 4, 0, 2.1]) or scene.portals[0, 2] == pytest.approx(0.5)


def test_agents_of_the_real_houses_stand_free_and_in_their_room() -> None:
    for path in REAL:
        home = read_house(path)
        assert home.agent is not None
        simulator = EmbeddedSimulator([home], body(), 1, 0)
        at(simulator, home.agent[0], home.agent[1], np.radians(home.agent[2]))
        x, z, yaw = (np.array([value]) for value in (home.agent[0], home.agent[1], np.radians(home.agent[2])))
        assert simulator.free(np.zeros(1, np.int64), x, z, yaw)[0], path.name
        assert simulator.world().room[0] >= 0


def test_an_empty_house_and_a_number_that_is_none_are_refused() -> None:
    with pytest.raises(HouseError, match="needs a room or an object"):
        compile_scene(House(id="t", rooms=(), walls=(), openings=(), objects=()))
    with pytest.raises(HouseError, match="not a finite number"):
        compile_scene(house(thing("Crate", (float("nan"), 0.0, 0.0), (1.0, 1.0, 1.0))))
    with pytest.raises(SimError, match="at least one"):
        pack([])


def same(one: ScenePack, other: ScenePack) -> bool:
    pairs = [(getattr(one.faces, name), getattr(other.faces, name)) for name in one.faces._fields]
    pairs += [(one.boxes, other.boxes), (one.object_box, other.object_box), (one.material_colour, other.material_colour)]
    return one.object_types == other.object_types and all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


def test_a_cached_pack_is_the_pack_that_was_made(tmp_path: Path) -> None:
    made = load_pack("val", 2, folder=tmp_path, workers=1)
    found = load_pack("val", 2, folder=tmp_path, workers=1)
    assert same(made, found)
    assert found.names == ("val-1000000000", "val-1000000001")
    first = compile_scene(parse_house(generate_house(1_000_000_000, "val"), "val-1000000000"))
    assert same(load_pack("val", 1, folder=tmp_path, workers=1), pack([first]))


def test_houses_are_made_here_where_no_process_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise BrokenProcessPool("a script from a pipe")

    monkeypatch.setattr(cache, "ProcessPoolExecutor", broken)
    monkeypatch.setattr(cache, "CHUNK", 1)
    assert load_pack("val", 2, folder=tmp_path, workers=2).names == ("val-1000000000", "val-1000000001")


def test_packs_of_older_sources_do_not_pile_up(tmp_path: Path) -> None:
    for number in range(5):
        write_pack(pack([compile_scene(two_rooms())]), tmp_path / f"val-1-{number}")
    write_pack(pack([compile_scene(two_rooms())]), tmp_path / "val-10-other")
    load_pack("val", 1, folder=tmp_path, workers=1)
    left = sorted(folder.name for folder in tmp_path.iterdir())
    assert len(left) == 4
    assert "val-10-other" in left
    load_pack("val", 1, folder=tmp_path, workers=1)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == left


def test_a_folder_that_cannot_be_written_is_not_needed_and_a_damaged_pack_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert load_pack("val", 1, folder=blocked, workers=1).house_count == 1
    write_pack(pack([compile_scene(two_rooms())]), tmp_path / "home")
    (tmp_path / "home" / "boxes.npy").write_bytes(b"no array")
    with pytest.raises(SimError, match="Delete the folder"):
        read_pack(tmp_path / "home")
    with pytest.raises(SimError, match="at least 1 is needed"):
        load_pack("val", 0)
