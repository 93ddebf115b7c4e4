"""Draw the three real houses for docs/houses.md, and what the Stretch's navigation camera sees in them.

    python scripts/draw_houses.py --out docs/pictures

For each house: HOUSE_above.png (from above, with the way of the expert from the agent pose in the house's metadata to the
target that is farthest from it), HOUSE_start.png (the view from that pose) and HOUSE_walk.png (the view along the way that
shows most objects). Nothing is random: the same pictures come out every time.
"""

import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.image import imsave

from flare_core.embodiments.body import Embodiment, Jitter
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import SimError
from flare_core.evaluation.pictures import Trail, top_down
from flare_core.houses.house import House
from flare_core.houses.procthor import read_house
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import Episode, EpisodeSampler
from flare_core.tasks.expert import Expert
from flare_core.tasks.spec import load_task
from flare_core.tasks.task import Task, indices_of
from flare_core.tasks.words import Vocabulary
from flare_core.world import Start

HOUSES: Final = Path(__file__).resolve().parent.parent / "tests" / "data" / "houses"
WIDTH: Final = 640  # of a view, pixels
TRIAL: Final = (99, 56)  # size of the images that a view along the way is chosen by
SEEN_PIXELS: Final = 20  # of a trial image; fewer do not count as seeing an object
AWAY_M: Final = 1.5  # a view along the way is taken at least so far from the start


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What happened on the way.

    Attributes:
        poses: (T, 3) x, z, yaw before every action.
        objects: (T,) how many objects the camera showed.
    """

    poses: npt.NDArray[np.float64]
    objects: npt.NDArray[np.int64]
    episode: Episode
    succeeded: bool


def main() -> None:
    """Draw all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder to write the pictures to")
    parser.add_argument("--embodiment", default="stretch_re1", help="through whose navigation camera")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    body, _ = load_embodiment(asked.embodiment)
    body = replace(body, jitter=Jitter())  # as its spec says, not as one episode has drawn it
    task, _ = load_task("objectnav")
    for path in sorted(HOUSES.glob("*.json")):
        print(draw(replace(read_house(path), id=path.stem), body, task, asked.out))


def draw(house: House, body: Embodiment, task: Task, out: Path) -> str:
    """Draw one house; a line about it.

    Raises:
        SimError: the house's metadata names no pose to start from, or no target can be reached from it.
    """
    if house.agent is None:
        raise SimError(f"{house.id}: its metadata has no agent pose to start from")
    camera = body.camera_for("navigation")
    if camera is None:
        raise SimError(f"{body.name} has no navigation camera to look through. Use another --embodiment")
    size = (WIDTH, round(WIDTH * camera.height_px / camera.width_px))
    simulator = EmbeddedSimulator([house], body, 1, 0)
    walk = walk_from_agent(simulator, house, task, camera.name)
    away = np.hypot(*(walk.poses[:, :2] - walk.poses[0, :2]).T) >= AWAY_M
    best = int(np.argmax(np.where(away, walk.objects, -1)))
    for name, at in (("start", 0), ("walk", best)):
        imsave(out / f"{house.id}_{name}.png", view(simulator, walk.poses[at], camera.name, size))
    places = simulator.object_positions(0)[list(walk.episode.targets)]
    trail = Trail(
        label=f"expert, {walk.episode.instruction}: {'success' if walk.succeeded else 'no success'} in {len(walk.poses)} steps",
        points=walk.poses[:, :2],
        yaw=float(walk.poses[0, 2]),
        targets=tuple((float(x), float(z)) for x, _, z in places),
        succeeded=walk.succeeded,
    )
    top_down(house, (trail,), out / f"{house.id}_above.png", house.id)
    x, z, yaw = walk.poses[best]
    start_x, start_z, start_deg = house.agent
    return (
        f"{house.id}: {trail.label}; start x {start_x:.2f}, z {start_z:.2f}, yaw {start_deg:.0f}; "
        f"view along the way at x {x:.2f}, z {z:.2f}, yaw {math.degrees(yaw) % 360:.0f}"
    )


def walk_from_agent(simulator: EmbeddedSimulator, house: House, task: Task, camera: str) -> Walk:
    """Let the expert go from the house's agent pose to the target type that is farthest from it.

    Raises:
        SimError: no target can be reached from there.
    """
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 0)
    episode = _farthest(simulator, sampler, house)
    expert, end = Expert(simulator, sampler), task.end_action(simulator.body)
    simulator.reset(np.array([0]), [episode.start])
    poses, objects = [], []
    for _ in range(task.horizon):
        world = simulator.world()
        poses.append((world.position[0, 0], world.position[0, 2], world.yaw[0]))
        objects.append(_objects(simulator.frames(camera, *TRIAL)[2][0], len(house.objects)))
        action = expert.actions([episode])
        if int(action[0]) == end:
            seen = simulator.visible(np.array([episode.targets]), camera, sampler.view.within_m)
            return Walk(poses=np.array(poses), objects=np.array(objects), episode=episode, succeeded=bool(seen.any()))
        simulator.apply(action)
    return Walk(poses=np.array(poses), objects=np.array(objects), episode=episode, succeeded=False)


def view(simulator: EmbeddedSimulator, pose: npt.NDArray[np.float64], camera: str, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """(H, W, 3) what the camera sees from a pose (x, z, yaw)."""
    simulator.reset(np.array([0]), [Start(house=0, x=float(pose[0]), z=float(pose[1]), yaw=float(pose[2]), episode=0)])
    image: npt.NDArray[np.uint8] = simulator.images(camera, *size)[0]
    return image


def _farthest(simulator: EmbeddedSimulator, sampler: EpisodeSampler, house: House) -> Episode:
    assert house.agent is not None  # draw
    x, z, yaw_deg = house.agent
    start = Start(house=0, x=x, z=z, yaw=math.radians(yaw_deg), episode=0)
    found = []
    for name in sampler.task.types:
        objects = indices_of(simulator.object_types(0), name)
        field = simulator.navigation.field(0, objects, sampler.camera, sampler.view.within_m) if objects else None
        if field is not None:
            metres = float(simulator.navigation.distance(field, np.array([x]), np.array([z]))[0])
            text = sampler.task.instruction(name, 0)
            found.append(Episode(number=0, start=start, target_type=name, targets=objects, instruction=text, goal=(), shortest_m=metres))
    reachable = [episode for episode in found if math.isfinite(episode.shortest_m)]
    if not reachable:
        raise SimError(f"{house.id}: {simulator.body.name} can reach no target from the agent pose")
    return max(reachable, key=lambda episode: episode.shortest_m)


def _objects(ids: npt.NDArray[np.int32], objects: int) -> int:
    """How many objects of the house an image of instance ids shows."""
    seen, pixels = np.unique(ids, return_counts=True)
    return int(((seen >= 0) & (seen < objects) & (pixels >= SEEN_PIXELS)).sum())


if __name__ == "__main__":
    main()
