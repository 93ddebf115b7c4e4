"""Counter-based random numbers: no draw depends on batch order, batch size or what happened to a neighbour.

Every draw is a pure function of (seed, purpose, counters), where the counters are usually the episode and
the step. `stream` gives a numpy Generator for slow paths (one house, one episode); `uniforms` gives a batch
of numbers at once for the step loop. Both are Philox 4x32-10.

Reference: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.
"""

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt

_FACTORS = np.array([[0xD2511F53], [0xCD9E8D57]], dtype=np.uint64)
_WEYL = np.array([0x9E3779B9, 0xBB67AE85], dtype=np.uint64)
_ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def key_of(seed: int, purpose: str) -> int:
    """64-bit key of a purpose within a run: the first eight bytes of SHA-256 over 'seed/purpose'."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def stream(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """Generator for one unit of work, such as house 17 or episode 4 of the test set."""
    words = np.zeros(4, dtype=np.uint64)
    for at, counter in enumerate(counters):
        words[at + 1] = counter  # word 0 counts the draws themselves
    return np.random.Generator(np.random.Philox(key=np.array([key_of(seed, purpose), 0], dtype=np.uint64), counter=words))


def uniforms(
    key: int, episodes: npt.NDArray[np.int64], steps: npt.NDArray[np.int64], lane: int | npt.NDArray[np.int64] = 0
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Two uniform numbers in [0, 1) for every row.

    Args:
        key: from `key_of`.
        episodes: (B,) episode number of each row.
        steps: (B,) step within the episode.
        lane: tells draws of one step apart; 0 to 2**32 - 1, one for all or (B,) one for each.

    Returns:
        (B, 2), 53 random bits each.
    """
    # The four words of the cipher as two arrays, of which one holds what is multiplied: half as many calls of numpy.
    factor, other = np.empty((2, len(steps)), dtype=np.uint64), np.empty((2, len(steps)), dtype=np.uint64)
    episode = episodes.astype(np.uint64)
    factor[0], other[0] = episode & _LOW, episode >> _SHIFT
    factor[1], other[1] = steps.astype(np.uint64) & _LOW, lane
    for round_key in _round_keys(key):
        product = (factor * _FACTORS)[::-1]
        factor, other = (product >> _SHIFT) ^ other ^ round_key, product & _LOW
    words = ((factor << _SHIFT) | other) >> np.uint64(11)
    return words.T.astype(np.float64, order="C") * 2.0**-53


@lru_cache(maxsize=256)
def _round_keys(key: int) -> npt.NDArray[np.uint64]:
    """(rounds, 2, 1) what each round of the cipher mixes in."""
    halves, turns = np.array([key & 0xFFFFFFFF, key >> 32], dtype=np.uint64), np.arange(_ROUNDS, dtype=np.uint64)
    return ((halves + turns[:, None] * _WEYL) & _LOW)[:, :, None]
