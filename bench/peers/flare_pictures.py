"""The toolkit's rasteriser on the scene; it also writes the scene, with its pictures, for the others to draw and to compare."""

import os
from importlib.metadata import version

import numpy as np

from bench.peers.scene import FOV_DEG, ROOT, SCENE, VIEWS, answer, asked, timed
from flare_core.embodiments.spec import load_embodiment
from flare_core.houses.procthor import read_house
from flare_core.simulators.embedded.buffers import Own
from flare_core.simulators.embedded.cameras import Eyes, rotations
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.pack import ScenePack, pack
from flare_core.simulators.embedded.renderer import SKY, Renderer
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.simulators.embedded.textures import textures


def houses() -> ScenePack:
    """The three real houses that the tests have."""
    return pack([compile_scene(read_house(path)) for path in sorted((ROOT / "tests" / "data" / "houses").glob("*.json"))])


def views(scene: ScenePack, width: int, height: int) -> tuple[np.ndarray, Eyes]:
    """House of each view, and eyes at free places in turn at 0.6 and 1.4 m, level or 0.3 rad down."""
    robot, _ = load_embodiment("turtlebot4")
    draws, at = np.random.default_rng(0), np.arange(VIEWS)
    house = at % scene.house_count
    simulator = EmbeddedSimulator(scene, robot, scene.house_count, 0)
    position = np.zeros((VIEWS, 3))
    yaw = draws.uniform(0, 2 * np.pi, VIEWS)
    for view in at:
        x0, z0, x1, z1 = scene.bounds[house[view]]
        x, z = draws.uniform(x0, x1, 500), draws.uniform(z0, z1, 500)
        free = np.flatnonzero(simulator.free(np.full(500, house[view]), x, z, np.zeros(500)))[0]
        position[view] = x[free], 1.4 if view % 2 else 0.6, z[free]
    focal = height / 2 / np.tan(np.radians(FOV_DEG) / 2)
    lens = np.tile([focal, focal, width / 2, height / 2], (VIEWS, 1))
    return house, Eyes(position=position, rotation=rotations(yaw, np.where(at % 3, 0.3, 0.0)), lens=lens)


def main() -> None:
    order = asked(__doc__)
    scene = houses()
    house, eyes = views(scene, order.width, order.height)
    colours = np.zeros((VIEWS, int(np.diff(scene.material_start).max()), 3), dtype=np.float32)
    for view, at in enumerate(house):
        first, end = scene.material_start[at], scene.material_start[at + 1]
        colours[view, : end - first] = scene.material_colour[first:end]
    none = np.zeros((VIEWS, 0, 3), np.float32)
    own = Own(p=none, u=none, v=none, n=none, shade=np.zeros((VIEWS, 0), np.float32), look=np.zeros((0, 4), np.int32))
    renderer, faces = Renderer(scene.faces, 1), scene.faces

    def draw() -> np.ndarray:
        return renderer.draw(house, faces, np.full(VIEWS, -1), eyes, colours, own, order.width, order.height, False)[0]

    whole = SCENE.with_name(f"scene.{os.getpid()}.npz")
    np.savez(
        whole, p=faces.p, u=faces.u, v=faces.v, shade=faces.shade, look=faces.look, house_face=faces.house_face, house=house,
        material=255 * scene.material_colour, sky=np.array(SKY) * 255, material_start=scene.material_start, position=eyes.position,
        rotation=eyes.rotation, lens=eyes.lens, pictures=draw(), textures=textures(), width=order.width, height=order.height,
    )  # fmt: skip
    os.replace(whole, SCENE.with_name(f"scene-{order.width}x{order.height}.npz"))
    rate = timed(draw, VIEWS, order.seconds)
    answer(
        order.out, frames_per_second=rate, version=version("flare-core"), device="own rasteriser (Numba)",
        scene=f"3 ProcTHOR houses, {len(faces.p) / scene.house_count:,.0f} faces each",
    )  # fmt: skip


if __name__ == "__main__":
    main()
