"""Talks to the engine without pipes: sends an action, and takes the answer apart as the client would."""

from dataclasses import dataclass, field
from typing import Any

import msgpack
import numpy as np

from flare_core.houses.house import House
from flare_core.simulators.thor.engine import wire
from flare_core.simulators.thor.engine.engine import Engine
from flare_core.simulators.thor.engine.stage import stage_of
from flare_core.simulators.thor.modes import Build


@dataclass
class Answer:
    """An answer: metadata of the one agent, and pictures with their first row on top."""

    metadata: dict[str, Any]
    is_patch: bool
    frames: dict[int, list[np.ndarray]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.metadata["lastActionSuccess"])

    @property
    def position(self) -> tuple[float, float, float]:
        return tuple(self.metadata["agent"]["position"][axis] for axis in "xyz")  # type: ignore[return-value]

    @property
    def yaw_deg(self) -> float:
        return float(self.metadata["agent"]["rotation"]["y"])

    @property
    def message(self) -> str:
        return str(self.metadata["errorMessage"])

    def thing(self, ident: str) -> dict[str, Any]:
        return next(one for one in self.metadata["objects"] if one["objectId"] == ident)


class Direct:
    """An engine that shows one house."""

    def __init__(self, house: House | None = None, build: Build = "5.0.0", width: int = 64, height: int = 64, **initialize: Any) -> None:
        self.engine, self._sequence = Engine(build, width, height, None if house is None else stage_of(house, "house")), 0
        if initialize:
            assert self("Initialize", **initialize)

    def __call__(self, action: str, **arguments: Any) -> Answer:
        self._sequence += 1
        call = {"action": action, "sequenceId": self._sequence, **arguments}
        return self._read(self.engine.answer(call))

    def _read(self, fields: list[wire.Field]) -> Answer:
        kind, body = fields[0]
        said = msgpack.unpackb(bytes(body), strict_map_key=False)
        if kind == wire.PATCH:
            return Answer(said, True)
        assert said["sequenceId"] == self._sequence
        width, height = self.engine.size
        frames: dict[int, list[np.ndarray]] = {}
        for kind, body in fields[1:]:
            dtype = np.float32 if kind in (wire.DEPTH, wire.THIRD_DEPTH) else np.uint8
            flat = np.frombuffer(body, dtype=dtype)
            frames.setdefault(kind, []).append(flat.reshape(height, width, -1)[::-1].squeeze())
        return Answer(said["agents"][0], False, frames)
