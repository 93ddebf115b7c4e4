"""FLaRe's policy after reinforcement learning: an AllenAct file; DINOv2 stands outside, actor and critic share one body or have two."""

from typing import Final

from flare_core.adapters.formats import flare_il, pieces, shapes
from flare_core.adapters.formats.table import Format, Sizes
from flare_core.policies.spoc.spec import SpocSpec

CRITIC: Final = "critic_tsfm."
ORIGIN: Final = "the model of FLaRe's public code, built and listed"
ROWS: Final = (
    *flare_il.body(),
    *pieces.allenact_heads(),
)


def spec(sizes: Sizes, groups: frozenset[str]) -> SpocSpec:
    """Shape of a policy whose image encoder is DINOv2 ViT-S/14 from the Hub."""
    return flare_il.shape(sizes, groups, **flare_il.words(sizes), **shapes.public_dinov2())


SHARED: Final = Format(
    name="flare-rl-shared",
    about="FLaRe, PPO, actor and critic with one body, AllenAct, 139 tensors",
    kind="allenact",
    rows=ROWS,
    spec=spec,
    checks=flare_il.CHECKS,
    origin=ORIGIN,
)
SEPARATE: Final = Format(
    name="flare-rl",
    about="FLaRe, PPO, separate critic, AllenAct, 278 tensors",
    kind="allenact",
    rows=ROWS,
    copies=(CRITIC,),
    spec=spec,
    checks=flare_il.CHECKS,
    origin=ORIGIN,
)
