"""What the engine tells beside pictures: AI2-THOR's metadata, packed once where it does not change.

Packing and unpacking of objects is what a step costs most. So the objects' bytes are kept and only the two flags and the distance
of each are written over. Reference: AI2-THOR, AgentManager.cs, `MetadataWrapper` and `ObjectMetadata`.
"""

import math
from collections.abc import Container, Sequence
from typing import Any, Final

import msgpack
import numpy as np
import numpy.typing as npt

from flare_core.simulators.thor.engine.stage import Thing
from flare_core.world import Bools, Floats

NOT_THOR: Final = "flare thor-engine (embedded simulator, NOT AI2-THOR)"
_TRUE, _FALSE = 0xC3, 0xC2
_FLOAT_BYTES: Final = np.arange(8)
_WRITTEN: Final = ("visible", "isInteractable", "obstructed", "distance")  # what changes of an object that stays where it is; packed first


def vector(x: float, y: float, z: float) -> dict[str, float]:
    """A vector as metadata has it."""
    return {"x": float(x), "y": float(y), "z": float(z)}


def corners_of(box: Floats) -> tuple[list[list[float]], Floats]:
    """The (8, 3) corners of a turned box (8,) and the (3,) size of the upright box around them."""
    signs = np.array([[sx, sy, sz] for sx in (1, -1) for sy in (1, -1) for sz in (1, -1)], dtype=np.float64) * box[3:6]
    out = np.empty_like(signs)
    out[:, 0] = box[0] + box[6] * signs[:, 0] + box[7] * signs[:, 2]
    out[:, 1] = box[1] + signs[:, 1]
    out[:, 2] = box[2] + box[6] * signs[:, 2] - box[7] * signs[:, 0]
    return out.tolist(), np.ptp(out, axis=0)


def object_metadata(thing: Thing, box: Floats, is_held: bool, gone: Container[str]) -> dict[str, Any]:
    """One object, as if it were out of sight.

    Args:
        box: (8,) around it where it is now.
        gone: objects that are no longer where the house has them.
    """
    corners, size = corners_of(box)
    low, high = box[:3] - size / 2, box[:3] + size / 2
    upright = [[x, y, z] for x in (high[0], low[0]) for y in (high[1], low[1]) for z in (high[2], low[2])]
    return {
        "name": thing.id.replace("|", "_"), "position": vector(*box[:3]),
        "rotation": vector(0.0, math.degrees(math.atan2(box[7], box[6])) % 360, 0.0),
        "visible": False, "isInteractable": False, "obstructed": True, "distance": 0.0,
        "receptacle": thing.is_receptacle, "toggleable": False, "isToggled": False, "breakable": False, "isBroken": False,
        "canFillWithLiquid": False, "isFilledWithLiquid": False, "fillLiquid": None, "dirtyable": False, "isDirty": False,
        "canBeUsedUp": False, "isUsedUp": False, "cookable": False, "isCooked": False, "temperature": "RoomTemp",
        "ObjectTemperature": "RoomTemp", "isHeatSource": False, "isColdSource": False, "sliceable": False, "isSliced": False,
        "openable": False, "isOpen": False, "openness": 0.0, "pickupable": thing.is_pickupable, "isPickedUp": is_held,
        "moveable": thing.is_moveable, "mass": 0.0, "salientMaterials": None,
        "receptacleObjectIds": [child for child in thing.children if child not in gone] if thing.is_receptacle else None,
        "objectType": thing.type, "objectId": thing.id,
        "assetId": thing.asset_id, "parentReceptacles": None if thing.parent is None or thing.id in gone else [thing.parent],
        "controlledObjects": None, "isMoving": False,
        "axisAlignedBoundingBox": {
            "cornerPoints": [[float(value) for value in corner] for corner in upright], "center": vector(*box[:3]), "size": vector(*size),
        },
        "objectOrientedBoundingBox": {"cornerPoints": corners} if thing.is_pickupable else None,
    }  # fmt: skip


class PackedObjects:
    """Objects as one row of bytes, of which flags and distances can be written over."""

    def __init__(self, objects: Sequence[dict[str, Any]]) -> None:
        """Pack these objects."""
        packer = msgpack.Packer()
        parts, starts, at = [packer.pack_array_header(len(objects))], list[int](), 0
        for one in objects:
            at += len(parts[-1])
            starts.append(at + _header(len(one)))
            parts.append(packer.pack({name: one[name] for name in _WRITTEN} | one))
        self._bytes: npt.NDArray[np.uint8] = np.frombuffer(b"".join(parts), dtype=np.uint8).copy()
        # Each value stands behind its name, and those before it are of one byte.
        within = np.cumsum([len(packer.pack(name)) for name in _WRITTEN]) + np.arange(len(_WRITTEN))
        self._seen, self._interactable, self._hidden, distance = np.array(starts, dtype=np.int64) + within[:, None]
        self._where = distance[:, None] + 1 + _FLOAT_BYTES  # behind the byte that says: a double

    def written(self, visible: Bools, distance: Floats) -> bytes:
        """The bytes, with what these (N,) say."""
        flags = np.where(visible, _TRUE, _FALSE)
        self._bytes[self._seen] = flags
        self._bytes[self._interactable] = flags
        self._bytes[self._hidden] = np.where(visible, _FALSE, _TRUE)
        if len(distance):
            self._bytes[self._where] = distance.astype(">f8").view(np.uint8).reshape(-1, 8)
        return self._bytes.tobytes()


def spliced(agent: dict[str, Any], objects: bytes, colours: bytes, top: dict[str, Any]) -> bytes:
    """A whole metadata message of one agent, whose objects and colours are packed already."""
    packer = msgpack.Packer()
    inner, outer = packer.pack(agent), packer.pack(top)
    return b"".join([
        packer.pack_map_header(len(top) + 1), packer.pack("agents"), packer.pack_array_header(1),
        packer.pack_map_header(len(agent) + 2), packer.pack("objects"), objects, packer.pack("colors"), colours,
        inner[_header(len(agent)) :], outer[_header(len(top)) :],
    ])  # fmt: skip


def _header(count: int) -> int:
    """Bytes of a map's header."""
    return 1 if count < 16 else 3
