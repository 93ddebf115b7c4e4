"""One frame for every step of a recording: cameras, the policy's views, the house from above, actions, state and instruction."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from flare_core.embodiments.body import Embodiment
from flare_core.evaluation.pictures import INK, label_place
from flare_core.houses.house import House
from flare_core.runs.watching.action_bars import ActionBars
from flare_core.runs.watching.floor_plan import Cone, FloorPlan, Pose
from flare_core.runs.watching.ink import BAD, CAMERAS, GOOD, GREY, PANEL, PAPER, SOFT, Box, Ink, fitted
from flare_core.runs.watching.layout import (
    CAPTION,
    EDGE,
    GAP,
    HEIGHT,
    LEAST_BESIDE,
    LEFT_COLUMN,
    LINE,
    MAP,
    STATE_LINES,
    TOP,
    WIDTH,
    Feed,
    Shot,
    Tile,
    tiles,
)
from flare_core.runs.watching.record import Recording
from flare_core.runs.watching.replay import Picture, Replay

TITLE_PX: Final = (30, 26, 22)
SMALL_PX, COUNT_PX, COUNT_FROM = 16, 28, 990
STATE_PX: Final = (20, 18, 16, 14)
CARD: Final[Box] = (0, 540, 602, HEIGHT)  # the closing card: below the pictures, so that the way and the actions stay to be seen
CARD_SHADE: Final = "#1E1E1E"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What stands in every frame.

    Attributes:
        policy: name of the bundle.
        task, split: what is played and where.
        choice: how actions are chosen, "sampled" or "greedy".
        simulator: what it calls itself.
        ends_with: the action that ends an episode.
        horizon: steps after which an episode is cut off.
    """

    policy: str
    task: str
    split: str
    choice: str
    simulator: str
    ends_with: str
    horizon: int


