"""MiniWorld's own maze at the same size: other scenes than the houses, as it draws rooms of its own alone."""

import ctypes
import os
from importlib.metadata import version

os.environ.setdefault("PYGLET_HEADLESS", "true")

import gymnasium
import miniworld  # noqa: F401  # registers its environments
from pyglet import gl

from bench.peers.scene import answer, asked, timed


def main() -> None:
    order = asked(__doc__)
    environment = gymnasium.make("MiniWorld-Maze-v0", obs_width=order.width, obs_height=order.height).unwrapped
    environment.reset(seed=0)
    rate = timed(environment.render_obs, 1, order.seconds)
    name = ctypes.cast(gl.glGetString(gl.GL_RENDERER), ctypes.c_char_p).value or b""
    samples = environment.obs_fb.num_samples if hasattr(environment.obs_fb, "num_samples") else "?"
    answer(
        order.out, frames_per_second=rate, version=version("miniworld"), device=name.decode(),
        scene=f"its own maze, {samples} samples a pixel" if samples != "?" else "its own maze",
    )  # fmt: skip


if __name__ == "__main__":
    main()
