"""Carry a policy onto a body and keep it, without training."""

from pathlib import Path

from flare_core.adapters.head import Account
from flare_core.bundles.bundle import refuse_taken, save_bundle
from flare_core.runs.carry import Transfer, carried_policy
from flare_core.runs.finetune import bundle_of, calibrated_policy, lineage


def adapt(transfer: Transfer, out: Path, *, seed: int, calibrate: bool, command: str) -> tuple[Path, Account]:
    """Write the carried policy as a bundle.

    Args:
        out: the bundle's folder.
        seed: of the states that new rows are calibrated on.
        calibrate: give new rows the probabilities that the transfer asks for; else their biases stay as they were copied.

    Returns:
        The folder, and what became of every tensor.

    Raises:
        BundleError: `out` holds something already.
    """
    refuse_taken(out)
    policy, account = carried_policy(transfer)
    if calibrate:
        policy = calibrated_policy(transfer, seed)
    facts = lineage(transfer, seed, command, "embedded simulator") | {"steps": 0, "calibrated": calibrate}
    return save_bundle(out, bundle_of(transfer, policy, facts, None, name=out.resolve().name)), account
