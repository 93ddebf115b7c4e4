"""The Hub's own form of an evaluation, `.eval_results/*.yaml`: it ties a figure to a benchmark, which is a dataset of the Hub.

Reference: https://huggingface.co/docs/hub/eval-results
"""

from dataclasses import dataclass
from typing import Final

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from flare_core.bundles.bundle import Bundle
from flare_core.bundles.card_data import about_results, headline
from flare_core.errors import HubError
from flare_core.hub.address import parse_address

EVALUATIONS: Final = ".eval_results/flare.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A benchmark of the Hub and one of its tasks."""

    dataset: str
    task: str


def parse_benchmark(text: str) -> Benchmark:
    """Read ORG/DATASET:TASK.

    Raises:
        HubError: it is none.
    """
    dataset, colon, task = text.partition(":")
    if not colon or not task.isidentifier():
        raise HubError(f"--benchmark {text}: is not ORG/DATASET:TASK, such as myorg/house-search:objectnav")
    return Benchmark(dataset=parse_address(dataset).repo, task=task)


def entry_of(bundle: Bundle, benchmark: Benchmark) -> str:
    """YAML text with the bundle's success in per cent.

    Raises:
        HubError: it has not been evaluated.
    """
    found = None if bundle.results is None else headline(bundle.results)
    if bundle.results is None or found is None:
        raise HubError(f"{bundle.name}: has no evaluation, so there is nothing for a benchmark. `flare train` makes one")
    low, high = (100 * found[f"success_{end}"] for end in ("low", "high"))
    about = about_results(bundle.lineage, bundle.results)
    notes = f"success, %; 95 % interval {low:.1f} to {high:.1f}; {found['episodes']} episodes; {about['simulator']}"
    entry = EvalResultEntry(
        dataset_id=benchmark.dataset, task_id=benchmark.task, value=round(100 * found["success"], 2), notes=notes
    )  # fmt: skip
    return yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False)
