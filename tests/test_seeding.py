import numpy as np

from flare_core.seeding import key_of, stream, uniforms


def test_philox_gives_the_published_answers() -> None:
    # Random123 known-answer tests of philox4x32-10: counter 0, key 0 gives 6627e8d5 e169c58d bc57ac4c 9b00dbd8
    got = uniforms(0, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))[0]
    expected = [(0x6627E8D5E169C58D >> 11) * 2.0**-53, (0xBC57AC4C9B00DBD8 >> 11) * 2.0**-53]
    assert got.tolist() == expected


def test_a_rows_draw_does_not_depend_on_its_neighbours() -> None:
    episodes, steps = np.arange(50, dtype=np.int64), np.arange(50, dtype=np.int64) * 7
    together = uniforms(key_of(3, "x"), episodes, steps)
    alone = np.concatenate([uniforms(key_of(3, "x"), episodes[i : i + 1], steps[i : i + 1]) for i in range(50)])
    assert np.array_equal(together, alone)


def test_purposes_seeds_and_lanes_are_told_apart() -> None:
    zero = np.zeros(1, dtype=np.int64)
    draws = {uniforms(key_of(seed, purpose), zero, zero, lane)[0, 0] for seed in (0, 1) for purpose in "ab" for lane in (0, 1)}
    assert len(draws) == 8


def test_every_row_may_have_a_lane_of_its_own() -> None:
    episodes, steps, lanes = np.arange(6, dtype=np.int64), np.arange(6, dtype=np.int64) * 3, np.array([0, 1, 2, 0, 1, 2**32 - 1])
    apart = [uniforms(key_of(3, "x"), episodes[at : at + 1], steps[at : at + 1], lane)[0] for at, lane in enumerate(lanes.tolist())]
    assert np.array_equal(uniforms(key_of(3, "x"), episodes, steps, lanes), apart)


def test_stream_is_a_function_of_its_counters() -> None:
    assert stream(1, "house", 4).random() == stream(1, "house", 4).random()
    assert stream(1, "house", 4).random() != stream(1, "house", 5).random()
