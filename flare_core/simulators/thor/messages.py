"""What a trainer and the workers of its controllers say to each other."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Call = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Start the controller: arguments of `Controller`."""

    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Load a scene, if one is named, and carry out calls.

    Attributes:
        scene: name or house document; None to stay in the present one.
        initialize: arguments of `reset`, with a scene.
        calls: one after the other; those that follow a failed one are not carried out.
        house: what the asker remembers it by.
        cameras: third-party cameras whose pictures are wanted, and -1 for the main one; none: no pictures.
    """

    scene: str | dict[str, Any] | None = None
    initialize: dict[str, Any] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    house: int = -1
    cameras: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of it.

    Attributes:
        success: of every call that was carried out.
        messages: what THOR said of each.
        returned: what each returned.
        agent, arm: the metadata's, after the last call.
        objects: type, centre and size of the upright box of every listed object, by id.
        pictures: (H, W, 3) of every camera asked for, in that order.
    """

    success: tuple[bool, ...] = ()
    messages: tuple[str, ...] = ()
    returned: tuple[Any, ...] = ()
    agent: dict[str, Any] = field(default_factory=dict)
    arm: dict[str, Any] | None = None
    objects: dict[str, tuple[str, tuple[float, float, float], tuple[float, float, float]]] = field(default_factory=dict)
    pictures: tuple[np.ndarray[Any, np.dtype[np.uint8]], ...] = ()
    engine: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The controller is of no more use."""

    message: str
