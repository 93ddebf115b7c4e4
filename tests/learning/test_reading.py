import torch

from flare_core.learning.reading import Instructions, teach_reading
from flare_core.policies.encoder import Encoder
from flare_core.policies.spec import PolicySpec, View

SPEC = PolicySpec(
    views=(View(name="navigation", width=16, height=16),), actions=("done",), body_inputs=(), categories=("mug", "bed"),
    channels=(8, 8, 8, 8), features=16, width=32, heads=2,
)  # fmt: skip
GO, TAKE, MUG, BED, ROOMS = range(1, 6)
# what is known: "go mug" and "go bed"; what is new: "take mug" and "rooms"
SENTENCES = [((GO, MUG), 0, 0), ((GO, BED), 1, 0), ((TAKE, MUG), 0, 1), ((ROOMS,), -1, 2)]


def table() -> torch.Tensor:
    return torch.cat([torch.zeros(1, 64), torch.randn(5, 64, generator=torch.Generator().manual_seed(1)) / 8])


def test_it_learns_what_new_instructions_mean_and_reads_the_old_ones_as_before() -> None:
    torch.manual_seed(0)
    encoder, instructions = Encoder(SPEC), Instructions.of(SENTENCES)
    sees = {name: value.clone() for name, value in encoder.state_dict().items() if name.startswith("views.")}
    before = encoder.encode_goal(instructions.words, table()).detach()
    found = teach_reading(encoder, table(), instructions, seed=0)
    after = encoder.encode_goal(instructions.words, table()).detach()
    assert found["category"] == found["task"] == 1.0
    assert found["moved"] < 0.2
    assert (after[:2] - before[:2]).abs().max() < 0.2  # old
    assert (after[2:] - before[2:]).abs().max() > 0.3  # new
    assert all(torch.equal(sees[name], encoder.state_dict()[name]) for name in sees)


def test_sentences_are_padded_with_nothing() -> None:
    assert Instructions.of(SENTENCES).words.tolist() == [[GO, MUG], [GO, BED], [TAKE, MUG], [ROOMS, 0]]
