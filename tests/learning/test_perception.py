from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch

from flare_core.learning.perception import COLUMNS, ROWS, Glimpse, Looker, PerceptionLesson, PerceptionSettings, label
from flare_core.policies.encoder import pooled
from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import CELL, LAYERS, MATCHES, NEAR_SIDES, SIDES
from tests.learning.toy import SPEC


def test_labels_by_hand() -> None:
    kinds = np.full((1, 16, 24), -1, dtype=np.int64)
    kinds[0, 2:6, 16:20] = 1  # category 1 in the first row's last cell, 16 pixels,
    kinds[0, 6:10, 15] = 1  # and two pixels in each of the middle cells: too little
    kinds[0, 0, 0] = 0  # category 0: a single pixel
    depth = np.full((1, 16, 24), 4.0, dtype=np.float32)
    depth[0, 2:6, 16:20] = 1.5
    depth[0, 8:, :3] = 0.0  # sky: as far as can be
    cells, coarse = label(kinds, depth, 2)
    assert cells.shape == (1, 2, LAYERS, 2, 3)
    assert np.argwhere(cells[0]).tolist() == [[1, 0, 0, 2], [1, 1, 0, 2]]  # there, and nearer than 1.9 m, but not than 1.3 m
    picture = coarse.reshape(ROWS, COLUMNS)
    assert np.allclose(picture[1, 0], np.log(4.0))
    assert np.allclose(picture[ROWS - 1, 0], np.log(10.0))
    assert np.allclose(picture[0, 5], (np.log(1.5) * 4 + np.log(4.0) * 8) / 12)  # rows 0-3, columns 15-17: two of each are near


class Squares:
    """A bright square on one side, near when it is large."""

    def __init__(self, seed: int) -> None:
        self.seed, self.turn = seed, 0

    def look(self) -> Mapping[str, Glimpse]:
        draws = np.random.default_rng((self.seed, self.turn))
        self.turn += 1
        images = np.zeros((64, 16, 16, 3), dtype=np.uint8)
        kinds, depth = np.full((64, 16, 16), -1, dtype=np.int64), np.full((64, 16, 16), 5.0, dtype=np.float32)
        for row, side in enumerate(draws.integers(0, 3, 64)):
            at = np.s_[4:10, 5 * side : 5 * side + 5]
            images[row][at] = draws.integers(120, 255, 3)
            kinds[row][at] = 0
            depth[row][at] = 1.0
        cells, coarse = label(kinds, depth, 1)
        return {"navigation": Glimpse(images=images, cells=cells, depth=coarse)}


def lesson(*, processes: bool = False) -> PerceptionLesson:
    torch.manual_seed(0)
    settings = PerceptionSettings(frames=4096, passes=4, batch=32, buffer=512, learning_rate=3e-3)
    instructions, table = torch.tensor([[[1, 0]], [[1, 2]]]), torch.linspace(-1, 1, 3 * 64).reshape(3, 64)
    return PerceptionLesson(SmallPolicy(SPEC).encoder, [Squares(0), Squares(1)], settings, instructions, table, seed=0, processes=processes)


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
    features, goal = torch.rand(2, encoder.spec.view_width), torch.zeros(2, SPEC.goal_width)
    goal[0, 0] = goal[1, 1] = 1.0  # the first means the bed, the second the sofa
    shown = encoder.shown(features)  # (2, 2, MATCHES)
    assert torch.allclose(encoder.match(features, goal), shown[[0, 1], [0, 1]])


def test_cells_are_pooled_by_strips() -> None:
    cells = torch.full((1, 1, LAYERS, 2, 12), -9.0)
    cells[0, 0, 0, 1, 5] = 1.0  # there, in column 5 of 12: the third of six strips
    cells[0, 0, 1, 0, 11] = 2.0  # near, in the last of three
    cells[0, 0, 2, 0, 0] = 3.0  # close
    found = pooled(cells)[0, 0]
    assert found.shape == (MATCHES,)
    assert {at: value for at, value in enumerate(found.tolist()) if value > -9} == {2: 1.0, SIDES + 2: 2.0, SIDES + NEAR_SIDES: 3.0}


def test_cells_are_pooled_by_levels_too_where_that_is_asked_for() -> None:
    cells = torch.full((1, 1, LAYERS, 5, 8), -9.0)
    cells[0, 0, 0, 4, 2] = 1.0  # there, in the lowest of five rows
    cells[0, 0, 1, 0, 2] = 2.0  # near counts for no level
    found = pooled(cells, levels=5)[0, 0]
    assert found.shape == (MATCHES + 5,)
    assert found[MATCHES:].tolist() == [-9.0, -9.0, -9.0, -9.0, 1.0]
    assert torch.equal(found[:MATCHES], pooled(cells)[0, 0])


@torch.no_grad()
def test_folding_the_norms_changes_nothing_that_is_seen() -> None:
    taught = lesson()
    taught.round()
    encoder = taught.student.encoder.eval()
    encoder.fast = False
    image = {"navigation": torch.randint(0, 255, (4, 16, 16, 3), dtype=torch.uint8)}
    before = encoder.features(image, 4)
    taught.finish()
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in encoder.modules())
    assert torch.allclose(encoder.features(image, 4), before, atol=1e-4)
    assert encoder.features(image, 4).shape == (4, SPEC.view_width)
    assert CELL * 2 == 16  # the image is two cells wide: strips overlap and none is empty


@pytest.mark.parametrize("processes", [False, True])
def test_the_lesson_is_repeatable_also_in_processes(processes: bool) -> None:
    one = lesson()
    with closing(lesson(processes=processes)) as two:
        assert one.round() == two.round()
        assert one.round() == two.round()
    mine, theirs = one.student.state_dict(), two.student.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def _turn(looker: Looker) -> int:
    return looker.lookout.turn


@pytest.mark.parametrize("processes", [False, True])
def test_a_lesson_goes_on_from_where_it_stood(processes: bool) -> None:
    with closing(lesson(processes=processes)) as one, closing(lesson(processes=processes)) as two:
        for _ in range(2):
            one.round()
        two.restore(*one.state())
        assert (two.frames, two.rounds, two.crew.each(_turn)) == (one.frames, one.rounds, one.crew.each(_turn))
        mine, theirs = one.lookers[1].student.state_dict(), two.lookers[1].student.state_dict()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine if "running" not in name and "batches" not in name)
        before = two.frames
        two.round()
        assert two.frames > before
