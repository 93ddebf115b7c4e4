"""Draws one frame of LoCoBot's head camera under each randomisation, for docs/randomisation.md.

    python scripts/draw_randomisation.py docs/pictures/randomisation.png

A column for each randomisation alone, a row for each of three episodes. Embedded simulator.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from flare_core.embodiments.body import Jitter
from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.augmentation import Augmentation
from flare_core.envs.augmenting import Augmenter
from flare_core.runs.randomness import FULL
from flare_core.runs.stages import houses_of
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.world import Start

EPISODES: Final = (1, 3, 4)
HOUSE, POSE = 3, (6.35, 0.25, 0.96)  # among the poses that were tried one that sees most things
WIDTH, HEIGHT, GAP, HEAD = 192, 108, 6, 20
NAMES: Final = ("none", "materials", "light", "colour", "crop", "blur", "jitter", "all")


def frame(name: str, episode: int) -> npt.NDArray[np.uint8]:
    """(HEIGHT, WIDTH, 3) what the camera takes at the same place, with one randomisation, or all of them."""
    body, _ = load_embodiment("locobot")
    jitter = Jitter(pitch=np.radians(4.0), yaw=np.radians(4.0), fov=np.radians(2.0)) if name in ("jitter", "all") else Jitter()
    simulator = EmbeddedSimulator(houses_of("train", 4), replace(body, jitter=jitter), 1, 0)
    x, z, yaw = POSE
    start = Start(
        house=HOUSE, x=x, z=z, yaw=yaw, episode=episode, randomise_materials=name in ("materials", "all"),
        randomise_light=name in ("light", "all"),
    )  # fmt: skip
    simulator.reset(np.array([0]), [start])
    camera = body.cameras[0].name
    images = simulator.images(camera, WIDTH, HEIGHT)
    whole = FULL.values()
    parts = {"colour": Augmentation(colour=whole.colour), "crop": Augmentation(crop=whole.crop), "blur": Augmentation(blur=whole.blur)}
    parts["all"] = whole
    if name in parts:
        Augmenter(parts[name], 0, [camera], 1).change(camera, images, np.array([episode]))
    return np.asarray(images[0])


def strip() -> Image.Image:
    """All of them side by side."""
    across, down = len(NAMES) * (WIDTH + GAP) + GAP, len(EPISODES) * (HEIGHT + GAP) + HEAD
    sheet = Image.new("RGB", (across, down), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for column, name in enumerate(NAMES):
        left = GAP + column * (WIDTH + GAP)
        pen.text((left, 2), name, fill="black", font=font)
        for row, episode in enumerate(EPISODES):
            sheet.paste(Image.fromarray(frame(name, episode)), (left, HEAD + row * (HEIGHT + GAP)))
    return sheet


def main(arguments: Sequence[str]) -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    strip().quantize(160).save(parser.parse_args(arguments).picture, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
