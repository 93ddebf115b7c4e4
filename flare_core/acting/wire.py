"""What a robot and a policy server say to each other: one msgpack map for each websocket message, checked before it is used.

The server speaks first: `metadata`, which is what `Policy.describe` says and `protocol`. Then the robot asks and the server
answers, one for one:

    {type: reset, instruction, supplies?}  ->  {type: ready}
    {type: act, images, state}             ->  {type: action, action, probabilities, step, over, seconds}
    {type: health}                         ->  {type: health, status, clients, answered, up_s}
    anything else                          ->  {type: error, code: malformed | refused, message}

An `id` (a number or a short text) in a question comes back in its answer. A picture is {dtype: "uint8", shape: [H, W, 3], data: bytes}.
No extension type of msgpack is accepted, so nothing that arrives can name code.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgpack
import numpy as np
import pydantic
from pydantic import Field

from flare_core.acting.pictures import Picture
from flare_core.errors import ActingError

PROTOCOL: Final = 1
MOST_KEYS: Final = 512  # of any map; a head's probabilities are one
MOST_ITEMS: Final = 1024  # of any list
MOST_TEXT: Final = 65_536  # bytes of any text

Short = Annotated[str, Field(max_length=128)]
Id = Annotated[int, Field(ge=-(2**63), lt=2**63)] | Annotated[str, Field(max_length=64)] | None


class _Message(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    id: Id = None


class WirePicture(pydantic.BaseModel):
    """A picture: its data has exactly the length that its shape says."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    dtype: Literal["uint8"]
    shape: Annotated[list[Annotated[int, Field(ge=1, le=65_535)]], Field(min_length=3, max_length=3)]
    data: bytes

    @pydantic.model_validator(mode="after")
    def _whole(self) -> "WirePicture":
        if math.prod(self.shape) != len(self.data):
            raise ValueError(f"shape {self.shape} has {math.prod(self.shape)} bytes, and data {len(self.data)}")
        return self

    def array(self) -> Picture:
        """The picture as an array of its own."""
        return np.frombuffer(self.data, dtype=np.uint8).reshape(self.shape).copy()


class Reset(_Message):
    """Begin an episode."""

    type: Literal["reset"]
    instruction: Annotated[str, Field(max_length=2048)]
    supplies: Annotated[list[Short], Field(max_length=256)] | None = None


class Act(_Message):
    """Choose an action."""

    type: Literal["act"]
    images: Annotated[dict[Short, WirePicture], Field(max_length=16)]
    state: Annotated[dict[Short, bool | int | float], Field(max_length=256)] = Field(default_factory=dict)


class Health(_Message):
    """Ask whether the server is well."""

    type: Literal["health"]


Request = Reset | Act | Health
_REQUEST: Final[pydantic.TypeAdapter[Request]] = pydantic.TypeAdapter(Annotated[Request, Field(discriminator="type")])


def pack(message: Mapping[str, Any]) -> bytes:
    """A message as msgpack; numpy pictures as `WirePicture`."""
    data: bytes = msgpack.packb(message, default=_packed, use_bin_type=True)
    return data


def unpack(data: bytes | str) -> dict[str, Any]:
    """One msgpack map.

    Nothing larger than the message itself is ever allocated, whatever sizes it declares.

    Raises:
        ActingError: it is text, damaged, too deep, too wide, holds an extension type, or is no map with text as keys.
    """
    if isinstance(data, str):
        raise ActingError("message: is text. Send binary messages, each one msgpack map")
    try:
        found = msgpack.unpackb(
            data, raw=False, strict_map_key=True, ext_hook=_refused, max_str_len=MOST_TEXT, max_bin_len=len(data), max_array_len=MOST_ITEMS,
            max_map_len=MOST_KEYS, max_ext_len=0,
        )  # fmt: skip
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as fault:
        raise ActingError(f"message: is not msgpack that is accepted here ({type(fault).__name__}: {str(fault)[:120]})") from None
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise ActingError(f"message: must be a map with texts as keys, not {type(found).__name__}")
    return found


def read_request(message: Mapping[str, Any]) -> Request:
    """A question to the server.

    Raises:
        ActingError: a field is missing, unknown or not what it has to be; all such fields at once.
    """
    try:
        return _REQUEST.validate_python(message)
    except pydantic.ValidationError as fault:
        faults = [f"{'.'.join(str(part) for part in one['loc'])[:120] or 'message'}: {one['msg'][:160]}" for one in fault.errors()[:8]]
        raise ActingError("message: " + "; ".join(faults)) from None


def id_of(message: Mapping[str, Any]) -> int | str | None:
    """The `id` of a message that may be malformed otherwise."""
    found = message.get("id")
    if isinstance(found, str):
        return found if len(found) <= 64 else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _packed(value: object) -> Any:
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        return {"dtype": "uint8", "shape": list(value.shape), "data": value.tobytes()}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _refused(code: int, data: bytes) -> Any:
    del data
    raise ValueError(f"extension type {code}")
