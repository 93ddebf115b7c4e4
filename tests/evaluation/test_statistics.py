"""Intervals against published and hand-worked numbers."""

import math

import numpy as np
import pytest

from flare_core.evaluation.statistics import Interval, bootstrap_mean, paired_bootstrap, wilson
from flare_core.seeding import stream


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 1 - 0.1170, 1.0),  # mirror of 0 of 29: z^2 / (n + z^2) = 3.8415 / 32.8415
    ],
)
def test_wilson_gives_the_published_intervals(successes: int, n: int, low: float, high: float) -> None:
    got = wilson(successes, n)
    assert got.mean == successes / n
    assert got.low == pytest.approx(low, abs=5.1e-5)
    assert got.high == pytest.approx(high, abs=5.1e-5)


def test_wilson_of_half_by_hand() -> None:
    # share 1/2, n 4, z^2 = 3.8415: centre 1/2, half z / (1 + z^2/4) * sqrt(1/16 + z^2/64) = 1.96 / 1.9604 * 0.35001
    got = wilson(2, 4)
    assert (got.low, got.high) == pytest.approx((0.5 - 0.34996, 0.5 + 0.34996), abs=5e-5)


def test_wilson_never_leaves_the_unit_interval_and_always_holds_the_share() -> None:
    for n in range(1, 40):
        for successes in range(n + 1):
            got = wilson(successes, n)
            assert 0.0 <= got.low <= got.mean <= got.high <= 1.0


def test_wilson_covers_the_truth_as_often_as_it_says() -> None:
    hits = stream(0, "test").binomial(200, 0.3, size=4000)
    covered = [wilson(int(hit), 200).low <= 0.3 <= wilson(int(hit), 200).high for hit in hits]
    assert 0.94 < np.mean(covered) < 0.965


def test_no_episodes_give_no_interval_and_impossible_counts_are_refused() -> None:
    assert all(math.isnan(value) for value in (wilson(0, 0).mean, wilson(0, 0).low, wilson(0, 0).high))
    assert wilson(0, 0).to_json() == {"mean": None, "low": None, "high": None}
    with pytest.raises(ValueError, match="5 successes out of 4"):
        wilson(5, 4)


def test_bootstrap_of_a_large_sample_is_the_normal_interval() -> None:
    values = stream(1, "test").normal(3.0, 2.0, size=2000)
    half = 1.96 * values.std() / math.sqrt(2000)
    got = bootstrap_mean(values, seed=0)
    assert got.mean == pytest.approx(values.mean())
    assert (got.low, got.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.006)


def test_bootstrap_of_two_values_by_hand() -> None:
    # The mean of two draws from {0, 1} is 0, 1/2, 1 with chances 1/4, 1/2, 1/4: 2.5 % of the mass ends at 0 and begins at 1.
    assert bootstrap_mean(np.array([0.0, 1.0]), seed=0) == Interval(mean=0.5, low=0.0, high=1.0)


def test_pairs_count_not_only_the_totals() -> None:
    before = np.tile([0.0, 1.0], 250)
    same_episodes = paired_bootstrap(before, before, seed=0)
    other_episodes = paired_bootstrap(before, 1.0 - before, seed=0)
    assert same_episodes == Interval(mean=0.0, low=0.0, high=0.0)
    assert other_episodes.mean == 0.0
    assert other_episodes.high == pytest.approx(1.96 / math.sqrt(500), abs=0.01)  # the difference is +1 or -1: deviation 1


def test_an_improvement_on_every_tenth_episode_is_seen_as_one() -> None:
    before, after = np.zeros(500, dtype=bool), np.arange(500) % 10 == 0
    got = paired_bootstrap(before, after, seed=0)
    half = 1.96 * math.sqrt(0.1 * 0.9 / 500)
    assert got.mean == pytest.approx(0.1)
    assert (got.low, got.high) == pytest.approx((0.1 - half, 0.1 + half), abs=0.004)
    assert got.excludes_zero
    assert not Interval(mean=0.01, low=-0.01, high=0.03).excludes_zero
    assert Interval(mean=-0.02, low=-0.03, high=-0.01).excludes_zero


def test_same_seed_same_interval_and_another_seed_another() -> None:
    values = stream(2, "test").random(100)
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)


def test_episodes_of_one_house_do_not_count_as_independent() -> None:
    # 20 houses, 25 episodes each, all episodes of a house alike: the interval must be that of 20 numbers, sqrt(25) wider.
    house = np.repeat(np.arange(20), 25)
    values = (house % 2).astype(np.float64)
    alone, together = bootstrap_mean(values, seed=0), bootstrap_mean(values, seed=0, groups=house)
    assert together.mean == alone.mean == 0.5
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(5.0, rel=0.15)


def test_groups_of_unequal_size_weigh_by_their_episodes() -> None:
    # Groups with sums 3 (of 3 episodes) and 0 (of 1): two draws give 6/6, 3/4 twice, 0/2.
    got = bootstrap_mean(np.array([1.0, 1.0, 1.0, 0.0]), seed=0, groups=np.array([7, 7, 7, 2]))
    assert got == Interval(mean=0.75, low=0.0, high=1.0)


def test_more_episodes_than_fit_in_one_chunk_give_an_interval_too() -> None:
    got = bootstrap_mean(np.arange(5000, dtype=np.float64), seed=0, resamples=1700)
    assert got.low < 2499.5 < got.high


def test_other_episodes_and_missing_values_are_refused() -> None:
    with pytest.raises(ValueError, match=r"before \(3,\) and after \(4,\) are not the same episodes"):
        paired_bootstrap(np.zeros(3), np.zeros(4), seed=0)
    with pytest.raises(ValueError, match="NaN"):
        bootstrap_mean(np.array([1.0, np.nan]), seed=0)
    with pytest.raises(ValueError, match="one row"):
        bootstrap_mean(np.zeros((2, 2)), seed=0)


def test_text_forms() -> None:
    share = Interval(mean=0.85, low=0.794, high=0.893)
    assert share.percent() == "85.0 [79.4, 89.3]"
    assert Interval(mean=0.15, low=-0.02, high=0.32).percent(0, signed=True) == "+15 [-2, +32]"
    assert Interval(mean=3.2, low=3.05, high=3.354).text() == "3.20 [3.05, 3.35]"
