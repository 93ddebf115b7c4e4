"""What a check looks at, and what it says."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from flare_core.embodiments.body import Action, Camera, Embodiment
from flare_core.embodiments.checks import action_rows
from flare_core.embodiments.spec import CameraSpec, EmbodimentSpec
from flare_core.yaml_tree import Loc, Value

Doubt: TypeAlias = tuple[Loc, str]
"""Path of the value in the document, and what is odd about it with what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One robot: its values, its spec as it was written, and the whole document."""

    body: Embodiment
    spec: EmbodimentSpec
    resolved: Mapping[str, Value]

    def fixed_cameras(self) -> Iterator[Camera]:
        """Cameras that no arm moves: where they are is where the mount says."""
        return (camera for camera in self.body.cameras if camera.on != "wrist")

    def camera_spec(self, camera: Camera) -> CameraSpec:
        """What was written of a camera."""
        spec = self.spec.cameras[camera.name]
        assert spec is not None  # it is one of the body's
        return spec

    def allowed(self) -> Iterator[tuple[Loc, Action]]:
        """(path, action) of every action that no static mask shuts out."""
        return ((self.place_of(at), action) for at, action in enumerate(self.body.actions) if action.masked is None)

    def place_of(self, row: int) -> Loc:
        """Path of what names the action in a row: its own entry, or the preset."""
        return list(action_rows(self.resolved.get("actions")))[row][0]


Check: TypeAlias = Callable[[Subject], Iterator[Doubt]]
