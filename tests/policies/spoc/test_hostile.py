"""What a bundle from elsewhere may hold: sizes without end, sizes that do not go together, a tokenizer that fails. Each is one message."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from flare_core.errors import BundleError, PolicyError
from flare_core.policies.families import policy_of, shape_from_json
from flare_core.policies.spoc.tokenizer import Words, tokenizer_of
from tests.policies.spoc.tiny import DINOV2, RING, SPEC, T5, WORDS, policy, tokenizer_json


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"grid": [65536, 65536]}, "grid: 4294967296 patches are more than 4096"),
        ({"grid": [64, 64], "feature_width": 65536}, "grid: 536870912 numbers of features are more than 16777216"),
        ({"views": [{"name": "a", "width": 65536, "height": 65536}]}, "views: 4294967296 pixels are more than 4000000"),
        ({"views": [{"name": "a", "width": 3, "height": 3}]}, "views.a.width: 3 pixels are less than one patch of 4"),
        ({"views": [{"name": "a", "width": 9, "height": 9, "fill": [0, 0, 256]}]}, "views.a.fill: (0, 0, 256) is no colour"),
        ({"text_config": {name: T5[name] for name in T5 if name != "d_model"}}, "text_config.d_model: is missing. t5 needs d_ff, d_kv"),
        ({"text_config": T5 | {"decoder_start_token_id": [1]}}, "text_config.decoder_start_token_id: [1] is not a token"),
        ({"image_config": DINOV2 | {"num_attention_heads": 3}}, "image_config.hidden_size: 16 cannot be shared out among 3 heads"),
        ({"image_std": [0, 0, 0]}, "image_std: [0.0, 0.0, 0.0] is no spread of pixel values"),
        ({"width": 33, "heads": 3}, "width 33 is odd"),
        (RING.to_json() | {"text_length": 7}, "text_length: 7 is not a size between 1 and max_position_embeddings 6"),
    ],
)
def test_a_shape_without_end_or_sense_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(BundleError) as caught:
        shape_from_json(SPEC.to_json() | change)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"views": (replace(SPEC.views[0], name="a.b"),)}, "no network can be built of its sizes"),
        ({"feature_width": 17}, "feature_width: 17 is not the image encoder's hidden_size 16"),
        (
            {"text_source": "hub://x/y@z", "text_config": {**T5, "num_layers": 256, "d_ff": 65536, "d_model": 4096}},
            "text_config: encoders of 1",
        ),
    ],
)
def test_sizes_that_do_not_go_together_are_refused_before_memory_is_taken(change: dict[str, Any], said: str) -> None:
    state = {} if "text_source" in change else policy().state_dict()
    with pytest.raises(BundleError) as caught:
        policy_of(shape_from_json(replace(SPEC, **change).to_json()), state)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "BAAAAP////8="}}, "cannot be read"),
        ({"model": {"type": "WordLevel", "vocab": {"find": 0, "</s>": 1}, "unk_token": "<unk>"}}, "cannot be read"),
        ({"model": {"type": "WordLevel", "vocab": {}, "unk_token": "x" * (33 << 20)}}, "bytes, more than 33554432"),
        ({"normalizer": {"type": "Replace", "pattern": {"Regex": ".*"}, "content": ""}, "post_processor": None}, "finds no token"),
    ],
)
def test_a_tokenizer_that_fails_at_a_text_is_refused_when_it_is_read(change: dict[str, Any], said: str) -> None:
    content = json.dumps(json.loads(tokenizer_json()) | change).encode()
    with pytest.raises(PolicyError) as caught:
        Words(SPEC, content)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_kept_tokenizer_of_another_type_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"holds no bytes of a tokenizer\.json"):
        tokenizer_of(SPEC, torch.zeros(3, dtype=torch.bfloat16))


def test_no_more_than_256_instructions_are_kept_and_the_latest_are() -> None:
    texts, words = policy().texts, len(WORDS)
    rows = torch.tensor([[2 + at % words, 2 + at // words % words, 2 + at // words**2] for at in range(300)])
    first = texts.encode(rows[:1]).tokens
    for at in range(1, 300):
        texts.encode(rows[[at]])
        texts.encode(rows[:1])
    assert len(texts._kept) == 256
    assert {tuple(rows[0].tolist()), tuple(rows[-1].tolist())} <= texts._kept.keys()
    assert tuple(rows[1].tolist()) not in texts._kept
    assert len(texts.encode(rows).tokens) == 300
    assert torch.equal(texts.encode(rows[:1]).tokens, first)
    texts.encode(torch.full((1, 257), 2))
    assert max(map(len, texts._kept)) == 3
