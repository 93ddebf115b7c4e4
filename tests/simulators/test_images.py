"""Images: signs and geometry from hand-made scenes, and exactness against an independent ray caster."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flare_core.embodiments.body import Camera, Footprint, Jitter, Noise, OtherMounts
from flare_core.houses.house import House, Opening, Room
from flare_core.houses.procthor import read_house
from flare_core.simulators.embedded.cameras import rotations
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.pack import ScenePack, pack
from flare_core.simulators.embedded.portals import flood
from flare_core.simulators.embedded.scene import OWN_ID
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from tests.simulators.reference import cast
from tests.simulators.scenes import (
    EXTEND,
    FORWARD,
    L_SHAPE,
    LIFT,
    PAN_RIGHT,
    TILT_DOWN,
    TURN_RIGHT,
    WRIST,
    act,
    at,
    body,
    eye,
    house,
    room,
    thing,
    two_rooms,
    walls,
)

REAL = sorted((Path(__file__).parents[1] / "data" / "houses").glob("*.json"))
CRATE = house(thing("Crate", (1.0, 1.0, 3.0), (0.2, 0.2, 0.2)))


def middle_of(ids: np.ndarray, ident: int) -> tuple[float, float]:
    """Mean column and row of the pixels that show an object."""
    rows, columns = np.nonzero(ids == ident)
    assert len(rows)
    return float(columns.mean()), float(rows.mean())


def look(simulator: EmbeddedSimulator, width: int = 64, height: int = 48) -> tuple[float, float]:
    return middle_of(simulator.frames("eye", width, height)[2][0], 0)


def test_a_box_stands_where_the_pinhole_model_puts_it() -> None:
    simulator = EmbeddedSimulator([CRATE], body(eye(up_m=1.0, focal=50.0)), 1, 0)
    at(simulator, 0.0, 0.0)
    column, row = look(simulator)
    assert column + 0.5 == pytest.approx(32 + 50 * 1.0 / 2.9, abs=1.0)  # right of the axis: right in the image
    assert row + 0.5 == pytest.approx(24.0, abs=1.0)
    wide, high = look(simulator, 128, 96)  # intrinsics scale with the size
    assert wide == pytest.approx(2 * column + 0.5, abs=1.0)
    assert high == pytest.approx(2 * row + 0.5, abs=1.0)


def test_the_principal_point_moves_the_image() -> None:
    for cx, cy in ((32.0, 24.0), (20.0, 24.0), (32.0, 10.0)):
        simulator = EmbeddedSimulator([CRATE], body(eye(cx=cx, cy=cy)), 1, 0)
        at(simulator, 0.0, 0.0)
        column, row = look(simulator)
        assert (column + 0.5, row + 0.5) == pytest.approx((cx + 50 / 2.9, cy), abs=1.0)


def test_signs_of_height_pitch_pan_and_yaw() -> None:
    high = house(thing("Crate", (0.0, 1.5, 3.0), (0.2, 0.2, 0.2)))
    simulator = EmbeddedSimulator([high], body(), 1, 0)
    at(simulator, 0.0, 0.0)
    column, row = look(simulator)
    assert row < 20  # above the axis: near the top row
    act(simulator, PAN_RIGHT)
    assert look(simulator)[0] < column - 5
    at(simulator, 0.0, 0.0)
    act(simulator, TURN_RIGHT)
    assert not (simulator.frames("eye", 64, 48)[2] == 0).any()
    low = EmbeddedSimulator([CRATE], body(), 1, 0)
    at(low, 0.0, 0.0)
    level = look(low)[1]
    act(low, TILT_DOWN)
    assert look(low)[1] < level - 5  # looking down moves things up


def test_depth_is_planar() -> None:
    simulator = EmbeddedSimulator([house()], body(eye(focal=40.0)), 1, 0)
    at(simulator, 0.5, 1.0)
    _, depth, ids = simulator.frames("eye", 64, 48)
    assert (ids[0, 24] == 2).all()  # no objects: 0 floor, 1 ceiling, 2 walls
    assert depth[0, 24, 16:48] == pytest.approx(np.full(32, 4.0), rel=1e-5)  # the wall at z = 5, also far from the axis


def test_floor_is_below_and_a_light_ceiling_above() -> None:
    simulator = EmbeddedSimulator([house()], body(eye(focal=20.0)), 1, 0)
    at(simulator, 0.0, 0.0)
    rgb, _, ids = simulator.frames("eye", 64, 48)
    assert (ids[0, -1] == 0).all()
    assert (ids[0, 0] == 1).all()
    assert rgb[0, 0].min() > 130


def test_the_sky_shows_through_a_window() -> None:
    window = Opening(id="w", kind="window", rooms=("room", "room"), start=(-1.0, 5.0), end=(1.0, 5.0), low_m=0.8, high_m=1.8)
    simulator = EmbeddedSimulator([house(openings=(window,))], body(), 1, 0)
    at(simulator, -0.5, 2.0)
    rgb, depth, ids = simulator.frames("eye", 64, 48)
    sky = ids[0] == -1
    assert sky[19:26, 28:36].all()
    assert (depth[0][sky] == 0).all()
    assert (rgb[0][sky] == rgb[0, 22, 32]).all()
    assert rgb[0, 22, 32, 2] > 200
    assert not sky[:8].any()


def test_one_sees_through_an_open_door_and_not_through_a_shut_one() -> None:
    for openness, far in ((1.0, True), (0.0, False)):
        simulator = EmbeddedSimulator([two_rooms("door", openness)], body(), 1, 0)
        at(simulator, 0.0, 2.0)
        assert (simulator.frames("eye", 64, 48)[2] == 5).any() == far  # 3 * 1 + 2: walls of the far room


def random_cameras(count: int) -> list[tuple[Camera, float]]:
    random = np.random.Generator(np.random.Philox(5))
    out = []
    for _ in range(count):
        focal = 27 / math.tan(math.radians(random.uniform(35, 110)) / 2)
        shift = random.uniform(-8, 8, 2)
        camera = eye(up_m=random.uniform(0.15, 1.8), pitch=random.uniform(-0.6, 0.9), width=96, height=54, focal=focal)
        moved = Camera(**{**{f: getattr(camera, f) for f in camera.__slots__}, "cx": 48 + shift[0], "cy": 27 + shift[1]})
        out.append((moved, random.uniform(0, 2 * math.pi)))
    return out


def mismatch(scenes: ScenePack, home: int, camera: Camera, x: float, z: float, yaw: float) -> tuple[float, float]:
    """Share of pixels whose ids differ from the ray caster's, and the largest relative error of depth on the others."""
    simulator = EmbeddedSimulator(scenes, body(camera, arm=None), 1, 0)
    at(simulator, x, z, yaw, house=home)
    _, depth, ids = simulator.frames("eye", 96, 54)
    world = simulator.world()
    turned = rotations(world.camera_yaw[:, 0], world.camera_pitch[:, 0])[0]
    lens = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    wanted, face = cast(scenes, home, world.camera_position[0, 0], turned, lens, 54, 96)
    ident = np.where(face >= 0, scenes.faces.look[np.maximum(face, 0), 2], -1)
    same = (ids[0] == ident) & (face >= 0)
    error = np.abs(depth[0] - wanted)[same] / wanted[same]
    return float((ids[0] != ident).mean()), float(np.quantile(error, 0.999)) if same.any() else 0.0


