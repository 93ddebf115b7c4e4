"""What is said of the share of houses and types that a body can solve."""

from flare_core.runs.judge import feasible_line


def test_the_share_is_said_with_what_it_means() -> None:
    assert feasible_line("lowbot", 0.7289) == (
        "lowbot can see a target from somewhere it can go to for 72.9 % of houses and types. "
        "Episodes are drawn from these alone: what is measured does not count what the robot can never see."
    )
