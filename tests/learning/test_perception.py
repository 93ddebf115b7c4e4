from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from flare_core.learning.perception import COLUMNS, ROWS, SIDES, Glimpse, PerceptionLesson, PerceptionSettings, label
from flare_core.policies.small import SmallPolicy
from tests.learning.toy import SPEC


def test_labels_by_hand() -> None:
    kinds = np.full((1, 8, 24), -1, dtype=np.int64)
    kinds[0, :4, 16:20] = 1  # category 1 in the right third, 16 pixels
    kinds[0, 0, 0] = 0  # category 0: a single pixel is too little
    depth = np.full((1, 8, 24), 4.0, dtype=np.float32)
    depth[0, :4, 16:20] = 1.0
    depth[0, 4:, :3] = 0.0  # sky: as far as can be
    there, coarse = label(kinds, depth, 2)
    assert there[0, :, :SIDES].tolist() == [[False, False, False], [False, False, True]]
    assert there[0, :, SIDES].tolist() == [False, True]  # nearer than 2.2 m
    picture = coarse.reshape(ROWS, COLUMNS)
    assert np.allclose(picture[0, 0], np.log(4.0))
    assert np.allclose(picture[ROWS - 1, 0], np.log(10.0))
    assert np.allclose(picture[0, 5], (np.log(1.0) * 4 + np.log(4.0) * 2) / 6)  # columns 15-17: one far, two near, in both rows


class Squares:
    """A bright square on one side, near when it is large."""

    def __init__(self, seed: int) -> None:
        self.draws = np.random.default_rng(seed)

    def look(self) -> Mapping[str, Glimpse]:
        images = np.zeros((64, 16, 16, 3), dtype=np.uint8)
        kinds, depth = np.full((64, 16, 16), -1, dtype=np.int64), np.full((64, 16, 16), 5.0, dtype=np.float32)
        for row, side in enumerate(self.draws.integers(0, 3, 64)):
            at = np.s_[4:10, 5 * side : 5 * side + 5]
            images[row][at] = self.draws.integers(120, 255, 3)
            kinds[row][at] = 0
            depth[row][at] = 1.0
        there, coarse = label(kinds, depth, 1)
        return {"navigation": Glimpse(images=images, there=there, depth=coarse)}


def lesson() -> PerceptionLesson:
    torch.manual_seed(0)
    settings = PerceptionSettings(frames=4096, passes=4, batch=32, buffer=512, learning_rate=3e-3)
    instructions, table = torch.tensor([[[1, 0]], [[1, 2]]]), torch.linspace(-1, 1, 3 * 64).reshape(3, 64)
    return PerceptionLesson(SmallPolicy(SPEC).encoder, [Squares(0), Squares(1)], settings, instructions, table, seed=0)


def test_the_encoder_learns_on_which_side_a_thing_stands() -> None:
    taught = lesson()
    first = taught.round()
    while taught.frames < 4096:
        last = taught.round()
    assert last["navigation_there"] < 0.4 * first["navigation_there"]


@torch.no_grad()
def test_a_match_is_what_is_shown_of_the_category_that_the_goal_means() -> None:
    encoder = SmallPolicy(replace(SPEC, categories=("bed", "sofa"))).encoder
    encoder.category.weight.zero_()
    encoder.category.weight[0, 0], encoder.category.weight[1, 1] = 100.0, 100.0
    encoder.category.bias.zero_()
    features, goal = torch.rand(2, SPEC.features), torch.zeros(2, SPEC.goal_width)
    goal[0, 0] = goal[1, 1] = 1.0  # the first means the bed, the second the sofa
    shown = encoder.shown(SPEC.views[0], features)  # (2, 2, 4)
    assert torch.allclose(encoder.match(features, goal), shown[[0, 1], [0, 1]])


def test_the_lesson_is_repeatable() -> None:
    one, two = lesson(), lesson()
    for taught in (one, two):
        taught.round()
    mine, theirs = one.students[0].state_dict(), two.students[0].state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
