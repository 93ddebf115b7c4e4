"""Counter-based random numbers: no draw depends on batch order, batch size or what happened to a neighbour.

Every draw is a pure function of (seed, purpose, counters), where the counters are usually the episode and
the step. `stream` gives a numpy Generator for slow paths (one house, one episode); `uniforms` gives a batch
of numbers at once for the step loop. Both are Philox 4x32-10.

Reference: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.
"""

import hashlib

import numpy as np
import numpy.typing as npt

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
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


def uniforms(key: int, episodes: npt.NDArray[np.int64], steps: npt.NDArray[np.int64], lane: int = 0) -> npt.NDArray[np.float64]:
    """Two uniform numbers in [0, 1) for every row.

    Args:
        key: from `key_of`.
        episodes: (B,) episode number of each row.
        steps: (B,) step within the episode.
        lane: tells draws of one step apart; 0 to 2**32 - 1.

    Returns:
        (B, 2), 53 random bits each.
    """
    episode = episodes.astype(np.uint64)
    a, b = episode & _LOW, episode >> _SHIFT
    c, d = steps.astype(np.uint64) & _LOW, np.full(len(steps), lane, dtype=np.uint64)
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = a * _M0, c * _M1
        a, b, c, d = (p1 >> _SHIFT) ^ b ^ np.uint64(k0), p1 & _LOW, (p0 >> _SHIFT) ^ d ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    first = ((a << _SHIFT) | b) >> np.uint64(11)
    second = ((c << _SHIFT) | d) >> np.uint64(11)
    return np.stack([first, second], axis=1).astype(np.float64) * 2.0**-53
