"""Every tensor of every layout is accounted for; what is missing, too much or of another shape is named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from flare_core.adapters.formats import image_encoders, pieces
from flare_core.adapters.formats.container import Checkpoint
from flare_core.adapters.formats.conversion import Imported, convert
from flare_core.adapters.formats.image_encoders import put_image_encoder, width_faults
from flare_core.adapters.formats.known_formats import FORMATS, recognise
from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import CheckpointError
from tests.adapters.formats import layouts

SIZE = layouts.Size(width=16, hidden=8, fusion_feed=12, decoder_feed=20, image=64, image_feed=128, words=30, text=10)
FLAN = replace(layouts.REAL, text_heads=6, text_inner=384, text_feed=1024, text_blocks=8)
SIGLIP = replace(layouts.REAL, image=768, text=768)

Layout = Callable[[layouts.Size], layouts.Shapes]
LAYOUTS: dict[str, Layout] = {
    "flare-il": layouts.flare_il,
    "flare-rl": layouts.flare_rl,
    "flare-rl-shared": lambda size: layouts.flare_rl(size, copies=()),
    "safevla": layouts.safevla,
    "ring": layouts.ring,
    "ring-shared": lambda size: layouts.ring(size, separate=False),
    "spoc": layouts.spoc,
    "spoc-siglip": layouts.spoc_siglip,
    "poliformer": layouts.poliformer,
}
PUBLISHED = {
    "flare-il": (layouts.REAL, 312),
    "flare-rl": (layouts.REAL, 278),
    "flare-rl-shared": (layouts.REAL, 139),
    "safevla": (layouts.REAL, 417),
    "ring": (SIGLIP, 210),
    "ring-shared": (SIGLIP, 105),
    "spoc": (layouts.REAL, 337),
    "poliformer": (FLAN, 162),
}
STATES = {name: layouts.random_state(layout(SIZE)) for name, layout in LAYOUTS.items()}


def checkpoint(state: dict[str, Tensor]) -> Checkpoint:
    return Checkpoint(path=Path("model.ckpt"), kind="plain", tensors=state, sha256="0" * 64, notes={})


def told(state: dict[str, Tensor], form: str = "auto") -> str:
    """The refusal of a state dict."""

    def carry() -> Imported:
        file = checkpoint(state)
        return convert(file, recognise(file)[0] if form == "auto" else FORMATS[form])

    with pytest.raises(CheckpointError) as refused:
        carry()
    return str(refused.value)


def imported(name: str, state: dict[str, Tensor] | None = None) -> Imported:
    return convert(checkpoint(STATES[name] if state is None else state), FORMATS[name])


def test_there_is_a_layout_for_every_format() -> None:
    assert set(LAYOUTS) == set(FORMATS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_layouts_have_as_many_tensors_as_the_releases(name: str) -> None:
    size, count = PUBLISHED[name]
    assert len(LAYOUTS[name](size)) == count
    meta = {key: torch.empty(shape, device="meta") for key, shape in LAYOUTS[name](size).items()}
    assert recognise(checkpoint(meta))[0].name == name  # the real sizes, without their memory
    assert f"{count} tensors" in FORMATS[name].about


@pytest.mark.parametrize("name", LAYOUTS)
def test_auto_tells_every_format_by_its_names_and_says_why(name: str) -> None:
    form, why = recognise(checkpoint(STATES[name]))
    assert form.name == name
    assert form.about in why
    assert "came next" in why


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_tensor_is_accounted_for_once(name: str) -> None:
    found = imported(name)
    assert [key.name for key in found.account] == list(STATES[name])
    carried = [target for key in found.account for target in key.targets]
    assert sorted(carried) == sorted(found.state)
    assert len(carried) == len(set(carried))
    assert all(key.note for key in found.account if key.fate == "left out")
    assert all(bool(key.targets) == (key.fate == "carried") for key in found.account)


@pytest.mark.parametrize("name", LAYOUTS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_tensor_that_is_dropped_renamed_or_reshaped_is_named(name: str, data: st.DataObject) -> None:
    checked = [key.name for key in imported(name).account if "public encoder" not in key.note]
    key = data.draw(st.sampled_from(checked))
    state = dict(STATES[name])
    value = state.pop(key)
    assert key in told(state, name)
    assert key in told(state)  # whichever format is nearest
    wrong = key[:-2] + "xx"
    said = told({**state, wrong: value}, name)
    assert f"{key} is missing; the nearest name in the file is {wrong}" in said
    assert f"{wrong} is not known; the nearest name of the format is" in said
    # What an encoder outside of the file gives stands in one tensor alone, so `width_faults` judges it, not the table.
    alone = key.endswith(("compressor.0.weight", "text_adapter.0.weight"))
    axis = 0 if alone else data.draw(st.integers(0, value.dim() - 1))
    longer = torch.cat([value, value.narrow(axis, 0, 1)], axis)
    said = told({**state, key: longer}, name)
    assert any(
        f"{key} {what}" in said
        for what in (f"has the shape {[*longer.shape]}", [*longer.shape], "has 9 rates", "has 3 heads", "has 27 pos")
    )


def test_a_format_that_none_is_near_to_says_how_the_file_begins() -> None:
    said = told({"layers.0.weight": torch.zeros(2), "bias": torch.zeros(1)})
    assert "its 2 tensors have the names of no known format (flare-il, flare-rl, " in said
    assert "Not one agrees; the file begins with layers.0.weight, bias" in said


def test_a_format_of_another_family_is_refused_with_what_it_lacks() -> None:
    said = told(STATES["ring"], "flare-rl")
    assert said.startswith("model.ckpt: is not a flare-rl checkpoint (FLaRe, PPO, separate critic, AllenAct, 278 tensors;")
    assert (
        "visual_encoder.visual_sensor_token_raw_navigation_camera is missing; the nearest name in the file is visual_encoder.visual_"
        in said
    )
    assert "more are missing" in said


@pytest.mark.parametrize(
    ("name", "extra", "why"),
    [
        ("spoc", "model.visual_encoder.coord_pos_enc.weight", "this is a double-det policy"),
        ("poliformer", "goal_visual_encoder.bbox_pos_encoder.1.weight", "this policy is also given detected boxes"),
    ],
)
def test_a_sister_that_is_not_supported_is_told_by_its_own_names(name: str, extra: str, why: str) -> None:
    assert f"{extra}: {why}" in told(STATES[name] | {extra: torch.zeros(3)})


def test_what_lightning_keeps_beside_the_model_is_left_out() -> None:
    found = imported("flare-il", STATES["flare-il"] | {"frames_metric.value": torch.zeros(1)})
    assert found.account[-1].fate == "left out"
    assert found.account[-1].note == "belongs to the trainer, not to the model"


def test_rows_of_the_previous_action_go_where_they_belong_in_each_family() -> None:
    rows = torch.arange(22.0)[:, None].expand(22, SIZE.width).contiguous()  # row r holds r
    flare = imported("flare-il", STATES["flare-il"] | {"model.last_actions_embed.weight": rows})
    assert flare.state["actor.previous.weight"][:, 0].tolist() == [*range(20), 20]  # 20 starts an episode, 21 pads
    both = {f"{copy}action_decoder.last_actions_embed.weight": rows for copy in ("", "critic_spoc_model.")}
    ring = imported("ring", STATES["ring"] | both)
    assert ring.state["actor.previous.weight"][:, 0].tolist() == [*range(20), 21]  # the other way round
    poliformer = imported("poliformer", STATES["poliformer"] | {"prev_action_embedder.fc.weight": rows[:21]})
    assert poliformer.state["actor.previous.weight"][:, 0].tolist() == [*range(1, 21), 0]  # 0 starts an episode, action a is a + 1


def test_the_actions_are_those_of_the_packaged_robot_in_its_order() -> None:
    body, _ = load_embodiment("stretch_spoc")
    for name in LAYOUTS:
        assert imported(name).spec.actions == body.action_names
    assert body.action_names[:6] == ("move_ahead", "rotate_right", "rotate_left", "move_back", "done", "sub_done")
    assert body.action_names[-1] == "dropoff"
    assert (body.cameras[0].width_px, body.cameras[0].height_px) == (384, 224)


def test_another_number_of_actions_is_refused() -> None:
    assert "the head has 6 actions; the 20 of SPOC's list are known" in told(
        layouts.random_state(layouts.flare_il(replace(SIZE, actions=6))), "flare-il"
    )


def test_another_time_code_is_refused() -> None:
    name = "model.time_encoder.div_term"
    assert "so this policy counts time differently" in told(STATES["flare-il"] | {name: STATES["flare-il"][name] + 2e-4})
    imported("flare-il", STATES["flare-il"] | {name: STATES["flare-il"][name] + 5e-5})


def test_two_tables_of_words_are_refused() -> None:
    name = "model.visual_encoder.text_encoder.encoder.embed_tokens.weight"
    assert f"{name} differs from" in told(STATES["flare-il"] | {name: STATES["flare-il"][name] + 1})


def test_half_precision_is_widened_and_said() -> None:
    name = "model.actor.weight"
    found = imported("flare-il", STATES["flare-il"] | {name: STATES["flare-il"][name].half()})
    assert found.state["actor.head.weight"].dtype == torch.float32
    assert next(key.note for key in found.account if key.name == name) == "from torch.float16"
    assert f"{name} holds torch.int64" in told(STATES["flare-il"] | {name: STATES["flare-il"][name].long()})


@pytest.mark.parametrize("form", [image_encoders.OFFICIAL, image_encoders.PUBLISHED])
def test_an_image_encoder_is_put_into_a_policy_that_lacks_it(form: image_encoders.Format) -> None:
    from transformers import Dinov2Config, Dinov2Model  # takes seconds

    names = {row.source.replace("{i}", str(at)): row.shape for row in form.rows for at in range(2 if "{i}" in row.source else 1)}
    sizes = {"F": 64, "P": 14, "N": 26, "X": 128, "3*F": 192}
    state = layouts.random_state({name: tuple(sizes.get(str(dim), dim) for dim in shape) for name, shape in names.items()})  # type: ignore[misc]
    found = put_image_encoder(imported("flare-rl"), checkpoint(state))
    assert found.spec.image_source == "bundle"
    assert found.spec.image_config["num_hidden_layers"] == 2
    model = Dinov2Model(Dinov2Config(**found.spec.image_config))
    encoder = {name.removeprefix("encoder.image."): value for name, value in found.state.items() if name.startswith("encoder.image.")}
    assert model.load_state_dict(encoder, strict=True)
    assert width_faults(found) == []


def test_an_image_encoder_that_does_not_belong_is_refused() -> None:
    lone = checkpoint(layouts.random_state(layouts.dinov2(SIZE, "")))
    with pytest.raises(CheckpointError, match="the checkpoint holds its own image encoder"):
        put_image_encoder(imported("flare-il"), lone)
    with pytest.raises(CheckpointError, match="image encoder is siglip"):
        put_image_encoder(imported("ring"), lone)
    with pytest.raises(CheckpointError, match="is no DINOv2 encoder"):
        put_image_encoder(imported("flare-rl"), checkpoint({"cls_token": torch.zeros(1, 1, 64)}))
    assert "its compressor takes 64 numbers for each patch, dinov2 (hub://facebook/dinov2-small@" in width_faults(imported("flare-rl"))[0]


def test_published_encoder_names_are_those_of_the_packages_that_run_them() -> None:
    """The tables against transformers' own models, so that a rename there is seen here."""
    from transformers import Dinov2Config, Dinov2Model, T5Config, T5EncoderModel  # takes seconds

    config = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 1, "mlp_ratio": 2, "patch_size": 14, "image_size": 70}
    dino = {target.replace("{i}", str(at)) for row in pieces.dinov2("x") for target in row.targets for at in range(2)}
    assert {f"encoder.image.{name}" for name in Dinov2Model(Dinov2Config(**config)).state_dict()} == dino
    for gated in (False, True):
        small = T5Config(
            d_model=8, d_kv=4, d_ff=8, num_layers=2, num_heads=2, vocab_size=9, feed_forward_proj="gated-gelu" if gated else "relu"
        )
        theirs = {f"x.{name}" for name in T5EncoderModel(small).state_dict()}
        assert {row.source.replace("{i}", str(at)) for row in pieces.t5("x", gated=gated) for at in range(2)} == theirs


def test_tiny_names_are_the_real_ones_with_fewer_layers() -> None:
    for name, (size, _) in PUBLISHED.items():
        assert set(LAYOUTS[name](SIZE)) < set(LAYOUTS[name](size))
