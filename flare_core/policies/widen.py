"""A policy in a wider shape that does as before: more levels of its views, a longer memory, more senses."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from flare_core.policies.encoder import NOTHING
from flare_core.policies.spec import PolicySpec


def can_widen(narrow: PolicySpec, wide: PolicySpec) -> bool:
    """Whether `wide` differs from `narrow` in nothing but more levels, another context and further body inputs after those it has."""
    same = wide == replace(narrow, levels=wide.levels, context=wide.context, body_inputs=wide.body_inputs)
    return same and wide.levels >= narrow.levels and wide.body_inputs[: len(narrow.body_inputs)] == narrow.body_inputs


def widened(state: Mapping[str, Tensor], narrow: PolicySpec, wide: PolicySpec) -> dict[str, Tensor]:
    """Weights in the wide shape: what is new is nothing to every layer until it is learned from.

    Args:
        state: of a SmallPolicy of the narrow shape.
    """
    more, views, found = wide.levels - narrow.levels, len(narrow.views), dict(state)
    for view in narrow.views:
        name = f"encoder.views.{view.name}.absent"
        scene, shown = state[name][: narrow.features], state[name][narrow.features :].reshape(-1, narrow.matches)
        none = torch.full((len(shown), more), NOTHING, dtype=shown.dtype)
        found[name] = torch.cat([scene, torch.cat([shown, none], dim=1).flatten()])
    weight = state["actor.see.weight"]  # columns: the scenes of all views, then the matches of all views
    scenes, matches = weight[:, : narrow.features * views], weight[:, narrow.features * views :].reshape(len(weight), views, -1)
    none = torch.zeros((*matches.shape[:2], more), dtype=weight.dtype)
    found["actor.see.weight"] = torch.cat([scenes, torch.cat([matches, none], dim=2).flatten(1)], dim=1)
    inputs = state["actor.body.weight"]
    none = torch.zeros((len(inputs), len(wide.body_inputs) - len(narrow.body_inputs)), dtype=inputs.dtype)
    found["actor.body.weight"] = torch.cat([inputs, none], dim=1)
    return found
