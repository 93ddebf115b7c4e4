"""Intervals for what is measured on episodes.

All are two-sided and 95 % unless told otherwise. A share of successes gets Wilson's interval; a difference between two
policies on the same episodes gets a paired bootstrap, which is narrower because both meet the same easy and hard episodes.
Episodes of one house share its layout, so the bootstrap can resample whole houses.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from flare_core.seeding import stream

RESAMPLES = 10_000
_DRAWS_AT_ONCE = 4_000_000  # indices held in memory at a time: 32 MB

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate and its interval, in the unit of what was measured. NaN throughout where nothing was measured."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies wholly on one side of 0."""
        return self.low > 0.0 or self.high < 0.0

    def percent(self, digits: int = 1, *, signed: bool = False) -> str:
        """'85.0 [79.4, 89.3]' for a share of 0.85; with `signed`, every number carries its sign."""
        sign = "+" if signed else ""
        mean, low, high = (f"{100 * value:{sign}.{digits}f}" for value in (self.mean, self.low, self.high))
        return f"{mean} [{low}, {high}]"

    def text(self, digits: int = 2) -> str:
        """'3.20 [3.05, 3.35]'."""
        return f"{self.mean:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"

    def to_json(self) -> dict[str, float | None]:
        """Plain numbers; None for NaN, which JSON does not have."""
        return {name: None if math.isnan(value) else value for name, value in (("mean", self.mean), ("low", self.low), ("high", self.high))}


NOTHING = Interval(mean=math.nan, low=math.nan, high=math.nan)


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Interval of a share of successes; right for few episodes and for shares near 0 and 1.

    Raises:
        ValueError: not 0 <= successes <= n.

    Reference: Wilson 1927; Newcombe 1998, "Two-sided confidence intervals for the single proportion", method 3.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes out of {n} cannot be")
    if n == 0:
        return NOTHING
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and n the bound is exactly 0 and 1; the two terms differ by rounding.
    return Interval(
        mean=share,
        low=0.0 if successes == 0 else max(0.0, centre - half),
        high=1.0 if successes == n else min(1.0, centre + half),
    )


def bootstrap_mean(
    values: Numbers, seed: int, *, groups: npt.NDArray[np.int64] | None = None, confidence: float = 0.95, resamples: int = RESAMPLES
) -> Interval:
    """Percentile bootstrap of a mean.

    Args:
        values: (N,) one number for each episode.
        seed: of the resampling; the same seed gives the same interval.
        groups: (N,) what belongs together, such as the house of each episode: whole groups are resampled. None: episodes are.
        confidence: share of the resamples that the interval holds.
        resamples: number of resamples.

    Raises:
        ValueError: values is not (N,), holds NaN, or groups has another shape.

    Reference: Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 13.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or (groups is not None and groups.shape != values.shape):
        raise ValueError(f"values {values.shape} and groups {None if groups is None else groups.shape} must be one row of equal length")
    if np.isnan(values).any():
        raise ValueError("values hold NaN; leave those episodes out and say how many")
    if len(values) == 0:
        return NOTHING
    sums, counts = _by_group(values, groups)  # (G,) each
    means = _resampled_means(sums, counts, stream(seed, "bootstrap"), resamples)
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(means, [tail, 100.0 - tail])
    return Interval(mean=float(values.mean()), low=float(low), high=float(high))


def paired_bootstrap(
    before: Numbers, after: Numbers, seed: int, *, groups: npt.NDArray[np.int64] | None = None, resamples: int = RESAMPLES
) -> Interval:
    """Interval of the mean of `after - before` over the same episodes.

    Args:
        before, after: (N,) the same measure of the same episodes in the same order; booleans count as 0 and 1.
        seed: of the resampling.
        groups: (N,) as in `bootstrap_mean`.
        resamples: number of resamples.

    Raises:
        ValueError: the two do not have the same shape.
    """
    if np.shape(before) != np.shape(after):
        raise ValueError(f"before {np.shape(before)} and after {np.shape(after)} are not the same episodes")
    difference = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    return bootstrap_mean(difference, seed, groups=groups, resamples=resamples)


def _by_group(values: Numbers, groups: npt.NDArray[np.int64] | None) -> tuple[Numbers, Numbers]:
    """Sum and number of episodes of each group, (G,) each."""
    if groups is None:
        return values, np.ones_like(values)
    _, index = np.unique(groups, return_inverse=True)
    return np.bincount(index, weights=values).astype(np.float64), np.bincount(index).astype(np.float64)


def _resampled_means(sums: Numbers, counts: Numbers, draws: np.random.Generator, resamples: int) -> Numbers:
    """(resamples,) mean over the episodes of as many groups as there are, drawn with replacement."""
    size = len(sums)
    chunk = max(1, _DRAWS_AT_ONCE // size)
    means = []
    for begin in range(0, resamples, chunk):
        picked = draws.integers(size, size=(min(chunk, resamples - begin), size))  # (R, G)
        means.append(sums[picked].sum(axis=1) / counts[picked].sum(axis=1))
    return np.concatenate(means)
