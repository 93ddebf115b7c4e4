"""Summaries and comparisons against numbers worked by hand."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from flare_core.evaluation.report import compare, comparison_table, gather, markdown, per_episode, summarise, table, turned, weighted

ACTIONS = ("move_ahead", "done")


def record(number: int, success: bool, **changes: Any) -> Mapping[str, Any]:
    facts = {
        "number": number, "success": success, "length": 10, "path_m": 4.0, "shortest_m": 2.0, "collisions": 1,
        "final_distance_m": 0.5, "action_counts": np.array([9, 1]), "expert_length": 5,
    }  # fmt: skip
    return facts | changes


def test_a_detour_of_twice_the_way_halves_spl_and_failure_makes_it_nothing() -> None:
    success = np.array([True, True, True, False])
    got = weighted(success, np.array([2.0, 2.0, 0.0, 2.0]), np.array([4.0, 1.0, 0.0, 2.0]))
    assert got.tolist() == [0.5, 1.0, 1.0, 0.0]  # shorter than the shortest counts as 1; nothing to do and done is 1


def test_summary_by_hand() -> None:
    got = summarise(gather([record(0, True), record(1, False, path_m=8.0, collisions=3, action_counts=[10, 0])], ACTIONS))
    assert got.episodes == 2
    assert got.success.mean == 0.5
    assert {name: interval.mean for name, interval in got.measures.items()} == {
        "sel": 0.25, "spl": 0.25, "path_m": 6.0, "final_distance_m": 0.5, "collisions": 2.0, "length": 10.0, "collision_rate": 0.2,
    }  # fmt: skip
    assert got.use == {"move_ahead": 0.95, "done": 0.05}


def test_sel_is_reported_only_where_every_episode_has_an_expert() -> None:
    without = {key: value for key, value in record(1, True).items() if key != "expert_length"}
    assert "sel" in per_episode(gather([record(0, True)], ACTIONS))
    assert "sel" not in per_episode(gather([record(0, True), without], ACTIONS))


def test_episodes_are_paired_by_number_not_by_the_order_in_which_they_ended() -> None:
    before = gather([record(2, False), record(0, True), record(1, False)], ACTIONS)
    after = gather([record(0, True), record(1, True), record(2, False)], ACTIONS)
    assert before.number.tolist() == [0, 1, 2]
    got = compare(before, after)
    assert got.difference.mean == pytest.approx(1 / 3)
    assert compare(after, after).difference.to_json() == {"mean": 0.0, "low": 0.0, "high": 0.0}


def test_an_episode_without_a_distance_does_not_spoil_the_mean_of_the_others() -> None:
    got = summarise(
        gather([record(0, True), record(1, False, final_distance_m=np.inf), record(2, False, final_distance_m=np.nan)], ACTIONS)
    )
    assert got.measures["final_distance_m"].mean == 0.5


def test_houses_widen_the_interval_of_their_episodes() -> None:
    rows = [record(at, at // 10 % 2 == 0, house=at // 10) for at in range(300)]
    blind = [{key: value for key, value in row.items() if key != "house"} for row in rows]
    worse = [record(at, False, house=at // 10) for at in range(300)]
    worse_blind = [record(at, False) for at in range(300)]
    by_house = compare(gather(worse, ACTIONS), gather(rows, ACTIONS)).difference
    by_episode = compare(gather(worse_blind, ACTIONS), gather(blind, ACTIONS)).difference
    assert by_house.high - by_house.low > 2 * (by_episode.high - by_episode.low)


def test_a_few_houses_are_not_resampled_as_a_whole() -> None:
    rows = [record(at, at % 2 == 0, house=at % 3) for at in range(60)]
    blind = [{key: value for key, value in row.items() if key != "house"} for row in rows]
    assert summarise(gather(rows, ACTIONS)).to_json() == summarise(gather(blind, ACTIONS)).to_json()


def test_an_episode_that_counts_twice_or_only_once_is_refused() -> None:
    with pytest.raises(ValueError, match="episode 4 was played twice"):
        gather([record(4, True), record(4, True)], ACTIONS)
    with pytest.raises(ValueError, match="did not play the same episodes: 2 differ, the first is 1"):
        compare(gather([record(0, True), record(1, True)], ACTIONS), gather([record(0, True), record(2, True)], ACTIONS))


def test_no_episodes_give_dashes_not_a_crash() -> None:
    summary = summarise(gather([], ACTIONS)).to_json()
    assert summary["episodes"] == 0
    assert summary["success"] is None
    assert table({"none": summary})[1][:3] == ("none", "0", "-")


def test_json_is_flat_and_plain() -> None:
    got = summarise(gather([record(0, True), record(1, False)], ACTIONS)).to_json()
    assert {type(value) for name, value in got.items() if name not in ("use", "episodes")} == {float}
    assert (got["success"], got["episodes"]) == (0.5, 2)
    assert got["success_low"] < 0.5 < got["success_high"]


def test_the_table_of_a_comparison_shows_the_paired_difference() -> None:
    before = gather([record(at, False) for at in range(4)], ACTIONS)
    after = gather([record(at, True, path_m=2.0) for at in range(4)], ACTIONS)
    rows = comparison_table(compare(before, after).to_json())
    assert rows[0] == ("", "episodes", "success, %", "SEL, %", "SPL, %", "path, m", "final distance, m", "collisions", "actions",
                       "collisions, % of actions")  # fmt: skip
    assert rows[1][:5] == ("before", "4", "0.0 [0.0, 49.0]", "0.0 [0.0, 0.0]", "0.0 [0.0, 0.0]")  # Wilson 0 of 4: z^2 / (4 + z^2)
    assert rows[2][2] == "100.0 [51.0, 100.0]"
    assert rows[3][:6] == (
        "difference, paired", "", "+100.0 [+100.0, +100.0]", "+50.0 [+50.0, +50.0]", "+100.0 [+100.0, +100.0]", "-2.00 [-2.00, -2.00]",
    )  # fmt: skip


def test_markdown_has_a_rule_under_its_heading() -> None:
    assert markdown([("", "n"), ("a", "1")]) == "|  | n |\n|---|---|\n| a | 1 |"


def test_a_table_is_turned_with_its_measures_as_rows() -> None:
    assert turned([("", "n", "m"), ("a", "1", "2")]) == [("", "a"), ("n", "1"), ("m", "2")]


def test_costs_and_metrics_of_a_task_have_columns_of_their_own() -> None:
    spent = [
        {**record(at, True), "cost/collisions_per_episode": 3.0 + at, "metric/got_there": float(at), "turned_deg": 60.0, "rooms": np.nan}
        for at in range(2)
    ]
    rows = table({"a": summarise(gather(spent, ACTIONS)).to_json()})
    assert dict(zip(*rows, strict=True))["collisions, cost"].startswith("3.5 [")
    assert dict(zip(*rows, strict=True))["turned, °/m"].startswith("15 [")  # 60 degrees on 4 m
    assert dict(zip(*rows, strict=True))["got there, % of episodes"].startswith("50.0 [")
    assert "rooms, %" not in rows[0]