class EpisodeFrames:
    """Draws the frames of one recording, in the order of its steps."""

    def __init__(self, recording: Recording, replay: Replay, body: Embodiment, house: House, about: About, feeds: Sequence[Feed]) -> None:
        """Draw all that does not change in this episode.

        Args:
            house: that the episode is in.
            feeds: of every image of the policy.
        """
        self._recording, self._replay, self._body, self._about = recording, replay, body, about
        self._feeds = {feed.view: feed for feed in feeds}
        self._cameras = {camera.name: camera for camera in body.cameras}
        self._tiles = tiles([Shot(camera=one.name, width=one.width_px, height=one.height_px) for one in body.cameras], feeds)
        self._edges = [replay.edges(recording, camera.name) for camera in body.cameras]
        self._bars = ActionBars(body.action_names)
        self._plan = FloorPlan(house, body.footprint, MAP[2] - MAP[0], MAP[3] - MAP[1])
        self._rooms = _rooms_asked_for(recording, house)
        self._ink = Ink(Image.new("RGB", (WIDTH, HEIGHT), PAPER))
        self._draw_base(self._ink)

    def draw(self, step: int) -> Image.Image:
        """The frame of a step, 0 to the recording's length; the last one shows where the last action led.

        It is one and the same image, drawn over by the next call.
        """
        recording, ink = self._recording, self._ink
        self._replay.go_to(recording, step)
        views = self._replay.views()
        for tile in self._tiles:
            self._draw_tile(ink, tile, views.get(tile.name))
        plan = self._plan.draw(self.pose(step))
        ink.image.paste(plan, self._plan_corner)
        self._bars.draw(ink, recording, step)
        self._draw_state(ink, step)
        ink.box((COUNT_FROM, 0, WIDTH, 56), PANEL)
        ink.text((WIDTH - EDGE, 12), f"step {step} of {self._about.horizon}", COUNT_PX, bold=True, right=True)
        return ink.image

    def card(self, last: Image.Image) -> Image.Image:
        """The last frame with how the episode ended."""
        recording, ink = self._recording, Ink(last.copy())
        colour, mark, word = (GOOD, "✓", "Success") if recording.succeeded else (BAD, "✗", "No success")
        left, top, right, bottom = CARD
        ink.box(CARD, CARD_SHADE)
        ink.box((left, top, left + 110, bottom), colour)
        ink.text((left + 55, top + 44), mark, 80, PAPER, bold=True, centre=True)
        ink.text((left + 130, top + 24), word, 48, PAPER, bold=True)
        size, lines = fitted(self.ending(), right - left - 150, (26, 24))
        for at, line in enumerate(lines):
            ink.text((left + 130, top + 92 + at * (size + 6)), line, size, PAPER)
        return ink.image

    def ending(self) -> str:
        """How the episode ended, in a sentence."""
        recording, about = self._recording, self._about
        count = f"{recording.length:,} step{'s' if recording.length != 1 else ''}"
        if recording.ending == "time":
            return f"out of time after {count}"
        if recording.ending == "itself":
            return f"reached after {count}"
        return f"said '{about.ends_with}' after {count}" + ("" if recording.succeeded else ", but the task was not fulfilled")

    @property
    def _plan_corner(self) -> tuple[int, int]:
        return MAP[0] + (MAP[2] - MAP[0] - self._plan.size[0]) // 2, MAP[1]

    def _draw_base(self, ink: Ink) -> None:
        about, episode = self._about, self._recording.episode
        ink.box((0, 0, WIDTH, 84), PANEL)
        size, lines = fitted(f"“{episode.instruction}”", 960, TITLE_PX, bold=True)
        for at, line in enumerate(lines[:2]):
            ink.text((EDGE, (12 if len(lines) == 1 else 4) + at * (size + 4)), line, size, bold=True)
        known = f"{about.policy} on {self._body.name}, {about.task}, {about.split} episode {episode.number}, {about.choice} actions"
        ink.text((EDGE, 60), known, SMALL_PX, SOFT)
        ink.text((WIDTH - EDGE, 60), about.simulator, SMALL_PX, SOFT, bold=True, right=True)
        for tile in self._tiles:
            self._draw_caption(ink, tile)
        left, top = MAP[0], MAP[1] - CAPTION + 2
        left += ink.text((left, top), "From above  ", SMALL_PX, SOFT)
        left += ink.text((left, top), "★", SMALL_PX, "#A88B00") + ink.text((left + 16, top), " target   ", SMALL_PX, SOFT)
        ink.text((left, top), "×", SMALL_PX, BAD, bold=True)
        ink.text((left + 14, top), " contact", SMALL_PX, SOFT)

    def _draw_caption(self, ink: Ink, tile: Tile) -> None:
        left, top = tile.box[0], tile.box[1] - CAPTION + 2
        if not tile.is_view:
            camera = self._cameras[tile.name]
            colour = CAMERAS[self._body.camera_index(tile.name) % len(CAMERAS)]
            ink.box((left, top + 3, left + 14, top + 17), colour, INK)
            used = any(feed.camera == tile.name for feed in self._feeds.values())
            about = f"camera {tile.name}, {math.degrees(camera.horizontal_fov):.0f}° wide" + ("" if used else ", not used by the policy")
            ink.text((left + 20, top), about, SMALL_PX, SOFT)
            return
        feed = self._feeds[tile.name]
        size, text = _caption(feed, max(LEAST_BESIDE, tile.box[2] - left))
        ink.text((left, top), text, size, SOFT)
        if feed.camera is None:
            ink.box(tile.box, "#D0D0D0", GREY)
            middle = (tile.box[0] + tile.box[2]) // 2, (tile.box[1] + tile.box[3]) // 2 - 16
            ink.text(middle, "absent", 24, SOFT, bold=True, centre=True)

    def _draw_tile(self, ink: Ink, tile: Tile, view: Picture | None) -> None:
        width, height = tile.box[2] - tile.box[0], tile.box[3] - tile.box[1]
        if not tile.is_view:
            ink.image.paste(Image.fromarray(self._replay.camera(tile.name, width, height)), tile.box[:2])
        elif view is not None:
            how = Image.Resampling.NEAREST if width >= view.shape[1] else Image.Resampling.BOX
            ink.image.paste(Image.fromarray(np.ascontiguousarray(view)).resize((width, height), how), tile.box[:2])

    def pose(self, step: int) -> Pose:
        """What a step shows on the plan."""
        recording, world = self._recording, self._recording.world
        cones = tuple(
            Cone(x=float(x), z=float(z), yaw=float(yaw), left=left, right=right)
            for (x, _, z), yaw, (left, right) in zip(world.camera_position[step], world.camera_yaw[step], self._edges, strict=True)
        )
        rooms, places = self._rooms
        marked = recording.marked[step]
        point = [] if recording.episode.point is None else [recording.episode.point]
        objects = recording.targets[step][:, [0, 2]].tolist()
        return Pose(
            position=(float(world.position[step, 0]), float(world.position[step, 2])),
            yaw=float(world.yaw[step]),
            collided=bool(world.collided[step]) and step > 0,
            cones=cones,
            targets=np.array([*objects, *point, *places], dtype=np.float64).reshape(-1, 2),
            turns=(*recording.turns.tolist(), *[1] * (len(point) + len(places))),
            done=(*[False] * (len(objects) + len(point)), *(bool(marked[room]) for room in rooms)),
        )

    def _draw_state(self, ink: Ink, step: int) -> None:
        top = max(tile.box[3] for tile in self._tiles) + GAP if self._tiles else TOP
        ink.box((LEFT_COLUMN[0], top, MAP[0], top + STATE_LINES * LINE), PAPER)
        text, world = self._state_line(step), self._recording.world
        if text:
            size, lines = fitted(text, LEFT_COLUMN[1] - LEFT_COLUMN[0], STATE_PX)
            ink.text((LEFT_COLUMN[0], top), lines[0], size)
        if step == 0:
            return
        done = self._body.action_names[self._recording.actions[step - 1]]
        if world.collided[step]:
            ink.text((LEFT_COLUMN[0], top + LINE), f"× {done} touched something", STATE_PX[0], BAD, bold=True)
        elif not world.action_succeeded[step]:
            ink.text((LEFT_COLUMN[0], top + LINE), f"{done} had no effect", STATE_PX[0], SOFT, bold=True)

    def _state_line(self, step: int) -> str:
        """Joints of arm and cameras, and what is in the hand."""
        world, body, parts = self._recording.world, self._body, list[str]()
        if body.arm is not None:
            lift, extend, wrist = world.joints[step].tolist()
            parts += [f"lift {lift:.2f} m", f"extension {extend:.2f} m", f"wrist {math.degrees(wrist):+.0f}°"]
        for at, camera in enumerate(body.cameras):
            pan, tilt = np.degrees(world.camera_joints[step, at]).tolist()
            parts += [f"{camera.name} pan {_signed(pan, 'right', 'left')}"] if camera.pan is not None else []
            parts += [f"tilt {_signed(tilt, 'down', 'up')}"] if camera.tilt is not None else []
        if body.gripper != "none":
            held = int(world.held[step])
            parts.append(f"holding {self._replay.object_type(self._recording, held)}" if held >= 0 else "holding nothing")
        return "   ".join(parts)


def _caption(feed: Feed, width: int) -> tuple[int, str]:
    """Size and words above a view: with how it is made where there is room for that."""
    short = f"policy: {feed.view} {feed.width}×{feed.height}"
    for text in (f"{short}, {feed.how}" if feed.how else short, short, f"{feed.view} {feed.width}×{feed.height}"):
        size, lines = fitted(text, width, (16, 15, 14, 13, 12))
        if len(lines) == 1:
            break
    return size, text


def _signed(degrees: float, positive: str, negative: str) -> str:
    amount = round(abs(degrees))
    return "0°" if amount == 0 else f"{amount}° {positive if degrees > 0 else negative}"


def _rooms_asked_for(recording: Recording, house: House) -> tuple[tuple[int, ...], list[tuple[float, float]]]:
    """Rooms that the episode is about, and where each gets its star."""
    rooms = recording.episode.rooms
    return rooms, [_middle(house, room) for room in rooms]


def _middle(house: House, room: int) -> tuple[float, float]:
    """Above the beginning of the room's name, which lies within it whatever its shape."""
    x, z = label_place(house.rooms[room])
    return x + 0.35, z + 0.65
