"""What is kept of the first judged episodes for people to look at: the way, the first and the last picture.

Taken down while the policy is judged, so that nothing has to be played again for a picture.
"""

import base64
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from flare_core.envs.vector import FlareVectorEnv
from flare_core.evaluation.episodes import Actor
from flare_core.evaluation.pictures import Trail
from flare_core.policies.interface import Observation
from flare_core.tasks.episodes import Episode

RECORDED: Final = 100  # episodes 0 to N - 1 are recorded, whoever plays them and however they go
_JPEG_QUALITY: Final = 88
Place: TypeAlias = tuple[float, float]


@dataclass(slots=True, kw_only=True)
class Take:
    """One recorded episode.

    Attributes:
        house: index among the held-out houses.
        yaw: direction at the start, radians clockwise from above.
        targets: x, z of what was looked for, metres.
        points: x, z of the axis of rotation before every action, metres, the start first. An action that ends the episode and moves
            the body is not in it: the row begins the next episode in that step.
        first, last: JPEG of what the camera showed before the first and before the last action; empty without a camera.
    """

    instruction: str
    house: int
    yaw: float
    targets: tuple[Place, ...]
    points: list[Place] = field(default_factory=list)
    first: bytes = b""
    last: bytes = b""

    def trail(self, label: str, succeeded: bool) -> Trail:
        """The way as the picture from above takes it."""
        return Trail(label=label, points=np.array(self.points), yaw=self.yaw, targets=self.targets, succeeded=succeeded)

    def to_json(self) -> dict[str, Any]:
        """Plain values; places to the millimetre."""
        return {
            "instruction": self.instruction,
            "house": self.house,
            "yaw": round(self.yaw, 4),
            "targets": [[round(x, 3), round(z, 3)] for x, z in self.targets],
            "points": [[round(x, 3), round(z, 3)] for x, z in self.points],
            "first": base64.b64encode(self.first).decode("ascii"),
            "last": base64.b64encode(self.last).decode("ascii"),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Take":
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        return Take(
            instruction=str(data["instruction"]),
            house=int(data["house"]),
            yaw=float(data["yaw"]),
            targets=tuple((float(x), float(z)) for x, z in data["targets"]),
            points=[(float(x), float(z)) for x, z in data["points"]],
            first=base64.b64decode(data["first"], validate=True),
            last=base64.b64decode(data["last"], validate=True),
        )


@dataclass(slots=True, kw_only=True)
class Takes:
    """Takes of episodes by number."""

    camera: str = ""
    takes: dict[int, Take] = field(default_factory=dict)
    frames: dict[int, list[npt.NDArray[np.uint8]]] = field(default_factory=dict)  # first and last, until they are developed

    def add(self, others: "Takes") -> None:
        """Take over those of another worker."""
        self.camera = self.camera or others.camera
        self.takes |= others.takes
        self.frames |= others.frames

    def develop(self) -> None:
        """Make JPEGs of the frames, once everything has been played."""
        for number, (first, last) in self.frames.items():
            self.takes[number].first, self.takes[number].last = jpeg(first), jpeg(last)
        self.frames.clear()

    def around(self, stage: FlareVectorEnv, actor: Actor, numbers: Collection[int]) -> Actor:
        """The same actor, with the stage's first camera and every position noted before it acts.

        Args:
            numbers: episodes that this stage is to play; a row that is free goes on with those of other workers, for nobody.
        """
        if stage.play.renders:
            self.camera = next(iter(stage.play.renders))
        return _Watch(self, stage, actor, frozenset(number for number in numbers if number < RECORDED))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"camera": self.camera, "takes": {str(number): self.takes[number].to_json() for number in sorted(self.takes)}}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Takes":
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        takes = {int(number): Take.from_json(take) for number, take in data["takes"].items()}
        return Takes(camera=str(data["camera"]), takes=takes)


class _Watch:
    """An actor that takes down what it is shown."""

    def __init__(self, takes: Takes, stage: FlareVectorEnv, actor: Actor, numbers: frozenset[int]) -> None:
        self._numbers = numbers
        self._takes, self._stage, self._actor = takes, stage, actor
        self._playing: dict[int, int] = {}  # row -> number of the recorded episode in it

    def __call__(self, observation: Observation, masks: npt.NDArray[np.bool_], starting: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Note what is shown, then act."""
        if starting.any():
            self._begin(np.flatnonzero(starting).tolist())
        if self._playing:
            self._note(observation)
        return self._actor(observation, masks, starting)

    def _begin(self, rows: list[int]) -> None:
        numbers = self._stage.episode_numbers
        for row in rows:
            self._playing.pop(row, None)
            number = int(numbers[row])
            if number not in self._numbers:
                continue
            episode = self._stage.episodes[row]
            targets = target_places(episode, self._stage.play.simulator.object_positions(episode.start.house))
            self._takes.takes[number] = Take(  # in place of what there was of one that is begun again
                instruction=episode.instruction, house=episode.start.house, yaw=episode.start.yaw, targets=targets
            )
            self._takes.frames.pop(number, None)
            self._playing[row] = number

    def _note(self, observation: Observation) -> None:
        position = self._stage.play.simulator.world().position
        images = observation.get(f"camera/{self._takes.camera}")
        for row, number in self._playing.items():
            self._takes.takes[number].points.append((float(position[row, 0]), float(position[row, 2])))
            if images is not None:
                image = images[row].copy()  # a view would keep the whole batch
                self._takes.frames.setdefault(number, [image, image])[1] = image


def target_places(episode: Episode, places: npt.NDArray[np.float64]) -> tuple[Place, ...]:
    """x, z of every object, or of the point, that an episode is about."""
    if episode.point is not None:
        return (episode.point,)
    return tuple(
        (float(places[at, 0]), float(places[at, 2])) for at in (*episode.targets, *(one for group in episode.later for one in group))
    )


def jpeg(image: npt.NDArray[np.uint8]) -> bytes:
    """A picture (H, W, 3) as a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="jpeg", quality=_JPEG_QUALITY)
    return file.getvalue()
