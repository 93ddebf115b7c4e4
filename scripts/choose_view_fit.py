"""Which `fit` a transfer's navigation view should use: 500 validation episodes for each, before any training.

    python scripts/choose_view_fit.py specs/transfers/stretch_to_locobot.yaml --out results/view_fit_locobot.json

Validation houses only; test episodes are never used for a choice.
"""

import argparse
import json
from pathlib import Path

import torch

from flare_core.adapters.spec import load_transfer
from flare_core.bundles.bundle import weights_digest
from flare_core.evaluation.report import markdown, summarise, table
from flare_core.runs.carry import plan_of
from flare_core.runs.console import ConsoleWatcher
from flare_core.runs.facts import commit, machine
from flare_core.runs.finetune import calibrated_policy, scene_for, senses_of
from flare_core.runs.judge import judge_policy
from flare_core.runs.stages import HELD_OUT_HOUSES

FITS = ("reproject", "resize", "crop")


def main() -> None:
    """Judge every fit on the same episodes and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transfer", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found = {}
    with ConsoleWatcher() as watcher:
        for fit in FITS:
            transfer = plan_of(load_transfer(asked.transfer, [("views.navigation.fit", fit)]))
            senses = senses_of(transfer)
            policy = calibrated_policy(transfer, seed=0)
            scene = scene_for(transfer, "val", HELD_OUT_HOUSES, senses)
            watcher.stage(fit, asked.episodes)
            episodes = judge_policy(scene, policy, senses, asked.episodes, asked.workers, 0, watcher.advance)
            found[fit] = summarise(episodes).to_json() | {"covered": senses.views.covered["navigation"]}
    record = {
        "transfer": asked.transfer.stem,
        "split": "val",
        "simulator": "embedded simulator",
        "seed": 0,
        "policy": weights_digest(transfer.bundle.state),
        "specs": {
            "embodiment": transfer.embodiment.sha256,
            "task": transfer.task_spec.sha256,
            "recipe": transfer.recipe_spec.sha256,
        },
        "commit": commit(),
        "machine": machine(),
        "fits": found,
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(markdown(table(found)))


if __name__ == "__main__":
    main()
