"""Names and shapes of the public checkpoints, written down a second time: from what is known of the releases, not from the importer.

Nothing here imports the product. Every function returns name -> shape, as the released file has it without its container.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Size:
    """Sizes of one layout; the defaults are a tiny one. REAL is what was released."""

    width: int = 32
    hidden: int = 48  # of the compressor
    fusion_feed: int = 40
    decoder_feed: int = 56
    layers: int = 2
    image: int = 128
    image_feed: int = 256
    image_blocks: int = 2
    positions: int = 26
    patch: int = 14
    words: int = 90
    text: int = 24
    text_heads: int = 2
    text_inner: int = 16
    text_feed: int = 36
    text_blocks: int = 2
    actions: int = 20


REAL = Size(
    width=512, hidden=512, fusion_feed=2048, decoder_feed=1536, layers=3, image=384, image_feed=1536, image_blocks=12, positions=1370,
    words=32128, text=512, text_heads=8, text_inner=512, text_feed=2048, text_blocks=6,
)  # fmt: skip


def dinov2(s: Size, at: str) -> Shapes:
    e, x = s.image, s.image_feed
    out: Shapes = {f"{at}cls_token": (1, 1, e), f"{at}pos_embed": (1, s.positions, e), f"{at}mask_token": (1, e)}
    out |= {f"{at}patch_embed.proj.weight": (e, 3, s.patch, s.patch), f"{at}patch_embed.proj.bias": (e,)}
    for b in range(s.image_blocks):
        k = f"{at}blocks.{b}."
        out |= {f"{k}norm1.weight": (e,), f"{k}norm1.bias": (e,), f"{k}attn.qkv.weight": (3 * e, e), f"{k}attn.qkv.bias": (3 * e,)}
        out |= {f"{k}attn.proj.weight": (e, e), f"{k}attn.proj.bias": (e,), f"{k}ls1.gamma": (e,)}
        out |= {f"{k}norm2.weight": (e,), f"{k}norm2.bias": (e,), f"{k}mlp.fc1.weight": (x, e), f"{k}mlp.fc1.bias": (x,)}
        out |= {f"{k}mlp.fc2.weight": (e, x), f"{k}mlp.fc2.bias": (e,), f"{k}ls2.gamma": (e,)}
    return out | {f"{at}norm.weight": (e,), f"{at}norm.bias": (e,)}


def t5(s: Size, at: str, gated: bool = False) -> Shapes:
    q, u = s.text, s.text_inner
    out: Shapes = {f"{at}shared.weight": (s.words, q), f"{at}encoder.embed_tokens.weight": (s.words, q)}
    for b in range(s.text_blocks):
        k = f"{at}encoder.block.{b}."
        out |= {f"{k}layer.0.SelfAttention.{p}.weight": (u, q) for p in "qkv"} | {f"{k}layer.0.SelfAttention.o.weight": (q, u)}
        if b == 0:
            out[f"{k}layer.0.SelfAttention.relative_attention_bias.weight"] = (32, s.text_heads)
        out[f"{k}layer.0.layer_norm.weight"] = (q,)
        out |= {f"{k}layer.1.DenseReluDense.{p}.weight": (s.text_feed, q) for p in (("wi_0", "wi_1") if gated else ("wi",))}
        out |= {f"{k}layer.1.DenseReluDense.wo.weight": (q, s.text_feed), f"{k}layer.1.layer_norm.weight": (q,)}
    return out | {f"{at}encoder.final_layer_norm.weight": (q,)}


def _pair(name: str, out: int, into: int) -> Shapes:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _adapter(name: str, out: int, into: int) -> Shapes:
    return _pair(f"{name}.0", out, into) | _norm(f"{name}.1", out)


def _compressor(s: Size, name: str) -> Shapes:
    return {
        f"{name}.0.weight": (s.hidden, s.image, 1, 1), f"{name}.0.bias": (s.hidden,),
        f"{name}.2.weight": (s.width, s.hidden, 1, 1), f"{name}.2.bias": (s.width,),
    }  # fmt: skip


def _attention(name: str, w: int) -> Shapes:
    return {f"{name}.in_proj_weight": (3 * w, w), f"{name}.in_proj_bias": (3 * w,)} | _pair(f"{name}.out_proj", w, w)


def _fusion(s: Size, name: str) -> Shapes:
    out: Shapes = {}
    for i in range(s.layers):
        k = f"{name}.layers.{i}"
        out |= _attention(f"{k}.self_attn", s.width) | _pair(f"{k}.linear1", s.fusion_feed, s.width)
        out |= _pair(f"{k}.linear2", s.width, s.fusion_feed) | _norm(f"{k}.norm1", s.width) | _norm(f"{k}.norm2", s.width)
    return out


def _llama(s: Size, name: str, norms: tuple[str, ...], attentions: tuple[str, ...]) -> Shapes:
    w, d = s.width, s.decoder_feed
    out: Shapes = {}
    for i in range(s.layers):
        k = f"{name}.layers.{i}"
        out |= {f"{k}.{a}.w{p}.weight": (w, w) for a in attentions for p in "qkvo"} | {f"{k}.{n}.weight": (w,) for n in norms}
        out |= {f"{k}.feed_forward.{p}.weight": shape for p, shape in (("w1", (d, w)), ("w2", (w, d)), ("w3", (d, w)))}
    return out | {f"{name}.norm.weight": (w,), f"{name}.output.weight": (w, w)}


def _eyes(s: Size, *, manipulation: bool) -> Shapes:
    v = "visual_encoder"
    out: Shapes = {f"{v}.fusion_token": (s.width,), f"{v}.visual_sensor_token_raw_navigation_camera": (s.width,)}
    if manipulation:
        out[f"{v}.visual_sensor_token_raw_manipulation_camera"] = (s.width,)
    out |= _compressor(s, f"{v}.visual_compressor") | _adapter(f"{v}.visual_adapter", s.width, s.width)
    return out | _adapter(f"{v}.text_adapter", s.width, s.text) | _fusion(s, f"{v}.fusion_xformer")


def _embeddings(s: Size, *, holding: bool) -> Shapes:
    out: Shapes = {"time_encoder.div_term": (s.width // 2,), "last_actions_embed.weight": (s.actions + 2, s.width)}
    return out | ({"object_in_hand_embed.weight": (3, s.width)} if holding else {})


def _flare_body(s: Size, *, manipulation: bool) -> Shapes:
    out = _eyes(s, manipulation=manipulation) | t5(s, "visual_encoder.text_encoder.")
    return out | _llama(s, "decoder", ("attention_norm", "ffn_norm"), ("attention",)) | _embeddings(s, holding=manipulation)


def flare_il(s: Size, *, manipulation: bool = True) -> Shapes:
    out = dinov2(s, "visual_encoder.image_encoder.model.") | _flare_body(s, manipulation=manipulation) | _pair("actor", s.actions, s.width)
    return {f"model.{name}": shape for name, shape in out.items()}


def flare_rl(s: Size, *, copies: tuple[str, ...] = ("critic_tsfm.",), manipulation: bool = True) -> Shapes:
    one = _flare_body(s, manipulation=manipulation) | _pair("actor.linear", s.actions, s.width) | _pair("critic.fc", 1, s.width)
    return {f"{copy}{name}": shape for copy in ("", *copies) for name, shape in one.items()}


def safevla(s: Size) -> Shapes:
    return flare_rl(s, copies=("critic_tsfm.", "c_critic_tsfm."))


def ring(s: Size, *, separate: bool = True, manipulation: bool = True) -> Shapes:
    v, d = "visual_encoder", "action_decoder"
    one: Shapes = {f"{v}.fusion_token": (s.width,), f"{v}.visual_feature_token_raw_navigation_camera_features": (s.width,)}
    if manipulation:
        one[f"{v}.visual_feature_token_raw_manipulation_camera_features"] = (s.width,)
    one |= _compressor(s, f"{v}.visual_compressor") | _adapter(f"{v}.visual_adapter", s.width, s.width)
    one |= _adapter(f"{v}.text_adapter", s.width, s.text) | _fusion(s, f"{v}.fusion_xformer.encoder")
    norms = ("attention_norm", "ffn_norm", "ffn_norm_kv", "cross_ffn_norm")
    one |= _llama(s, f"{d}.decoder", norms, ("attention", "cross_attention"))
    one |= {f"{d}.{name}": shape for name, shape in _embeddings(s, holding=True).items()}
    one |= _pair("actor.linear", s.actions, s.width) | _pair("critic.fc", 1, s.width)
    return {f"{copy}{name}": shape for copy in (("", "critic_spoc_model.") if separate else ("",)) for name, shape in one.items()}


def spoc(s: Size) -> Shapes:
    out = dinov2(s, "visual_encoder.image_encoder.model.") | t5(s, "visual_encoder.text_encoder.") | spoc_trunk(s)
    return {f"model.{name}": shape for name, shape in out.items()}


def spoc_siglip(s: Size) -> Shapes:
    """The encoders' own names are not known; these stand for them."""
    out = spoc_trunk(s) | {"visual_encoder.image_encoder.model.trunk.pos_embed": (1, 4, 8)}
    return {f"model.{name}": shape for name, shape in (out | {"visual_encoder.text_encoder.ln_final.weight": (8,)}).items()}


