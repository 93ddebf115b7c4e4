from bench.peers.task import BATCH, LONGEST, SHORTEST, Row, Tally


def test_the_right_action_is_rewarded_allowed_and_shown() -> None:
    row = Row(0, Tally(), 0.0)
    for _ in range(50):
        assert row.mask[row.right]
        assert (row.picture[8:24, 8:24] == 12 * row.right).all()
        right = row.right
        assert row.step(right)[0] == 1.0
        assert row.step((row.right + 1) % 20)[0] == 0.0


def test_episodes_are_as_long_as_they_say_and_the_tally_knows() -> None:
    tally = Tally()
    row, over = Row(3, tally, 0.0), False
    for _ in range(BATCH + 1):
        if over:
            row.begin()
        _, over = row.step(0)
    assert all(SHORTEST <= length <= LONGEST for length in tally.lengths)
    assert len(tally.marks) == 2, "before the first step, and when a batch is full"
    assert 0 <= BATCH - sum(tally.lengths) + 1 <= LONGEST


def test_rows_of_a_number_play_the_same_whoever_learns() -> None:
    one, two, other = Row(5, Tally(), 0.0), Row(5, Tally(), 0.0), Row(6, Tally(), 0.0)
    seen = [[], [], []]
    for _ in range(60):
        for row, pictures in zip((one, two, other), seen, strict=True):
            pictures.append(row.number)
            row.step(0)
    assert seen[0] == seen[1] != seen[2]