@pytest.fixture(scope="module")
def real_pack() -> ScenePack:
    slanted = Room(id="s", type="Kitchen", polygon=((0.0, 0.0), (5.0, 0.0), (6.0, 3.0), (2.5, 2.0), (1.0, 5.0)))
    corner = Room(id="l", type="Kitchen", polygon=L_SHAPE)
    notch = room("n", 3.0, 3.0, 6.0, 6.0)
    hole = Opening(id="h", kind="window", rooms=("l", "l"), start=(1.0, 0.0), end=(2.0, 0.0), low_m=0.5, high_m=1.5)
    door = Opening(id="d", kind="frame", rooms=("l", "n"), start=(3.0, 4.0), end=(3.0, 5.0), low_m=0.0, high_m=2.0)
    made = (
        House(id="slanted", rooms=(slanted,), walls=walls(slanted), openings=(), objects=(thing("Vase", (2, 0.5, 1), (0.4, 1, 0.4)),)),
        House(
            id="open",
            rooms=(corner, notch),
            walls=(*walls(corner, without=(2,)), *walls(notch, without=(0,))),
            openings=(hole, door),
            objects=(),
        ),
    )
    return pack([compile_scene(one) for one in (*(read_house(path) for path in REAL), *made)])


def test_ids_and_depth_agree_with_the_ray_caster(real_pack: ScenePack) -> None:
    """Concave rooms, open walls, slanted floors, doors and windows; cameras of any pitch, width and principal point."""
    random = np.random.Generator(np.random.Philox(6))
    probe = EmbeddedSimulator(real_pack, body(footprint=Footprint(radius_m=0.1, height_m=2.0)), 1, 0)  # no camera within things
    differing, errors = [], []
    for number, (camera, yaw) in enumerate(random_cameras(40)):
        home = number % real_pack.house_count
        x0, z0, x1, z1 = real_pack.bounds[home]
        at(probe, 0.0, 0.0, house=home)
        x, z = random.uniform(x0, x1, 200), random.uniform(z0, z1, 200)
        spot = int(np.flatnonzero(probe.free(np.zeros(200, np.int64), x, z, np.zeros(200)))[0])
        share, error = mismatch(real_pack, home, camera, float(x[spot]), float(z[spot]), yaw)
        differing.append(share)
        errors.append(error)
    assert np.mean(differing) < 0.0005
    assert max(differing) < 0.005
    assert max(errors) < 1e-3


