"""Goal words: the numbers that an instruction's words become, and a vector of meaning for each.

The vectors come from a text encoder and are shipped as a small table (`scripts/make_words.py` makes it), so a task with
words that a policy has never seen starts near their neighbours, and no encoder runs in training.
"""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load

from flare_core.errors import TaskError

_WORD = re.compile(r"[a-z0-9]+")


def split_words(text: str) -> list[str]:
    """Words of a text in lower case; whatever is neither letter nor digit separates them."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The words that an instruction may use.

    Attributes:
        words: in the order of their ids; the first has id 1, because 0 pads.
        vectors: (W + 1, 64) float32, unit length, read-only; row i belongs to id i and row 0 is zero.
        ids: id of every word.
    """

    words: tuple[str, ...]
    vectors: npt.NDArray[np.float32]
    ids: Mapping[str, int]

    @staticmethod
    def load() -> "Vocabulary":
        """The shipped table."""
        folder = resources.files("flare_core") / "tasks"
        words = tuple(json.loads((folder / "words.json").read_text("utf-8"))["words"])
        vectors = load((folder / "words.safetensors").read_bytes())["vectors"]
        vectors.setflags(write=False)
        ids = MappingProxyType({word: at for at, word in enumerate(words, start=1)})
        return Vocabulary(words=words, vectors=vectors, ids=ids)

    def encode(self, text: str) -> tuple[int, ...]:
        """Ids of an instruction's words, in order, not padded.

        Raises:
            TaskError: a word is not in the table; all such words of the text at once.
        """
        words = split_words(text)
        unknown = list(dict.fromkeys(word for word in words if word not in self.ids))
        if unknown:
            raise TaskError("\n".join(self._unknown(word, text) for word in unknown))
        return tuple(self.ids[word] for word in words)

    def _unknown(self, word: str, text: str) -> str:
        near = difflib.get_close_matches(word, self.words, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        return (
            f"goal words: '{word}' in \"{text}\" has no vector. Use another word, or add it to scripts/goal_phrases.txt "
            f"and run scripts/make_words.py.{hint}"
        )
