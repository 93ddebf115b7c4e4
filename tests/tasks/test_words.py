import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from flare_core.errors import TaskError
from flare_core.tasks.words import Vocabulary, split_words

VOCABULARY = Vocabulary.load()
FIFTEEN = (
    "alarm clock", "apple", "basketball", "bed", "bowl", "chair", "trash can", "houseplant", "laptop", "mug", "sofa", "spray bottle",
    "television", "toilet", "vase",
)  # fmt: skip
VERBS = ("go to", "locate", "find", "search for", "navigate to", "pick up", "take", "grab", "grasp", "clutch", "hold")


def likeness(a: str, b: str) -> float:
    return float(VOCABULARY.vectors[VOCABULARY.ids[a]] @ VOCABULARY.vectors[VOCABULARY.ids[b]])


def test_row_zero_pads_and_every_word_has_a_unit_vector() -> None:
    assert VOCABULARY.vectors.shape == (len(VOCABULARY.words) + 1, 64)
    assert VOCABULARY.vectors.dtype == np.float32
    assert not VOCABULARY.vectors[0].any()
    assert np.allclose(np.linalg.norm(VOCABULARY.vectors[1:], axis=1), 1.0, atol=1e-5)
    assert len(set(VOCABULARY.words)) == len(VOCABULARY.words)
    with pytest.raises(ValueError, match="read-only"):
        VOCABULARY.vectors[1, 0] = 0.0


def test_ids_follow_the_words_of_a_sentence() -> None:
    ids = VOCABULARY.encode("Navigate to an alarm-clock.")
    assert [VOCABULARY.words[at - 1] for at in ids] == ["navigate", "to", "an", "alarm", "clock"]
    assert VOCABULARY.encode("") == ()


@pytest.mark.parametrize("phrase", [*FIFTEEN, *VERBS, "go to all 7 rooms in the house", "indicate when you have seen a new room"])
def test_every_word_of_the_tasks_is_known(phrase: str) -> None:
    assert len(VOCABULARY.encode(phrase)) == len(split_words(phrase))


def test_unknown_words_are_named_at_once_with_a_hint() -> None:
    with pytest.raises(TaskError) as caught:
        VOCABULARY.encode("find a soffa quickly")
    assert str(caught.value) == (
        "goal words: 'soffa' in \"find a soffa quickly\" has no vector. Use another word, or add it to scripts/goal_phrases.txt "
        "and run scripts/make_words.py. Did you mean 'sofa'?\n"
        "goal words: 'quickly' in \"find a soffa quickly\" has no vector. Use another word, or add it to scripts/goal_phrases.txt "
        "and run scripts/make_words.py."
    )


def test_words_of_like_meaning_lie_together() -> None:
    for near, other, far in (("sofa", "couch", "apple"), ("television", "tv", "bed"), ("find", "locate", "purple"), ("mug", "cup", "sofa")):
        assert likeness(near, other) > likeness(near, far) + 0.3


def test_the_fifteen_targets_are_told_apart() -> None:
    means = np.stack([VOCABULARY.vectors[list(VOCABULARY.encode(noun))].mean(axis=0) for noun in FIFTEEN])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    alike = means @ means.T - np.eye(len(FIFTEEN))
    assert alike.max() < 0.8


def test_the_phrases_of_the_script_are_all_in_the_table() -> None:
    path = Path(__file__).parents[2] / "scripts" / "goal_phrases.txt"
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert [word for line in lines for word in split_words(line) if word not in VOCABULARY.ids] == []
    raw = json.loads((Path(__file__).parents[2] / "flare_core" / "tasks" / "words.json").read_text("utf-8"))
    assert [VOCABULARY.ids[word] for word in raw["words"]] == list(range(1, len(raw["words"]) + 1))
    assert all(later - earlier == 1 for earlier, later in pairwise(VOCABULARY.ids.values()))
