"""Pictures of a recording's steps, taken again from their states: as its cameras see, of any size, and as the policy gets them."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from flare_core.adapters.view import ViewMap
from flare_core.runs.stages import EPISODE_SEED, Scene
from flare_core.runs.watching.record import Recording
from flare_core.simulators.embedded.cameras import intrinsics, optics_of
from flare_core.simulators.embedded.simulator import EmbeddedSimulator

Picture = npt.NDArray[np.uint8]


class Replay:
    """A body that is put back into any step of any recording made in one scene."""

    def __init__(self, scene: Scene, views: ViewMap) -> None:
        """Args: views: of the policy that was recorded."""
        self._simulator = EmbeddedSimulator(scene.pack, scene.body, 1, EPISODE_SEED, bodies=scene.bodies)
        self._views = views

    def go_to(self, recording: Recording, step: int) -> None:
        """Put the body back where it was before action `step`; `recording.length` is where the last one led."""
        self._simulator.restore(recording.states[step])

    def camera(self, name: str, width: int, height: int) -> Picture:
        """(height, width, 3) of one of the body's cameras."""
        picture: Picture = self._simulator.images(name, width, height)[0]
        return picture

    def views(self) -> Mapping[str, Picture]:
        """(h, w, 3) of every view that is present, to the bit what the policy was given."""
        images = {name: self._simulator.images(name, *size) for name, size in self._views.renders.items()}
        return {name: image[0] for name, image in self._views.apply(images).items()}

    def edges(self, recording: Recording, camera: str) -> tuple[float, float]:
        """Angles between the optical axis and the left and right edge of a camera's image in this episode, radians."""
        at = self._simulator.body.camera_index(camera)
        body = self._simulator.bodies[self._simulator.body_of(recording.episode.start.episode)]
        jitter = recording.states[0]["jitter"][:, at, 5]
        fx, _, cx, _ = intrinsics(np.array([optics_of(body.cameras[at])]), jitter, 1, 1)[0].tolist()
        return float(np.arctan(cx / fx)), float(np.arctan((1.0 - cx) / fx))

    def object_type(self, recording: Recording, thing: int) -> str:
        """Type of an object of the recording's house."""
        return self._simulator.object_types(recording.episode.start.house)[thing]
