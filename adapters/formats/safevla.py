"""SafeVLA: FLaRe's network with a third copy that values costs."""

from typing import Final

from flare_core.adapters.formats import flare_il, flare_rl
from flare_core.adapters.formats.table import Format

FORMAT: Final = Format(
    name="safevla",
    about="SafeVLA, PPO with a cost critic, AllenAct, 417 tensors",
    kind="allenact",
    rows=flare_rl.ROWS,
    copies=(flare_rl.CRITIC, "c_critic_tsfm."),
    spec=flare_rl.spec,
    checks=flare_il.CHECKS,
    origin="SafeVLA's public code, read; its model was not built",
)
