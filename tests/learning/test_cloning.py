from contextlib import closing
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from flare_core.learning.cloning import Apprentice, Cloner, CloneSettings, Lesson, Pupil
from flare_core.policies.agent import Senses
from flare_core.policies.small import SmallPolicy
from tests.learning.toy import SPEC, PlainViews, Toy, senses

SETTINGS = CloneSettings(
    learning_rate=3e-3, rollout=8, passes=2, minibatches=2, expert_share=0.3, segments=(), expert_only_steps=64, random_actions=0.1,
    drop_view=0.0, border=0.5, steps=3_072,
)  # fmt: skip
WORDS = np.linspace(-1, 1, 2 * 64, dtype=np.float32).reshape(2, 64)


class ToyTeacher:
    """Knows the lit side."""

    def __init__(self, toy: Toy) -> None:
        self.toy = toy

    def actions(self, previous: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        del previous
        return np.where(self.toy.sides(), 2, 1), np.ones(self.toy.num_envs, dtype=np.bool_)


class LostTeacher(ToyTeacher):
    """Knows the lit side in even rows only; in the others it says the wrong one, and says that it is lost."""

    def actions(self, previous: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        right, _ = super().actions(previous)
        known = np.arange(len(right)) % 2 == 0
        return np.where(known, right, 3 - right), known


class LyingTeacher(LostTeacher):
    """As the lost one, but it does not say so."""

    def actions(self, previous: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        said, _ = super().actions(previous)
        return said, np.ones(len(said), dtype=np.bool_)


def cloner(workers: int = 2, teacher: type[ToyTeacher] = ToyTeacher, *, processes: bool = False) -> Cloner:
    torch.manual_seed(0)
    policy = SmallPolicy(SPEC)
    toys = [Toy(8, first=8 * at) for at in range(workers)]
    made = [[Apprentice(toy, teacher(toy), senses(policy), SETTINGS, 1)] for toy in toys]
    return Cloner(policy, made, SETTINGS, 1, processes=processes)


def agreement(made: Cloner) -> float:
    """With the expert at the end of learning: the mean of its last eight updates."""
    found = []
    while made.steps < SETTINGS.steps:
        found.append(float(made.update()["agreement"]))  # type: ignore[arg-type]
    return float(np.mean(found[-8:]))


def test_cloning_learns_what_the_expert_sees_although_borders_are_covered() -> None:
    assert agreement(cloner()) > 0.8


def test_nothing_is_learned_from_an_expert_that_is_lost() -> None:
    found = {teacher: agreement(cloner(teacher=teacher)) for teacher in (LostTeacher, LyingTeacher)}
    assert found[LostTeacher] > 0.8 > 0.7 > found[LyingTeacher]


@pytest.mark.parametrize("processes", [False, True])
def test_cloning_is_repeatable_also_in_processes(processes: bool) -> None:
    one = cloner()
    with closing(cloner(processes=processes)) as two:
        records = [(one.update(), two.update()) for _ in range(4)]
        assert two.crew.each(Pupil.latest_episode) == one.crew.each(Pupil.latest_episode)
    np.testing.assert_equal(*zip(*records, strict=True))
    mine, theirs = one.policy.state_dict(), two.policy.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_borders_are_covered_in_some_episodes_and_for_a_whole_episode() -> None:
    apprentice = cloner().pupils[0].apprentices[0]
    image = np.full((64, 16, 16, 3), 7, dtype=np.uint8)
    numbers = np.arange(64, dtype=np.int64)
    first = apprentice._bordered({"navigation": image}, numbers)["navigation"]
    again = apprentice._bordered({"navigation": image}, numbers)["navigation"]
    touched = (first != 7).reshape(64, -1).any(axis=1)
    assert np.array_equal(first, again)
    assert 0.2 < touched.mean() < 0.8
    assert set(np.unique(first[touched])) <= {7, 128}
    assert (image == 7).all()  # the environment's own picture is left alone


def test_senses_encode_a_goal_again_only_when_it_changes() -> None:
    policy = SmallPolicy(SPEC)
    eyes = Senses(policy, PlainViews(), WORDS)
    first = eyes._goals(np.array([[1, 0], [0, 0]], dtype=np.int32))
    second = eyes._goals(np.array([[1, 0], [1, 0]], dtype=np.int32))
    assert torch.equal(first[0], second[0])
    assert torch.allclose(second[0], second[1], atol=1e-5)
    assert not torch.allclose(first[1], second[1])


def test_who_leads_is_drawn_anew_after_a_segment_or_stays_to_the_end() -> None:
    apprentice = cloner().pupils[0].apprentices[0]
    numbers = np.arange(400, dtype=np.int64)
    early, late = np.zeros_like(numbers), np.full_like(numbers, 20)
    assert np.array_equal(apprentice._by_expert(numbers, early), apprentice._by_expert(numbers, late))
    apprentice.settings = replace(SETTINGS, segments=(10,))
    first, same, next_one = (apprentice._by_expert(numbers, np.full_like(numbers, step)) for step in (0, 9, 10))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, next_one)
    assert abs(float(next_one.mean()) - SETTINGS.expert_share) < 0.1
    apprentice.settings = replace(SETTINGS, segments=(10, 50))
    changed = apprentice._by_expert(numbers, np.full_like(numbers, 10)) != apprentice._by_expert(numbers, early)
    assert changed[::2].any()
    assert not changed[1::2].any()


def test_a_worker_learns_from_its_tasks_side_by_side() -> None:
    torch.manual_seed(0)
    policy = SmallPolicy(SPEC)
    toys = [Toy(4), Toy(4, first=100)]
    pair = [Apprentice(toy, ToyTeacher(toy), senses(policy), SETTINGS, 1, task) for toy, task in zip(toys, ("one", "two"), strict=True)]
    parts = [apprentice.collect(policy, True) for apprentice in pair]
    joined = Lesson.join(parts)
    assert joined.labels.shape == (8, 8)
    assert torch.equal(joined.labels[:, 4:], parts[1].labels)
    assert torch.equal(joined.inputs.features[:, :4], parts[0].inputs.features)
    assert torch.equal(joined.memory.age, torch.cat([part.memory.age for part in parts]))
    logits, _ = policy.actor.sequence(joined.inputs, joined.starts, joined.memory)
    alone, _ = policy.actor.sequence(parts[1].inputs, parts[1].starts, parts[1].memory)
    assert torch.allclose(logits[:, 4:], alone, atol=1e-5)
    record = Cloner(policy, [pair], SETTINGS, 1).update()
    assert record["steps"] == 64
    assert {episode["task"] for episode in record["episodes"]} <= {"one", "two"}
