"""How large the policy's image should be: the same short lesson in seeing at three sizes, judged on frames from validation houses.

    python scripts/choose_image_size.py --out results/image_size.json

A category's average precision says how well its near cells are told from all others, over whole frames; a cost stands
beside it, as every step of training pays it. Frames look towards things as often as in the lesson.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from flare_core.evaluation.report import markdown
from flare_core.learning.perception import PerceptionLesson, PerceptionSettings
from flare_core.policies.encoder import Encoder, ViewEncoder
from flare_core.policies.spec import PolicySpec, View
from flare_core.runs.facts import commit, machine
from flare_core.runs.glimpses import EmbeddedLookout
from flare_core.runs.pretrain import instructions_of
from flare_core.runs.pretraining import Pretraining, load_pretraining, randomised_body
from flare_core.runs.stages import houses_of
from flare_core.tasks.words import Vocabulary

SIZES = ((96, 56), (128, 72), (160, 96))
VIEW = "navigation"
BATCH = 64


def average_precision(score: npt.NDArray[np.float64], true: npt.NDArray[np.bool_]) -> float:
    """Mean of the precision at every true frame, best score first; nan without a true frame."""
    ranked = true[np.argsort(-score, kind="stable")]
    return float((np.cumsum(ranked) / np.arange(1, len(ranked) + 1))[ranked].mean()) if ranked.any() else float("nan")


def lookout(pretraining: Pretraining, spec: PolicySpec, split: str, houses: int, seed: int) -> EmbeddedLookout:
    """Frames as the lesson has them; in validation houses in their own colours, with the body as it is."""
    wide, trains = pretraining.spec.randomisation, split == "train"
    body = randomised_body(pretraining) if trains else pretraining.body
    return EmbeddedLookout(
        houses_of("train" if trains else "val", houses), body, pretraining.task, spec, seed=seed, worker=0, workers=1,
        border=wide.border if trains else 0.0, plain=wide.plain if trains else 1.0, focus=pretraining.spec.perception.focus,
    )  # fmt: skip


@torch.no_grad()
def judged(encoder: Encoder, held_out: EmbeddedLookout, frames: int) -> dict[str, float]:
    """Average precision over categories of `there` and `near`, and the milliseconds that a frame takes to look at."""
    view = encoder.views[VIEW]
    assert isinstance(view, ViewEncoder)
    said, true, spent = list[npt.NDArray[np.float64]](), list[npt.NDArray[np.bool_]](), 0.0
    for _ in range(frames // BATCH):
        glimpse = held_out.look()[VIEW]
        began = time.perf_counter()
        with encoder.arithmetic():
            _, cells = view.look(torch.from_numpy(glimpse.images))
        spent += time.perf_counter() - began
        said.append(cells.float().amax((3, 4)).numpy().astype(np.float64))
        true.append(glimpse.cells.any(axis=(3, 4)))
    scores, labels = np.concatenate(said), np.concatenate(true)  # (N, K, LAYERS)
    kinds = range(labels.shape[1])
    found = {
        name: float(np.nanmean([average_precision(scores[:, k, layer], labels[:, k, layer]) for k in kinds]))
        for layer, name in enumerate(("there", "near"))
    }
    return found | {"milliseconds": 1000 * spent / len(scores)}


def main() -> None:
    """Teach and judge at every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=40_000, help="of the lesson")
    parser.add_argument("--held-out", type=int, default=6_400)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    pretraining, vocabulary = load_pretraining("objectnav_stretch_plain"), Vocabulary.load()
    settings = PerceptionSettings(frames=asked.frames, passes=3, batch=128, buffer=8192, learning_rate=0.002)
    found = {}
    for width, height in SIZES:
        torch.manual_seed(0)
        spec = PolicySpec(
            views=(View(name=VIEW, width=width, height=height),), actions=("done",), body_inputs=(), categories=pretraining.task.types,
            features=pretraining.spec.features,
        )  # fmt: skip
        encoder = Encoder(spec)
        words, table = instructions_of(pretraining.task, vocabulary), torch.tensor(vocabulary.vectors)
        lesson = PerceptionLesson(encoder, [lookout(pretraining, spec, "train", 400, 0)], settings, words, table, 0)
        began = time.perf_counter()
        while lesson.frames < asked.frames:
            lesson.round()
        lesson.finish()
        seconds = time.perf_counter() - began
        found[f"{width}x{height}"] = judged(encoder.eval(), lookout(pretraining, spec, "val", 200, 1), asked.held_out) | {
            "lesson_s": seconds
        }
        print(f"{width}x{height}", found[f"{width}x{height}"], flush=True)
    record = {
        "simulator": "embedded simulator", "split": "val", "frames": asked.frames, "passes": settings.passes, "held_out": asked.held_out,
        "seed": 0, "commit": commit(), "machine": machine(), "sizes": found,
    }  # fmt: skip
    asked.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    rows = [
        (size, f"{r['there']:.3f}", f"{r['near']:.3f}", f"{r['milliseconds']:.2f}", f"{r['lesson_s']:.0f}") for size, r in found.items()
    ]
    print(markdown([("image", "AP there", "AP near", "ms a frame", "lesson, s"), *rows]))


if __name__ == "__main__":
    main()
