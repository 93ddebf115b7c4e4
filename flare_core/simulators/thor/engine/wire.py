"""The named pipes between client and engine.

A message is a row of fields, each one byte for its kind, four for the length of its body (big-endian), and the body; a field of
kind 255 ends it. The engine speaks first, and opens the client's pipe only after that: the client opens its end when it first
sends, so that the other order would wait for ever. Reference: ai2thor 5.0.0, fifo_server.py.
"""

import contextlib
import fcntl
import json
import os
import struct
from collections.abc import Iterable
from typing import Any, Final

METADATA, IMAGE, DEPTH, IDS = 1, 4, 5, 9
THIRD_IMAGE, PATCH, THIRD_DEPTH, THIRD_IDS, END = 10, 11, 12, 14, 255
_HEADER: Final = struct.Struct("!BI")
_END: Final = _HEADER.pack(END, 0)
_SET_PIPE_SIZE: Final = 1031  # F_SETPIPE_SZ of Linux, which Python's fcntl names only from 3.10 on and not everywhere
_PIPE_BYTES: Final = 1 << 20
_LARGEST_ACTION: Final = 256 << 20

Field = tuple[int, bytes | memoryview]


class ClientGoneError(Exception):
    """The client has closed its end: the engine's work is done."""


class Pipes:
    """One client's pair of pipes."""

    def __init__(self, to_client: str, from_client: str) -> None:
        """Open the pipe to the client; waits until the client has opened its end."""
        self._out = os.open(to_client, os.O_WRONLY)
        with contextlib.suppress(OSError):  # an ordinary pipe is only slower
            fcntl.fcntl(self._out, _SET_PIPE_SIZE, _PIPE_BYTES)
        self._from_client, self._in = from_client, -1

    def send(self, fields: Iterable[Field]) -> None:
        """Send one message.

        Raises:
            ClientGoneError: nobody reads any more.
        """
        parts: list[bytes | memoryview] = []
        for kind, body in fields:
            parts += [_HEADER.pack(kind, len(body)), body]
        parts.append(_END)
        left = sum(len(part) for part in parts)
        try:
            done = os.writev(self._out, parts)
            if done < left:
                rest = memoryview(b"".join(parts))[done:]
                while rest:
                    rest = rest[os.write(self._out, rest) :]
        except BrokenPipeError:
            raise ClientGoneError from None

    def receive(self) -> dict[str, Any]:
        """The next action.

        Raises:
            ClientGoneError: there will be none.
        """
        if self._in < 0:
            self._in = os.open(self._from_client, os.O_RDONLY)
        action = b""
        while True:
            kind, length = _HEADER.unpack(self._read(_HEADER.size))
            if kind == END:
                found = json.loads(action)
                if not isinstance(found, dict):
                    raise ValueError(f"an action is a JSON object, not {type(found).__name__}")
                return found
            if length > _LARGEST_ACTION:
                raise ClientGoneError  # not a client: no house is so large
            action = self._read(length)

    def _read(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count:
            part = os.read(self._in, count)
            if not part:
                raise ClientGoneError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