def spoc_trunk(s: Size) -> Shapes:
    out = _eyes(s, manipulation=True)
    for i in range(s.layers):
        k = f"decoder.layers.{i}"
        out |= _attention(f"{k}.self_attn", s.width) | _attention(f"{k}.multihead_attn", s.width)
        out |= _pair(f"{k}.linear1", s.decoder_feed, s.width) | _pair(f"{k}.linear2", s.width, s.decoder_feed)
        out |= _norm(f"{k}.norm1", s.width) | _norm(f"{k}.norm2", s.width) | _norm(f"{k}.norm3", s.width)
    return out | _embeddings(s, holding=True) | _pair("action_classifier", s.actions, s.width)


def poliformer(s: Size) -> Shapes:
    g, b = "goal_visual_encoder", "single_belief"
    out: Shapes = {f"{g}.fusion_token": (s.width,)}
    out |= _compressor(s, f"{g}.dino_compressor") | t5(s, f"{g}.text_goal_encoder.", gated=True)
    out |= _adapter(f"{g}.text_adapter", s.width, s.text) | _fusion(s, f"{g}.target_obs_combiner")
    out |= _pair(f"state_encoders_linear.{b}", s.width, s.width) | {f"state_encoders_time.{b}.div_term": (s.width // 2,)}
    out |= _adapter(f"state_encoders_text.{b}", s.width, s.text)
    out |= _llama(s, f"state_encoders.{b}", ("attention_norm", "ffn_norm"), ("attention",))
    out |= {"prev_action_embedder.fc.weight": (s.actions + 1, s.width)}
    return out | _pair("actor.linear", s.actions, s.width) | _pair("critic.fc", 1, s.width)


def random_state(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    """Numbers of a size that neither dies out nor blows up on its way through the layers; norms and rates as they have to be."""
    make = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        if name.endswith("div_term"):
            value = torch.exp(torch.arange(0, 2 * shape[0], 2) * (-math.log(10000.0) / (2 * shape[0])))
        elif len(shape) == 1:
            near = 1.0 if (name.endswith("weight") and "norm" in name) or name.endswith("gamma") or ".1.weight" in name else 0.0
            value = near + 0.1 * torch.randn(shape, generator=make)
        else:
            fan = math.prod(shape[1:])
            value = torch.randn(shape, generator=make) * (1.0 if "embed" in name or "shared" in name else fan**-0.5)
        state[name] = value
    for name in list(state):
        if name.endswith("encoder.embed_tokens.weight"):
            state[name] = state[name.removesuffix("encoder.embed_tokens.weight") + "shared.weight"]
    return state


def save_lightning(path: Path, state: dict[str, Tensor]) -> Path:
    """As Lightning writes it, with its notes and an optimiser's state."""
    moments = {0: {"step": torch.tensor(5.0), "exp_avg": torch.zeros(3)}}
    rest = {"epoch": 1, "global_step": 50000, "pytorch-lightning_version": "2.0.9", "loops": {"fit_loop": {"state_dict": {}}}}
    groups = [{"lr": 2e-4, "betas": (0.9, 0.999), "params": [0]}]
    torch.save({**rest, "state_dict": state, "optimizer_states": [{"state": moments, "param_groups": groups}], "lr_schedulers": []}, path)
    return path


def save_allenact(path: Path, state: dict[str, Tensor]) -> Path:
    """As AllenAct writes it."""
    rest = {"total_steps": 21026752, "optimizer_state_dict": {"state": {}, "param_groups": []}, "trainer_seed": 1}
    torch.save(
        {"model_state_dict": state, **rest, "training_pipeline_state_dict": {"stage_info_list": [{"steps_taken_in_stage": 3}]}}, path
    )
    return path