def test_the_ray_caster_would_notice_a_wrong_sign(real_pack: ScenePack) -> None:
    camera, yaw = random_cameras(1)[0]
    simulator = EmbeddedSimulator(real_pack, body(camera, arm=None), 1, 0)
    at(simulator, 2.0, 1.5, yaw, house=1)
    _, _, ids = simulator.frames("eye", 96, 54)
    world = simulator.world()
    turned = rotations(-world.camera_yaw[:, 0], world.camera_pitch[:, 0])[0]
    _, face = cast(real_pack, 1, world.camera_position[0, 0], turned, np.array([camera.fx, camera.fy, camera.cx, camera.cy]), 54, 96)
    assert (real_pack.faces.look[np.maximum(face, 0), 2] != ids[0]).mean() > 0.05


def test_a_short_stack_makes_everything_visible_and_nothing_lost(real_pack: ScenePack) -> None:
    faces, home = real_pack.faces, 1
    rooms = int(faces.house_room[home + 1] - faces.house_room[home])
    shown = np.zeros((rooms + 1, 4), np.float32)
    lens = np.array([40, 40, 64, 36], np.float32)
    start = real_pack.room_points[faces.room_start[faces.house_room[home]]] + 0.3
    eye_at = np.array([start[0], 1.0, start[1]], np.float32)
    parts = (faces.portals, faces.house_portal[home], faces.house_portal[home + 1], faces.room_points, faces.room_start)
    for yaw in np.linspace(0, 6, 13):
        turned = rotations(np.array([yaw]), np.zeros(1))[0].astype(np.float32)
        flood(
            *parts, faces.house_room[home], faces.house_room[home + 1], turned, eye_at, lens, 128, 72, shown, np.zeros((1, 5), np.float32)
        )
        full = shown.copy()
        flood(
            *parts, faces.house_room[home], faces.house_room[home + 1], turned, eye_at, lens, 128, 72, shown, np.zeros((64, 5), np.float32)
        )
        seen = shown[:, 0] < shown[:, 2]
        assert (full[seen, 0] <= shown[seen, 0]).all()
        assert (full[seen, 2] >= shown[seen, 2]).all()


