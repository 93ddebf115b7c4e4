"""Messages that no server may accept, made from a seed."""

import random
import struct
from collections.abc import Callable
from typing import Any, Final

import msgpack

PICTURE: Final = {"dtype": "uint8", "shape": [2, 4, 3], "data": bytes(24)}
ACT: Final[bytes] = msgpack.packb({"type": "act", "images": {"head": PICTURE}, "state": {"head.pan_right_deg": 0.0}, "id": 1})
RESET: Final[bytes] = msgpack.packb({"type": "reset", "instruction": "find a mug", "supplies": ["head.pan_right_deg"], "id": 2})
_ODD: Final[tuple[Any, ...]] = (None, True, -1, 2**63, 1.5, float("nan"), "text", b"bytes", [], {}, [[]], {"a": {}}, "x" * 5000)


def malformed(seed: int) -> bytes | str:
    """A message that is refused for certain; seeds go round the kinds of damage."""
    draws = random.Random(seed)
    return _KINDS[seed % len(_KINDS)](draws)


def messages(count: int) -> list[bytes | str]:
    """So many malformed messages, no two alike."""
    found: dict[bytes | str, None] = {}
    seed = 0
    while len(found) < count:
        found[malformed(seed)] = None
        seed += 1
    return list(found)


def _truncated(draws: random.Random) -> bytes:
    whole = draws.choice([ACT, RESET])
    return whole[: draws.randrange(len(whole))]


def _longer(draws: random.Random) -> bytes:
    return draws.choice([ACT, RESET]) + draws.randbytes(draws.randint(1, 50))


def _noise(draws: random.Random) -> bytes:
    return b"\xc1" + draws.randbytes(draws.randint(0, 300))  # 0xc1 is never used by msgpack


def _giant(draws: random.Random) -> bytes:
    head = draws.choice([b"\xdd", b"\xdf", b"\xc6", b"\xdb", b"\xc9"])
    return b"\x82\xa4type\xa3act\xa6images" + head + struct.pack(">I", draws.randint(2**24, 2**32 - 1)) + draws.randbytes(40)


def _deep(draws: random.Random) -> bytes:
    return b"\x81\xa4type" + draws.choice([b"\x91", b"\x81\xa1a"]) * draws.randint(2000, 50_000) + b"\xc0"


def _extension(draws: random.Random) -> bytes:
    field = draws.choice(["type", "id", "state"])
    value = draws.choice(
        [msgpack.ExtType(draws.randint(0, 127), draws.randbytes(draws.randint(0, 64))), msgpack.Timestamp(draws.randint(0, 9))]
    )
    return _packed({"type": "act", "images": {}} | {field: value})


def _no_map(draws: random.Random) -> bytes:
    return _packed(draws.choice([*_ODD[:9], {1: 2}, {b"type": "act"}, {None: 1}, {1.5: 1}, {"type": "act", 3: 4}]))


def _wrong_field(draws: random.Random) -> bytes:
    message = draws.choice([{"type": "act", "images": {"head": PICTURE}}, {"type": "reset", "instruction": "find a mug"}])
    field = draws.choice(["type", "images"] if message["type"] == "act" else ["type", "instruction"])
    odd = [value for value in _ODD if not (field == "images" and value == {}) and not (field == "instruction" and value == "text")]
    return _packed(message | {field: draws.choice(odd)})


def _wrong_state(draws: random.Random) -> bytes:
    odd = [None, "0", b"0", [], {}, [0.0]]
    return _packed({"type": "act", "images": {"head": PICTURE}, "state": {"head.pan_right_deg": draws.choice(odd)}})


def _wrong_picture(draws: random.Random) -> bytes:
    change = draws.choice(
        [
            {"dtype": draws.choice(["object", "float64", "int8", "O", "|V8", "<U100000", 3, None])},
            {"shape": draws.choice([[2, 4], [24], [2, 4, 3, 1], [-2, -4, 3], [0, 4, 3], [2**31, 2**31, 3], [2, 4, 4], [2.0, 4, 3], None])},
            {"data": draws.choice([bytes(23), bytes(25), b"", "text", [0] * 24, None])},
            {"order": "F"},
        ]
    )  # fmt: skip
    return _packed({"type": "act", "images": {"head": PICTURE | change}})


def _missing(draws: random.Random) -> bytes:
    field = draws.choice(["dtype", "shape", "data"])
    picture = {key: value for key, value in PICTURE.items() if key != field}
    return _packed(draws.choice([{"type": "act"}, {"type": "reset"}, {}, {"id": 1}, {"type": "act", "images": {"head": picture}}]))


def _unknown(draws: random.Random) -> bytes:
    kinds = ["render", "metadata", "ACT", "act ", "", "__class__", "action"]
    return _packed(
        draws.choice([{"type": draws.choice(kinds)}, {"type": "health", "now": True}, {"type": "reset", "instruction": "a", "x": 1}])
    )


def _wide(draws: random.Random) -> bytes:
    many = {f"camera{at}": PICTURE for at in range(17)}
    state = {f"field{at}": 0.0 for at in range(draws.randint(257, 400))}
    names = ["x"] * draws.randint(257, 2000)
    return _packed(
        draws.choice(
            [
                {"type": "act", "images": many}, {"type": "act", "images": {}, "state": state},
                {"type": "reset", "instruction": "a", "supplies": names}, {"type": "reset", "instruction": "a" * draws.randint(2049, 9999)},
                {f"key{at}": 0 for at in range(600)},
            ]
        )
    )  # fmt: skip


def _not_utf8(draws: random.Random) -> bytes:
    return RESET.replace(b"find a mug", bytes(draws.choices(range(0xC0, 0xFF), k=10)))


def _text(draws: random.Random) -> str:
    return draws.choice(["", "{}", '{"type": "act"}', "find a mug", "\x00" * 20, "é" * draws.randint(1, 2000)])


def _packed(value: Any) -> bytes:
    data: bytes = msgpack.packb(value)
    return data


_KINDS: Final[tuple[Callable[[random.Random], bytes | str], ...]] = (
    _truncated, _longer, _noise, _giant, _deep, _extension, _no_map, _wrong_field, _wrong_state, _wrong_picture, _missing, _unknown, _wide,
    _not_utf8, _text,
)  # fmt: skip
