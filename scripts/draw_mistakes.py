"""Write docs/mistakes.md and its pictures: what `flare check` says of wrong descriptions, and what `flare show` makes visible.

python scripts/draw_mistakes.py               the page and the pictures
python scripts/draw_mistakes.py --page-only   the page alone
"""

import argparse
import math
import re
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from PIL import Image

from flare_core.embodiments.body import Camera, Embodiment
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import SpecError
from flare_core.evaluation.floor_lines import DISTANCES_M, TICK_M, draw_floor_lines, on_floor
from flare_core.evaluation.portraits import draw_above, draw_side
from flare_core.houses.procthor import read_house
from flare_core.runs.showing import action_words, first_camera
from flare_core.runs.warnings.table import body_warnings
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.world import Start

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "mistakes.md"
LIST: Final = ROOT / "docs" / "mistakes.yaml"
PICTURES: Final = ROOT / "docs" / "pictures" / "mistakes"
HOUSE: Final = ROOT / "tests" / "data" / "houses" / "procthor_train_4.json"
PLACE: Final = (4.35, 4.65, math.pi / 2)  # x, z in metres, yaw in radians: where the floor before the robot is free
DPI, COLOURS = 140, 128

HEAD: Final = """\
# What descriptions get wrong

A wrong number in a robot's description costs a day of training before anybody notices. Here are {count} mistakes, each tried: {said} are
told by `flare check`, {seen} can be seen in `flare show` or `flare show --photo`, and {elsewhere} elsewhere. `error` means that
the description is refused; `warning` that it is allowed, and that the check goes on.

Made from [mistakes.yaml](mistakes.yaml) by `python scripts/draw_mistakes.py`; a test tries every line. What cameras see here, and the
tape on the floor, is drawn by the embedded simulator.

## Told by `flare check`

| mistake | right | wrong | what it says |
|---|---|---|---|
"""
SEEN: Final = """
## Seen in `flare show`

Numbers that are possible and still not those of your robot nobody can tell but you. Look at the drawing beside your robot, and hold a
picture of its camera against the lines: `flare show ROBOT.yaml --photo real.jpg`, with tape on the floor 1, 2 and 4 m ahead of the axis
of rotation. Yellow: tape a metre long where it really lies.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One entry of the list; see its head."""

    mistake: str
    right: str
    wrong: str
    robot: str | None = None
    said: str | None = None
    seen: str | None = None
    panel: str | None = None
    elsewhere: str | None = None

    @property
    def picture(self) -> str:
        """Name of its PNG file."""
        return re.sub(r"[^a-z0-9]+", "_", self.mistake.lower()).strip("_") + ".png"


def mistakes() -> list[Mistake]:
    """The whole list."""
    entries: list[dict[str, Any]] = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    return [Mistake(**entry) for entry in entries]


def described(robot: str | None, text: str) -> tuple[Embodiment | None, list[str]]:
    """The body that a description makes, None for one that is refused, and what `flare check` says: `error:` or `warning:` lines."""
    head = f"kind: embodiment\nextends: {robot}\n" if robot else "kind: embodiment\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bot.yaml"
        path.write_text(f"{head}{text}\n", encoding="utf-8")
        try:
            body, loaded = load_embodiment(path)
        except SpecError as fault:
            return None, [f"error: {line}".replace(f"{folder}/", "") for line in str(fault).splitlines()]
        return body, [line.replace(f"{folder}/", "") for line in body_warnings(body, loaded)]


def page() -> str:
    """The text of docs/mistakes.md."""
    every = mistakes()
    told, shown = [one for one in every if not one.seen], [one for one in every if one.seen]
    text = HEAD.format(
        count=len(every),
        said=len([one for one in told if one.said]),
        seen=len(shown),
        elsewhere=len([one for one in told if one.elsewhere]),
    )
    for one in told:
        lines = [one.elsewhere] if one.elsewhere else [line for line in described(one.robot, one.wrong)[1] if str(one.said) in line][:1]
        cells = (one.mistake, f"`{_flat(one.right)}`", f"`{_flat(one.wrong)}`", *lines)
        text += "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
    text += SEEN
    for one in shown:
        text += f"\n### {one.mistake[0].upper()}{one.mistake[1:]}\n\n`{one.right}` became `{one.wrong}`: {one.seen}.\n"
        text += f"\n![left as it is, right as it was written: {one.seen}](pictures/mistakes/{one.picture})\n"
    return text


