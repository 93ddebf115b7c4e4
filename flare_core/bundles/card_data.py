"""Front matter of a bundle's card: what the Hugging Face Hub reads, searches and shows beside it."""

from collections.abc import Mapping
from typing import Any, Final

from huggingface_hub import EvalResult, ModelCardData

from flare_core.embodiments.body import Embodiment

UNKNOWN: Final = "unknown"  # the Hub's own word for a licence that is not stated
BASELINES: Final = ("expert", "random", "images zeroed", "goal words shuffled")
"""Rows of an evaluation that are not this policy's own figures: `flare pretrain` judges them beside it."""
_MEASURES: Final = (("success", "success, %"), ("spl", "SPL, %"), ("sel", "SEL, %"))  # shares, shown in per cent


def front_matter(*, name: str, body: Embodiment, task: str, lineage: Mapping[str, Any], results: Mapping[str, Any] | None) -> str:
    """YAML text of the front matter, without its marks.

    Args:
        name: of the bundle.
        body: the robot.
        task: its name.
        lineage, results: as in `Bundle`.
    """
    parent = lineage.get("parent")
    repo = parent.get("repo") if isinstance(parent, Mapping) else None
    data = ModelCardData(
        license=str(lineage.get("licence") or UNKNOWN),
        library_name="flare-core",
        pipeline_tag="robotics",
        tags=list(dict.fromkeys(["flare", "embodiment-transfer", "reinforcement-learning", body.name, task])),
        model_name=name,
        base_model=repo,
        base_model_relation="finetune" if repo else None,
        eval_results=eval_results(task, lineage, results) or None,
    )
    return data.to_yaml().strip()


def eval_results(task: str, lineage: Mapping[str, Any], results: Mapping[str, Any] | None) -> list[EvalResult]:
    """The Hub's structured form of the evaluation: one entry for each measure before and after, or for each row."""
    if results is None:
        return []
    about = about_results(lineage, results)
    split = str(about.get("split", "test"))
    found = []
    for label, summary in summaries(results).items():
        if label in BASELINES:
            continue
        for measure, title in _MEASURES:
            if summary.get(measure) is None:
                continue
            interval = [
                round(100 * summary[f"{measure}_{end}"], 2) for end in ("low", "high") if summary.get(f"{measure}_{end}") is not None
            ]
            found.append(
                EvalResult(
                    task_type="robotics",
                    task_name=task,
                    dataset_type="flare-generated-houses",
                    dataset_name=f"{task} in held-out houses, {about['simulator']}",
                    dataset_split=split,
                    metric_type=measure,
                    metric_name=f"{title}, {label}",
                    metric_value=round(100 * summary[measure], 2),
                    metric_args={"interval_95": interval, "episodes": summary["episodes"]},
                )
            )
    return found


def summaries(results: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Summaries by label: after and before of a fine-tuning, or the rows of an evaluation."""
    found = {label: summary for label, summary in results.items() if isinstance(summary, Mapping) and "episodes" in summary}
    first = [label for label in ("after", "before") if label in found]  # the Hub shows the first as the headline
    return {label: found[label] for label in (*first, *(label for label in found if label not in first))}


def headline(results: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The summary that stands for the policy: after fine-tuning, or the first row that is its own."""
    return next((summary for label, summary in summaries(results).items() if label not in BASELINES), None)


def about_results(lineage: Mapping[str, Any], results: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the figures rest on: `simulator`, and `split`, `task` and `seed` where they are known."""
    about = results.get("about")
    found = dict(about) if isinstance(about, Mapping) else {}
    return {"simulator": str(lineage.get("simulator", "embedded simulator")), **found}
