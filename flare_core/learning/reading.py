"""What the encoder makes of the instructions of further tasks: which category each names, and which task it is of.

The encoder learned to read along with its lesson in seeing, from the instructions of one task. Those of other tasks use other
verbs, and nothing asked it to keep verbs apart. Here it learns both, and goes on to read as before what it could read already,
so that a policy which listens to it understands it still.

Legend: N instructions, L words, K categories, G goal width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flare_core.policies.encoder import Encoder

STEPS: Final = 800
RATE: Final = 3e-3
KEEP: Final = 30.0  # weight of goal vectors that are to stay what they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """Sentences with what they mean.

    Attributes:
        words: int64 (N, L) word ids, 0 pads.
        category: int64 (N,) the category that is named, -1 for none.
        task: int64 (N,) which task it is of, the one that the encoder can read already being 0; instructions that name no category
            and ask for different things (so many rooms) count as different tasks.
    """

    words: Tensor
    category: Tensor
    task: Tensor

    @staticmethod
    def of(sentences: Sequence[tuple[Sequence[int], int, int]]) -> "Instructions":
        """From (word ids, category, task) of each."""
        longest = max(len(words) for words, _, _ in sentences)
        padded = torch.tensor([[*words, *[0] * (longest - len(words))] for words, _, _ in sentences])
        return Instructions(
            words=padded, category=torch.tensor([one for _, one, _ in sentences]), task=torch.tensor([one for _, _, one in sentences])
        )


def teach_reading(encoder: Encoder, table: Tensor, instructions: Instructions, seed: int) -> dict[str, float]:
    """Teach it; only what reads changes, not what sees.

    Args:
        table: (V + 1, word_width) word vectors.

    Returns:
        Share of the sentences whose `category` and whose `task` it tells, and by how much, at most, an entry of a goal vector
        of task 0 `moved`.
    """
    torch.manual_seed(seed)
    teller = nn.Linear(encoder.spec.goal_width, int(instructions.task.max()) + 1)
    named, known = instructions.category >= 0, instructions.task == 0
    with torch.no_grad():
        before = encoder.encode_goal(instructions.words[known], table)
    readers = [encoder.weigh, encoder.read, encoder.category, teller]
    optimiser = torch.optim.Adam([value for reader in readers for value in reader.parameters()], lr=RATE)
    for _ in range(STEPS):
        goals = encoder.encode_goal(instructions.words, table)
        loss = F.cross_entropy(teller(goals), instructions.task) + KEEP * (goals[known] - before).square().mean()
        if named.any():
            loss = loss + F.cross_entropy(encoder.category(goals[named]), instructions.category[named])
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
    with torch.no_grad():
        goals = encoder.encode_goal(instructions.words, table)
        told = encoder.category(goals[named]).argmax(-1) == instructions.category[named]
        return {
            "category": float(told.float().mean()) if len(told) else 1.0,
            "task": float((teller(goals).argmax(-1) == instructions.task).float().mean()),
            "moved": float((goals[known] - before).abs().max()),
        }