def two_cameras() -> tuple[Camera, Camera]:
    # At home the hand is at (0.2, 0.6, 0): this camera hangs 10 cm above it and looks down to the right.
    wrist = Camera(
        name="hand", on="wrist", right_m=0.2, up_m=0.7, yaw=math.pi / 2, pitch=0.6, fx=40, fy=40, cx=32, cy=24, width_px=64, height_px=48
    )
    return eye(pitch=0.3), wrist


def test_the_wrist_camera_follows_the_arm_by_hand_numbers() -> None:
    simulator = EmbeddedSimulator([house()], body(*two_cameras()), 1, 0)
    at(simulator, 0.0, 0.0)
    assert simulator.world().camera_position[0, 1].tolist() == pytest.approx([0.2, 0.7, 0.0])
    act(simulator, LIFT, EXTEND, WRIST)
    world = simulator.world()
    assert world.camera_position[0, 1].tolist() == pytest.approx([0.3, 0.8, 0.0])
    assert world.camera_yaw[0, 1] == pytest.approx(math.pi / 2 + 0.5)
    assert world.camera_position[0, 0].tolist() == pytest.approx([0.0, 1.0, 0.0])  # the head stays
    act(simulator, TURN_RIGHT)  # the robot's right is now -z
    assert simulator.world().camera_position[0, 1].tolist() == pytest.approx([0.0, 0.8, -0.3])


def test_cameras_see_the_arm_and_only_a_body_with_one_has_it() -> None:
    down = eye(up_m=1.2, pitch=1.0, yaw=math.pi / 2, focal=30.0)
    simulator = EmbeddedSimulator([house()], body(down), 1, 0)
    at(simulator, 0.0, 0.0)
    near = int((simulator.frames("eye", 64, 48)[2] == OWN_ID).sum())
    act(simulator, EXTEND, EXTEND)
    assert int((simulator.frames("eye", 64, 48)[2] == OWN_ID).sum()) > near > 0
    bare = EmbeddedSimulator([house()], body(down, arm=None), 1, 0)
    at(bare, 0.0, 0.0)
    assert not (bare.frames("eye", 64, 48)[2] == OWN_ID).any()


def real_batch(rows: int, threads: int = 1) -> EmbeddedSimulator:
    houses = [read_house(path) for path in REAL]
    jitter = Jitter(pitch=0.03, yaw=0.03, fov=0.05, position_m=0.01)
    robot = body(*two_cameras(), noise=Noise(move_m=0.01, turn=0.01), jitter=jitter)
    simulator = EmbeddedSimulator(houses, robot, rows, 11, threads)
    at(simulator, 3.0, 3.0, 1.0, house=2, randomise=True)
    return simulator


def test_a_row_alone_is_the_same_as_in_a_batch() -> None:
    many, alone = real_batch(5), real_batch(1)
    at(alone, 3.0, 3.0, 1.0, episode=3, house=2, randomise=True)
    for action in (FORWARD, TURN_RIGHT, PAN_RIGHT, EXTEND, FORWARD):
        act(many, action)
        act(alone, action)
    for camera in ("eye", "hand"):
        assert (many.images(camera, 64, 48)[3] == alone.images(camera, 64, 48)[0]).all()
    assert many.world().position[3].tolist() == alone.world().position[0].tolist()


def test_threads_do_not_change_a_pixel() -> None:
    one, two = real_batch(5), real_batch(5, threads=2)
    for images in zip(one.frames("eye", 64, 48), two.frames("eye", 64, 48), strict=True):
        assert (images[0] == images[1]).all()


