from dataclasses import replace

import numpy as np
import pytest
import torch

from flare_core.errors import BundleError, PolicyError
from flare_core.policies.families import policy_of, senses_of, shape_from_json
from flare_core.policies.interface import Policy
from flare_core.policies.spoc.encoders import SpocEncoder, _positions, _whole_patches
from flare_core.policies.spoc.inputs import PADDING
from flare_core.policies.spoc.policy import SpocPolicy
from flare_core.policies.spoc.senses import SpocSenses
from flare_core.policies.spoc.spec import SpocSpec
from flare_core.policies.spoc.tokenizer import held, tokenizer_of
from tests.policies.spoc.tiny import DINOV2, FAMILIES, RING, SPEC, WORDS, PlainViews, observation, policy, tokenizer_json


def test_features_are_the_encoder_s_patches_of_the_cropped_image_pooled_to_the_grid() -> None:
    """By the package's own forward pass, where the position table needs no enlargement."""
    from transformers import Dinov2Config, Dinov2Model  # takes seconds

    torch.manual_seed(0)
    made = policy(SpocSpec(**{**SPEC.to_json(), "views": SPEC.views, "grid": (5, 5)}))
    image = torch.randint(0, 255, (2, 22, 23, 3), dtype=torch.uint8)
    found = made.encoder._grid(image)
    oracle = Dinov2Model(Dinov2Config(**DINOV2)).eval()
    oracle.load_state_dict(made.encoder.image.state_dict())
    crop = image[:, 1:21, 1:21].permute(0, 3, 1, 2).float() / 255
    pixels = (crop - torch.tensor(SPEC.image_mean).view(3, 1, 1)) / torch.tensor(SPEC.image_std).view(3, 1, 1)
    with torch.no_grad():
        patches = oracle(pixel_values=pixels).last_hidden_state[:, 1:]
    assert (found - patches).abs().max() < 1e-5
    assert (made.encoder._grid(image.flip(2)) - patches).abs().max() > 1e-3  # control


def test_flare_s_images_lose_three_columns_each_side() -> None:
    image = torch.arange(384.0).expand(1, 3, 224, 384)
    cropped = _whole_patches(image, 14)
    assert cropped.shape == (1, 3, 224, 378)
    assert (cropped[0, 0, 0, 0].item(), cropped[0, 0, 0, -1].item()) == (3.0, 380.0)


def test_position_table_of_one_grid_is_itself_and_a_constant_stays_one() -> None:
    table = torch.randn(1, 26, 4)
    assert _positions(table, 5, 5) is table
    flat = torch.cat([table[:, :1], torch.full((1, 25, 4), 0.7)], dim=1)
    enlarged = _positions(flat, 3, 6)
    assert enlarged.shape == (1, 19, 4)
    assert torch.allclose(enlarged[:, 1:], torch.tensor(0.7))
    assert torch.equal(enlarged[:, 0], table[:, 0])


def test_an_encoder_never_leaves_its_evaluating_mode_and_never_learns() -> None:
    made = policy().train()
    assert made.actor.training
    assert not any(module.training for module in made.encoder.modules())
    made.load(made.state_dict())
    assert not any(parameter.requires_grad for parameter in made.encoder.parameters())
    assert all(parameter.requires_grad for parameter in made.actor.parameters())


def test_t5_s_table_is_kept_once_and_read_under_either_name() -> None:
    made = policy()
    state = made.state_dict()
    assert "encoder.text.shared.weight" in state
    assert "encoder.text.encoder.embed_tokens.weight" not in state
    fresh = policy(seed=5)
    fresh.load(state)
    tokens = made.tokens(["find a mug"])
    assert torch.equal(fresh.texts.encode(tokens).tokens, made.texts.encode(tokens).tokens)
    fresh.load(state | {"encoder.text.encoder.embed_tokens.weight": state["encoder.text.shared.weight"]})


def test_words_end_as_the_tokenizer_ends_them_and_are_padded_behind() -> None:
    ids = {word: at for at, word in enumerate(WORDS, start=2)}
    rows = policy().tokens(["find a mug", "find the red mug"]).tolist()
    assert rows[0] == [ids["find"], ids["a"], ids["mug"], 1, PADDING]
    assert rows[1] == [ids["find"], ids["the"], ids["red"], ids["mug"], 1]


def test_a_fixed_length_cuts_and_pads_with_the_encoder_s_own_padding() -> None:
    words = tokenizer_of(RING, held(tokenizer_json()))
    short, long = words.encode(["Find a mug!"]), words.encode(["find the red mug find the red mug"])
    assert short.shape == long.shape == (1, 6)
    assert short[0, -2:].tolist() == [1, 1]
    assert (short != PADDING).all()