def _flat(text: str) -> str:
    return text.replace("\n", "; ")


def draw(one: Mistake) -> bytes:
    """A PNG with the right description on the left and the wrong one on the right."""
    right, wrong = described(one.robot, one.right)[0], described(one.robot, one.wrong)[0]
    assert right is not None  # it is the right one
    assert wrong is not None  # what is refused is not drawn
    size = (7.2, 3.1) if one.panel in ("side", "photo") else (7.2, 3.9) if one.panel == "above" else (7.2, 1.3)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    for at, (body, title) in enumerate(((right, "right"), (wrong, "wrong"))):
        axis = figure.add_subplot(1, 2, at + 1)
        draw_panel(axis, str(one.panel), body, right)
        axis.set_title(title, fontsize=11, loc="left")
    raw, file = BytesIO(), BytesIO()
    figure.savefig(raw, dpi=DPI, format="png", facecolor="white")
    Image.open(raw).convert("RGB").quantize(COLOURS).save(file, format="png", optimize=True)
    return file.getvalue()


def draw_panel(axis: Axes, panel: str, body: Embodiment, right: Embodiment) -> None:
    """Draw what shows the mistake: a drawing of the body, its actions, or its lines over a picture that the right body takes."""
    if panel == "actions":
        axis.set_axis_off()
        for at, (row, name, does, _) in enumerate(action_words(body)):
            axis.text(0.0, 1.0 - 0.27 * at, f"{row}  {name}: {does}", fontsize=11, va="top", transform=axis.transAxes)
        return
    if panel == "photo":
        camera = first_camera(right)
        axis.imshow(_photograph(right, camera), extent=(0, camera.width_px, camera.height_px, 0))
        for distance in DISTANCES_M:
            ends = on_floor(camera, np.full(2, distance), np.array([-TICK_M, TICK_M]))
            rim = [withStroke(linewidth=7.0, foreground="black")]
            axis.plot(*ends, color="#FFF35C", linewidth=6.0, solid_capstyle="butt", path_effects=rim)
        draw_floor_lines(axis, first_camera(body), size=8.0)
        axis.set_axis_off()
        return
    (draw_side if panel == "side" else draw_above)(axis, body)
    legend = axis.get_legend()
    assert legend is not None  # both have one
    legend.remove()
    if panel == "side":
        axis.set(xlim=(-0.8, 1.4), ylim=(-0.1, 1.1), xticks=(-0.5, 0, 0.5, 1))
    else:
        axis.set(xlim=(-1, 1), ylim=(-1, 1), xticks=(-1, -0.5, 0, 0.5, 1), yticks=(-1, -0.5, 0, 0.5, 1))


def _photograph(body: Embodiment, camera: Camera) -> np.ndarray:
    simulator = EmbeddedSimulator([read_house(HOUSE)], body, 1, 0)
    x, z, yaw = PLACE
    simulator.reset(np.array([0]), [Start(house=0, x=x, z=z, yaw=yaw, episode=0)])
    return simulator.images(camera.name, camera.width_px, camera.height_px)[0]


def main() -> None:
    """Write the page and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page-only", action="store_true", help="leave the pictures as they are")
    asked = parser.parse_args()
    PAGE.write_text(page(), encoding="utf-8")
    if asked.page_only:
        return
    PICTURES.mkdir(parents=True, exist_ok=True)
    for one in mistakes():
        if one.seen:
            (PICTURES / one.picture).write_bytes(draw(one))


if __name__ == "__main__":
    main()