def test_a_snapshot_gives_a_bit_identical_future() -> None:
    simulator, other = real_batch(4), real_batch(4)
    act(simulator, FORWARD, TURN_RIGHT)
    saved = simulator.snapshot()
    act(other, PAN_RIGHT)
    for one in (simulator, other):
        one.restore(saved)
    for action in (FORWARD, LIFT, TURN_RIGHT, FORWARD):
        act(simulator, action)
        act(other, action)
        for camera in ("eye", "hand"):
            assert (simulator.images(camera, 32, 24) == other.images(camera, 32, 24)).all()
    assert (simulator.world().position == other.world().position).all()


def test_random_materials_repeat_with_the_episode_and_leave_evaluation_alone() -> None:
    simulator = EmbeddedSimulator([CRATE], body(), 1, 7)
    shown = []
    for episode, randomise in ((1, True), (2, True), (1, True), (1, False), (2, False)):
        at(simulator, 0.0, 0.0, episode=episode, randomise=randomise)
        shown.append(simulator.images("eye", 64, 48).copy())
    assert (shown[0] == shown[2]).all()
    assert (shown[3] == shown[4]).all()
    assert (shown[0] != shown[1]).mean() > 0.5
    assert (shown[0] != shown[3]).mean() > 0.5


def test_jitter_stays_within_its_limits_and_changes_with_the_episode() -> None:
    simulator = EmbeddedSimulator([house()], body(jitter=Jitter(pitch=0.05, position_m=0.02)), 500, 0)
    at(simulator, 0.0, 0.0)
    world = simulator.world()
    assert np.abs(world.camera_pitch).max() <= 0.05
    assert np.abs(world.camera_pitch).max() > 0.045
    assert np.abs(world.camera_position[:, 0] - np.array([0.0, 1.0, 0.0])).max() <= 0.02
    assert (world.camera_yaw == 0.0).all()


def test_other_mounts_lower_and_raise_and_narrow_all_cameras_alike_in_a_share_of_the_episodes() -> None:
    other = OtherMounts(share=0.5, lower_m=0.8, raised=0.4, narrower=0.3)
    simulator = EmbeddedSimulator([house()], body(*two_cameras(), jitter=Jitter(other_mounts=other)), 500, 0)
    at(simulator, 0.0, 0.0)
    plain = EmbeddedSimulator([house()], body(*two_cameras()), 500, 0)
    at(plain, 0.0, 0.0)
    there, here = simulator.world(), plain.world()
    lower = here.camera_position[:, :, 1] - there.camera_position[:, :, 1]
    higher = here.camera_pitch - there.camera_pitch  # pitch is positive downwards
    changed = lower[:, 0] > 0
    assert 0.4 < changed.mean() < 0.6
    assert np.allclose(lower[:, 0], lower[:, 1])
    assert np.allclose(higher[:, 0], higher[:, 1])
    assert 0.7 < lower.max() <= 0.8
    assert 0.35 < higher.max() <= 0.4
    assert (higher[~changed] == 0).all()
    assert (there.camera_position[~changed] == here.camera_position[~changed]).all()
    assert abs(np.corrcoef(lower[changed, 0], higher[changed, 0])[0, 1]) < 0.2


def test_a_narrower_view_shows_things_larger() -> None:
    sizes = []
    for narrower in (0.0, 0.4):
        jitter = Jitter(other_mounts=OtherMounts(share=1.0, lower_m=0.0, raised=0.0, narrower=narrower))
        simulator = EmbeddedSimulator([CRATE], body(jitter=jitter), 20, 0)
        at(simulator, 1.0, 0.0)
        sizes.append((simulator.frames("eye", 64, 48)[2] == 0).sum(axis=(1, 2)))
    assert (sizes[1] >= sizes[0]).all()
    assert sizes[1].max() > 1.5 * sizes[0].max()


def test_a_process_that_compiles_draws_the_same_pixels_as_one_that_finds_the_code_on_disk(tmp_path: Path) -> None:
    script = Path(__file__).with_name("digest_of_images.py")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    found = [
        subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True).stdout for _ in range(2)
    ]
    assert len(found[0]) == 65
    assert found[0] == found[1]