def test_siglip_s_summary_stands_behind_its_tokens() -> None:
    made = policy(RING)
    tokens = made.tokens(["find a mug"])
    assert made.texts.encode(tokens).tokens.shape == (1, 7, 16)
    assert torch.equal(made.texts.encode(tokens).tokens[:, -1], made.encoder.text(input_ids=tokens).pooler_output)


def test_an_observation_becomes_inputs() -> None:
    made = policy()
    senses = senses_of(made, PlainViews(), np.zeros((1, 1), dtype=np.float32))
    assert isinstance(senses, SpocSenses)
    senses.words = WORDS
    seen = senses.inputs(observation())  # goal words 1, 4 and 6: "find a mug"
    assert torch.equal(seen.text, made.tokens(["find a mug"] * 2))
    assert seen.features.shape == (2, 1, 6, 16)
    assert seen.views.tolist() == [[0], [0]]
    assert seen.holding.tolist() == [1, 1]
    said = senses.inputs(observation(instruction=["go to the sofa", "find a mug"]))
    assert torch.equal(said.text, made.tokens(["go to the sofa", "find a mug"]))


def test_a_policy_without_any_view_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"none of the policy's views \('navigation', 'manipulation'\) is fed"):
        policy().encoder.features({})


def test_a_tokenizer_that_cannot_be_had_is_one_short_message(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        PolicyError, match=r"tokenizer.json of google-t5/t5-small@\w+ is neither in the cache nor to be had from the Hub"
    ) as caught:
        tokenizer_of(SPEC, None)
    assert "\n" not in str(caught.value)
    with pytest.raises(PolicyError, match="cannot be read"):
        tokenizer_of(SPEC, held(b"{}"))


@pytest.mark.parametrize("spec", FAMILIES.values(), ids=FAMILIES)
def test_a_shape_is_the_same_after_json(spec: SpocSpec) -> None:
    assert shape_from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"decoder": "lstm"}, "decoder: Input should be 'llama', 'llama_cross' or 'torch_cross'"),
        ({"text_config": dict(SPEC.text_config) | {"_attn_implementation": "eager"}}, "text_config._attn_implementation: is no size of t5"),
        ({"image_config": dict(SPEC.image_config) | {"num_hidden_layers": 10**9}}, "num_hidden_layers: 1000000000 is not a size"),
        ({"heads": 0}, "heads: 0 is not a size between 1 and 65536"),
        ({"width": 33}, "width 33 cannot be shared out among 2 heads"),
        ({"text_source": "https://x"}, "text_source: 'https://x' is neither 'bundle' nor 'hub://REPO@REVISION'"),
        (RING.to_json() | {"views": SPEC.to_json()["views"]}, "views: SigLIP's images are 16x16, and 'navigation' is not"),
        ({"rope": True}, "unknown field 'rope'"),
        ({"family": "big"}, "family 'big' is not known here; this version reads 'small' and 'spoc'"),
    ],
)
def test_a_shape_that_cannot_be_built_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(BundleError) as caught:
        shape_from_json(SPEC.to_json() | change)
    assert said in str(caught.value)


def test_weights_of_another_shape_are_refused_and_the_right_ones_are_all_taken() -> None:
    made = policy()
    state = made.state_dict()
    again: Policy = policy_of(SPEC, state)
    assert isinstance(again, SpocPolicy)
    assert all(torch.equal(state[name], value) for name, value in again.state_dict().items())
    assert torch.equal(again.tokens(["find a mug"]), made.tokens(["find a mug"]))  # the tokenizer is among them
    with pytest.raises(BundleError, match=r"(?s)weights do not fit policy.json: .*head.weight"):
        policy_of(SPEC, state | {"actor.head.weight": torch.zeros(5, 32)})


def test_an_encoder_that_comes_from_the_hub_stays_out_of_what_a_bundle_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    made = policy()
    encoder = {name: value.clone() for name, value in made.encoder.image.state_dict().items()}
    monkeypatch.setattr(SpocEncoder, "from_hub", lambda self, part, source: encoder)
    spec = replace(SPEC, image_source="hub://org/dino@0123456789abcdef0123456789abcdef01234567")
    state = {name: value for name, value in made.state_dict().items() if not name.startswith("encoder.image.")}
    again: Policy = policy_of(spec, state)
    assert any(name.startswith("encoder.image.") for name in again.state_dict())  # it is used,
    assert sorted(again.own_state()) == sorted(state)  # and not kept
    assert sorted(made.own_state()) == sorted(made.state_dict())  # one that is in the bundle is
