"""Carry a pretrained robot policy onto another body and fine-tune it in simulated houses.

`flare_core.load` makes a policy ready to act: see `flare_core.acting.policy.load`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flare_core.acting.policy import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that `import flare_core` alone stays fast."""
    if name != "load":
        raise AttributeError(f"module 'flare_core' has no attribute {name!r}")
    from flare_core.acting.policy import load

    return load
