"""Evaluate a run's policy before and after in the three real ProcTHOR houses of the tests, and keep the figures.

python scripts/judge_real_houses.py runs/locobot --out results/real_houses.json
"""

import argparse
import json
from pathlib import Path

import torch

from flare_core.bundles.bundle import load_bundle
from flare_core.evaluation.report import Episodes, compare, comparison_table, markdown
from flare_core.houses.procthor import read_house
from flare_core.policies.interface import Policy
from flare_core.runs.candidate import ready
from flare_core.runs.compose import load_plan
from flare_core.runs.console import ConsoleWatcher
from flare_core.runs.facts import commit, machine
from flare_core.runs.finetune import calibrated_policy
from flare_core.runs.judge import judge_policy
from flare_core.runs.stages import Scene
from flare_core.simulators.embedded.compile import compile_scene
from flare_core.simulators.embedded.pack import pack
from flare_core.tasks.words import Vocabulary

ROOT = Path(__file__).resolve().parent.parent
HOUSES = sorted((ROOT / "tests" / "data" / "houses").glob("*.json"))


def main() -> None:
    """Judge both policies on the same episodes and write the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--transfer", default="stretch_to_locobot")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--episodes", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    candidate = ready(str(asked.run / "bundle"))
    seed = int(load_bundle(asked.run / "bundle").lineage["seed"])
    scene = Scene(
        pack=pack([compile_scene(read_house(path)) for path in HOUSES]),
        body=candidate.bundle.embodiment,
        task=candidate.task,
        renders=dict(candidate.senses.views.renders),
        vocabulary=Vocabulary.load(),
    )

    def judged(policy: Policy) -> Episodes:
        watcher.stage("real houses", asked.episodes)
        return judge_policy(scene, policy, candidate.senses, asked.episodes, asked.workers, seed, watcher.advance)

    with ConsoleWatcher() as watcher:
        before = judged(calibrated_policy(load_plan(asked.transfer), seed))
        after = judged(candidate.policy)
    found = compare(before, after, seed).to_json()
    record = {
        "houses": [path.stem for path in HOUSES],
        "simulator": "embedded simulator",
        "seed": seed,
        "commit": commit(),
        "machine": machine(),
        **found,
    }
    asked.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(markdown(comparison_table(found)))


if __name__ == "__main__":
    main()
