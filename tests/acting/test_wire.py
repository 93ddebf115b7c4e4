"""Whatever arrives becomes a checked question or one refusal; never another exception, and never more memory than it is long."""

import tracemalloc
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flare_core.acting.wire import Act, Health, Reset, id_of, pack, read_request, unpack
from flare_core.errors import ActingError
from tests.acting.malformed import ACT, messages

IMAGE = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def test_questions_arrive_as_they_were_sent() -> None:
    act = read_request(unpack(pack({"type": "act", "images": {"front": IMAGE}, "state": {"lift_m": 1, "holding": False}, "id": 7})))
    assert isinstance(act, Act)
    assert act.images["front"].array().tolist() == IMAGE.tolist()
    assert act.images["front"].array().flags.writeable
    assert (act.state, act.id) == ({"lift_m": 1, "holding": False}, 7)
    assert act.state["holding"] is False
    reset = read_request(unpack(pack({"type": "reset", "instruction": "find a mug", "supplies": ["lift_m"], "id": "a"})))
    assert reset == Reset(type="reset", instruction="find a mug", supplies=["lift_m"], id="a")
    assert read_request(unpack(pack({"type": "health"}))) == Health(type="health")


def test_200_malformed_messages_are_refused() -> None:
    for message in messages(200):
        with pytest.raises(ActingError, match=r"^message: "):
            read_request(unpack(message))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(ACT) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(ACT)))
def test_damaged_messages_are_refused_or_still_a_question(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(ACT)
    for at, value in changes:
        data[at] = value
    try:
        found = read_request(unpack(bytes(data[:cut])))
    except ActingError:
        return
    assert isinstance(found, Act | Reset | Health)


@given(st.binary(max_size=400))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(ActingError):
        read_request(unpack(data))


@pytest.mark.parametrize("head", [b"\xdd", b"\xdf", b"\xc6", b"\xdb", b"\xc9"])
def test_a_giant_declared_size_allocates_nothing(head: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ActingError):
            unpack(b"\x82\xa4type\xa3act\xa6images" + head + b"\x7f\xff\xff\xff" + b"x" * 100)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_extension_types_and_depth_are_refused() -> None:
    for value in (msgpack.ExtType(1, b""), msgpack.ExtType(1, b"abc"), msgpack.Timestamp(1, 2)):
        with pytest.raises(ActingError):
            unpack(msgpack.packb({"type": value}))
    with pytest.raises(ActingError):
        unpack(b"\x81\xa1a" + b"\x91" * 100_000 + b"\xc0")


def test_all_faults_of_a_message_are_named_without_its_content() -> None:
    message: dict[str, Any] = {"type": "reset", "instruction": 3, "supplies": "x", "secret": b"s" * 1000}
    with pytest.raises(ActingError) as caught:
        read_request(message)
    assert all(part in str(caught.value) for part in ("reset.instruction", "reset.supplies", "reset.secret"))
    assert "sss" not in str(caught.value)
    wide = {"type": "act", "images": {f"{'x' * 100}{at}": {"a" * 999: 1} for at in range(16)}}
    with pytest.raises(ActingError) as caught:
        read_request(wide | {f"{'k' * 999}{at}": 0 for at in range(99)})
    assert len(str(caught.value)) < 4000


def test_the_id_of_a_malformed_message_is_kept_where_it_is_one() -> None:
    assert id_of({"id": 3}) == 3
    assert id_of({"id": "abc"}) == "abc"
    assert id_of({"id": True}) is id_of({"id": [3]}) is id_of({"id": "x" * 65}) is id_of({}) is None


def test_what_cannot_be_sent_is_refused_by_type() -> None:
    with pytest.raises(TypeError, match="object cannot be sent"):
        pack({"state": object()})
    with pytest.raises(TypeError, match="ndarray cannot be sent"):
        pack({"state": np.zeros(3)})
