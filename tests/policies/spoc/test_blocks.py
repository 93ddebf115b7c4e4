from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F

from flare_core.policies.spoc.blocks import FeedForward, LlamaCrossLayer, TorchCrossLayer, Words
from tests.policies.spoc.tiny import RING, SPOC

CAUSAL = torch.ones(5, 5, dtype=torch.bool).tril()


def words(fixed: bool) -> Words:
    """Two instructions, the second of two tokens; three rows of five steps, all of one instruction each."""
    torch.manual_seed(1)
    allowed = torch.tensor([[True] * 4, [True, True, False, False]])
    return Words(torch.randn(2, 4, 32), None if fixed else allowed, torch.tensor([0, 1, 0]).unsqueeze(1).expand(3, 5))


@torch.no_grad()
def test_spoc_s_layer_is_torch_s_own() -> None:
    torch.manual_seed(0)
    mine = TorchCrossLayer(SPOC)
    for parameter in mine.parameters():
        parameter.normal_(std=0.2)  # biases too
    oracle = nn.TransformerDecoderLayer(SPOC.width, SPOC.heads, SPOC.decoder_feed, dropout=0.0, batch_first=True)
    oracle.load_state_dict(mine.state_dict(), strict=True)
    x, meant = torch.randn(3, 5, 32), words(fixed=False)
    assert meant.allowed is not None
    rows = meant.which[:, 0]
    expected = oracle(x, meant.unique[rows], tgt_mask=~CAUSAL, memory_key_padding_mask=~meant.allowed[rows])
    found = mine(x, *mine.keys(x), CAUSAL[None, None], meant)
    assert (found - expected).abs().max() < 1e-5
    other = mine(x, *mine.keys(x), CAUSAL[None, None], words(fixed=True))
    assert (other - expected).abs().max() > 1e-3  # control: its padding is hidden


@torch.no_grad()
def test_ring_s_layer_attends_to_itself_then_to_the_words_then_feeds_forward() -> None:
    """By torch's functional attention, one head at a time."""
    torch.manual_seed(0)
    layer, x, meant = LlamaCrossLayer(replace(RING, heads=1)), torch.randn(3, 5, 32), words(fixed=True)
    for norm in (layer.norm_attend, layer.norm_cross, layer.norm_text, layer.norm_feed):
        norm.weight.normal_(mean=1.0, std=0.3)

    def normed(norm: nn.RMSNorm, y: torch.Tensor) -> torch.Tensor:
        return y / (y.square().mean(-1, keepdim=True) + 1e-5).sqrt() * norm.weight

    def looked(q: torch.Tensor, kv: torch.Tensor, part: nn.Module, mask: torch.Tensor | None) -> torch.Tensor:
        score = (q @ part.q.weight.T) @ (kv @ part.k.weight.T).mT / 32**0.5
        score = score if mask is None else score.masked_fill(~mask, -torch.inf)
        return score.softmax(-1) @ (kv @ part.v.weight.T) @ part.o.weight.T

    y = normed(layer.norm_attend, x)
    expected = x + looked(y, y, layer.attend, CAUSAL)
    text = normed(layer.norm_text, meant.unique[meant.which[:, 0]])
    expected = expected + looked(normed(layer.norm_cross, expected), text, layer.cross, None)
    y = normed(layer.norm_feed, expected)
    feed = layer.feed
    expected = expected + (F.silu(y @ feed.gate.weight.T) * (y @ feed.up.weight.T)) @ feed.down.weight.T
    found = layer(x, *layer.keys(x), CAUSAL[None, None], meant)
    assert (found - expected).abs().max() < 1e-5


@torch.no_grad()
def test_swiglu_by_hand() -> None:
    feed = FeedForward(1, 1)
    feed.gate.weight.fill_(2.0)
    feed.up.weight.fill_(3.0)
    feed.down.weight.fill_(0.5)
    one = 2.0 / (1 + torch.exp(torch.tensor(-2.0)))  # silu of 2 * 1
    assert torch.allclose(feed(torch.ones(1, 1)), (one * 3.0 * 0.5).view(1, 1))
