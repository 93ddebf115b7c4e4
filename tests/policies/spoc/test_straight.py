"""Forward pass and gradients against the straight-line re-creation of the release's arithmetic, which shares no code with ours."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from flare_core.policies.spoc.inputs import PADDING, SpocInputs
from flare_core.policies.spoc.policy import SpocPolicy
from flare_core.policies.spoc.tower import SpocTower
from tests.policies.spoc import tiny

SPEC = replace(tiny.SPEC, exact=True, compress_width=tiny.SPEC.width, context=9)
STEPS, ROWS = 9, 3


@pytest.fixture(scope="module")
def straight() -> ModuleType:
    file = Path(__file__).parents[3] / "bench" / "straight.py"
    spec = importlib.util.spec_from_file_location("straight", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pair(straight: ModuleType) -> tuple[SpocPolicy, SpocTower, Any]:
    """The same weights in both, in double precision."""
    policy = tiny.policy(SPEC).double()
    tower = policy.actor.requires_grad_(True)
    return policy, tower, straight.half_of(SPEC, policy.encoder.text, tower, len(SPEC.actions)).double()


def seen() -> tuple[SpocInputs, Tensor, Tensor]:
    inputs, starts = tiny.inputs(SPEC, STEPS, ROWS), torch.zeros(STEPS, ROWS, dtype=torch.bool)
    starts[[0, 4], [0, 1]] = True
    return replace(inputs, features=inputs.features.double()), starts, starts.cumsum(0)


def straight_inputs(inputs: SpocInputs, episode: Tensor) -> dict[str, Tensor]:
    maps = inputs.features.transpose(-1, -2).unflatten(-1, SPEC.grid)
    return {
        "maps": maps, "tokens": inputs.text.clamp(min=0), "real": inputs.text != PADDING, "previous": inputs.previous,
        "holding": inputs.holding, "time": inputs.step, "episode": episode,
    }  # fmt: skip


def gap(tower: SpocTower, half: nn.Module, straight: ModuleType) -> float:
    theirs = dict(half.named_parameters())
    gaps = []
    for name, parameter in tower.named_parameters():
        other = theirs[straight.name_here(name)]
        assert parameter.grad is not None
        assert other.grad is not None
        gaps.append(float((parameter.grad - other.grad).abs().max() / other.grad.abs().max()))
    return max(gaps)


def test_forward_pass_and_gradients_equal_those_of_the_straight_line(straight: ModuleType) -> None:
    _, tower, half = pair(straight)
    inputs, starts, episode = seen()
    weight = torch.randn(STEPS, ROWS, len(SPEC.actions), dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    ours, _ = tower.sequence(inputs, starts, tower.empty_memory(ROWS))
    theirs = half(**straight_inputs(inputs, episode))
    assert (ours - theirs).abs().max() < 1e-10
    (ours * weight).sum().backward()
    (theirs * weight).sum().backward()
    assert gap(tower, half, straight) < 1e-7  # a key's bias has no gradient but rounding


def test_the_comparison_goes_red_when_a_weight_is_permuted(straight: ModuleType) -> None:
    _, tower, half = pair(straight)
    inputs, starts, episode = seen()
    with torch.no_grad():
        weight = half.fusion_xformer.layers[-1].linear1.weight
        weight[[0, 1]] = weight[[1, 0]]
    ours, _ = tower.sequence(inputs, starts, tower.empty_memory(ROWS))
    assert (ours - half(**straight_inputs(inputs, episode))).abs().max() > 1e-5


@torch.no_grad()
def test_steps_with_a_cache_equal_those_of_the_straight_line(straight: ModuleType) -> None:
    _, tower, half = pair(straight)
    inputs, _, episode = seen()
    half.begin(ROWS, 20)
    half.cache = [(k.double(), v.double()) for k, v in half.cache]
    memory = tower.empty_memory(ROWS)
    for t in range(STEPS):
        ours, memory = tower.step(inputs.at(t), memory)
        now = {name: tensor[t : t + 1] for name, tensor in straight_inputs(inputs, episode).items()}
        assert (ours - half(**now)[0]).abs().max() < 1e-10
