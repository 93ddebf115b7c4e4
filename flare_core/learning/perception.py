"""The encoder's lesson before any policy is learned: what every cell of an image shows, how near it is, and how far the walls are.

Frames are drawn at random poses, used a few times from a buffer in random order, and replaced. An encoder that learns
along with a policy sees long runs of nearly equal frames instead, and hardly learns to tell a bed from a dresser.

Legend: N frames, K categories, R x C cells of an image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import torch
from numba import njit
from torch import Tensor, nn
from torch.nn import functional as F

from flare_core.learning.checkpoint import load_optimiser, optimiser_tensors, part_of
from flare_core.learning.processes import crew_of, replicas_for, to_be_forked
from flare_core.learning.threads import clear_gradients, gather_gradients
from flare_core.policies.encoder import Encoder, ViewEncoder
from flare_core.policies.spec import CELL, CLOSE_M, LAYERS, NEAR_M
from flare_core.seeding import stream

ROWS, COLUMNS = 4, 8  # of the coarse depth picture
LEAST: Final = 3  # pixels of a cell that a category must have to count as there
CELL_WEIGHT: Final = 1 / 8  # of a cell in the loss: neighbouring cells say much the same
MOST_GRADIENT: Final = 20.0
COVERED: Final = (0.7, 0.7, 0.3, 0.3)  # greatest part of the height or width that a covered border takes: top, bottom, left, right
DEPTH_RANGE_M: Final = (0.25, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """Frames of one view with their labels.

    Attributes:
        images: uint8 (N, h, w, 3).
        cells: bool (N, K, LAYERS, R, C): category in each cell, nearer than NEAR_M, nearer than CLOSE_M.
        depth: float32 (N, ROWS * COLUMNS), mean logarithm of the depth in metres of each block.
    """

    images: npt.NDArray[np.uint8]
    cells: npt.NDArray[np.bool_]
    depth: npt.NDArray[np.float32]


class Lookout(Protocol):
    """Where frames come from, of the views that learn; one for each worker. `turn` counts the calls; what is drawn depends on it alone."""

    turn: int

    def look(self) -> Mapping[str, Glimpse]:
        """Fresh frames of every view, N of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptionSettings:
    """How the lesson goes. `buffer` frames are kept by each worker; each frame is used about `passes` times."""

    frames: int
    passes: int
    batch: int
    buffer: int
    learning_rate: float


class Student(nn.Module):
    """The encoder and the depth heads of the lesson, which are thrown away afterwards."""

    def __init__(self, encoder: Encoder, knows_something: bool) -> None:
        super().__init__()
        self.encoder = encoder
        if not knows_something:  # in one that does, the norms are folded already, and new ones would undo what it knows
            for layer in encoder.convolutions():
                layer.add_norm()
        width, names = encoder.spec.features, [view.name for view in encoder.spec.views]
        self.depth = nn.ModuleDict({name: nn.Linear(width, ROWS * COLUMNS) for name in names})


class Looker:
    """One worker: its lookout, its buffer of frames, and its replica of the student."""

    def __init__(self, lookout: Lookout, student: Student, settings: PerceptionSettings, instructions: Tensor, table: Tensor) -> None:
        self.lookout, self.student, self.settings = lookout, student, settings
        self.instructions, self.table = instructions, table
        self.buffer: dict[str, Glimpse] = {}

    def refill(self) -> tuple[int, int]:
        """Add new frames; once the buffer is full the oldest go. How many were added, and how many there are."""
        added = 0
        while True:
            new, old = self.lookout.look(), self.buffer
            for name, glimpse in new.items():
                old[name] = _joined(old[name], glimpse, self.settings.buffer) if name in old else glimpse
            added += len(next(iter(new.values())).images)
            size = len(next(iter(old.values())).images)
            if size >= self.settings.buffer and added >= self.settings.buffer // 8:
                return added, size

    def find_gradients(self, pick: npt.NDArray[np.int64], wording: int, share: int) -> dict[str, float]:
        """Gradients of the loss of some frames, left in the replica's parameters; the loss's parts.

        Args:
            pick: (N,) frames of the buffer.
            wording: which of the instructions' wordings is read.
            share: number of workers, whose losses are averaged.
        """
        student, words, total, found = self.student, self.instructions[wording], torch.zeros(()), dict[str, float]()
        clear_gradients(student.parameters())
        images = {name: torch.from_numpy(glimpse.images[pick]) for name, glimpse in self.buffer.items()}
        read = F.cross_entropy(student.encoder.category(student.encoder.encode_goal(words, self.table)), torch.arange(len(words)))
        total, found["reading"] = total + read, float(read.detach())
        for view in student.encoder.spec.views:
            if view.name not in self.buffer:
                continue
            glimpse, encoder = self.buffer[view.name], student.encoder.views[view.name]
            assert isinstance(encoder, ViewEncoder)
            with student.encoder.arithmetic():
                scene, cells = encoder.look(images[view.name])
            there = torch.from_numpy(glimpse.cells[pick]).float()  # (N, K, LAYERS, R, C)
            said = F.binary_cross_entropy_with_logits(cells.float(), there, reduction="sum") * CELL_WEIGHT / len(pick)
            known = torch.from_numpy(glimpse.depth[pick])
            far = F.smooth_l1_loss(student.depth[view.name](scene.float()), known, reduction="sum") / len(pick)
            total = total + said + far
            found |= {f"{view.name}_there": float(said.detach()), f"{view.name}_depth": float(far.detach())}
        torch.autograd.backward(total / share)
        return found

    def restore(self, student: Mapping[str, Tensor], turn: int) -> None:
        """Take over weights and running statistics, and look on from a turn."""
        self.student.load_state_dict(student)
        self.lookout.turn = turn


class PerceptionLesson:
    """Fills the workers' buffers and learns from them.

    Attributes:
        student: what learns; it owns the parameters of all workers.
        crew: the workers, as threads or as processes.
        lookers: the same as objects; of processes, only the first of them is the one that looks.
    """

    def __init__(
        self, encoder: Encoder, lookouts: Sequence[Lookout], settings: PerceptionSettings, instructions: Tensor, table: Tensor, seed: int,
        knows_something: bool = False, *, processes: bool = False,
    ) -> None:  # fmt: skip
        """Set up the lesson.

        Args:
            lookouts: one for each worker.
            knows_something: the encoder has had a lesson before.
            instructions: int (M, K, L), word ids of every category's instruction in every wording; reading is learned along.
            table: (V + 1, word_width) word vectors.
            processes: see `FineTuner`.
        """
        self.settings, self.seed, self.wordings = settings, seed, len(instructions)
        self.student = Student(encoder, knows_something)
        self._apart = processes and to_be_forked(len(lookouts))
        self._replicas = replicas_for(self.student, len(lookouts), apart=self._apart)
        self.lookers = [
            Looker(lookout, replica, settings, instructions, table) for lookout, replica in zip(lookouts, self._replicas, strict=True)
        ]
        self.crew = crew_of(self.lookers, apart=self._apart)
        self.optimiser = torch.optim.AdamW(self.student.parameters(), lr=settings.learning_rate, weight_decay=1e-4, fused=True)
        self.frames = 0
        self.rounds = 0

    def state(self) -> tuple[dict[str, Tensor], dict[str, int]]:
        """What `restore` needs; the frames in the buffers are not kept, new ones are drawn."""
        tensors = {f"student/{name}": value for name, value in self.student.state_dict().items()} | optimiser_tensors(
            "optimiser", self.optimiser
        )
        return tensors, {"frames": self.frames, "rounds": self.rounds, "turn": self.lookers[0].lookout.turn}

    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, int]) -> None:
        """Go on from a state."""
        self.crew.each(Looker.restore, part_of(tensors, "student/"), facts["turn"])  # parameters are shared, running statistics are not
        load_optimiser(self.optimiser, part_of(tensors, "optimiser/"))
        self.frames, self.rounds = facts["frames"], facts["rounds"]

    def finish(self) -> None:
        """Fold what the lesson alone needed into the encoder's weights."""
        for layer in self.student.encoder.convolutions():
            layer.fold_norm()

    def close(self) -> None:
        """End the workers' threads or processes."""
        self.crew.close()

    def round(self) -> dict[str, Any]:
        """Replace a part of every buffer and learn from all of it as often as the new part is worth."""
        filled, share = self.crew.each(Looker.refill), len(self.lookers)
        fresh, size = sum(added for added, _ in filled), filled[0][1]
        self.frames += fresh
        draws = [stream(self.seed, "perception", self.rounds, worker) for worker in range(share)]
        steps = max(1, fresh * self.settings.passes // (self.settings.batch * share))
        sums: dict[str, float] = {}
        for _ in range(steps):
            self._set_rate()
            picks = [draw.integers(0, size, self.settings.batch) for draw in draws]
            wording = int(draws[0].integers(self.wordings))
            results = self.crew.deal(Looker.find_gradients, [(pick, wording, share) for pick in picks])
            gather_gradients(self._replicas, keep=self._apart)
            nn.utils.clip_grad_norm_(self.student.parameters(), MOST_GRADIENT)
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            for result in results:
                for name, value in result.items():
                    sums[name] = sums.get(name, 0.0) + value / (steps * share)
        self.rounds += 1
        return {"round": self.rounds, "frames": self.frames, **sums}

    def _set_rate(self) -> None:
        done = min(1.0, self.frames / self.settings.frames)
        rate = self.settings.learning_rate * min(1.0, 0.05 + self.rounds / 3) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * done)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate


def label(
    kinds: npt.NDArray[np.int64], depth: npt.NDArray[np.float32], categories: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Labels of frames: `cells` and `depth` as in `Glimpse`.

    Args:
        kinds: (N, h, w) category of every pixel, -1 for anything else.
        depth: (N, h, w) metres, 0 for the sky.
    """
    count, height, width = kinds.shape
    cells = np.zeros((count, categories, LAYERS, -(-height // CELL), -(-width // CELL)), dtype=np.uint8)
    coarse = np.zeros((count, ROWS, COLUMNS), dtype=np.float64)
    _count(kinds, depth, cells, coarse)
    return cells >= LEAST, np.asarray(coarse.reshape(count, -1), dtype=np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def _count(
    kinds: npt.NDArray[np.int64], depth: npt.NDArray[np.float32], cells: npt.NDArray[np.uint8], coarse: npt.NDArray[np.float64]
) -> None:
    """Count the pixels of every cell by category, and those that are near; mean log depth of blocks, the sky as farthest."""
    count, height, width = kinds.shape
    weight = coarse.shape[1] * coarse.shape[2] / (height * width)
    for n in range(count):
        for y in range(height):
            for x in range(width):
                metres = depth[n, y, x]
                if metres <= 0.0 or metres > DEPTH_RANGE_M[1]:
                    metres = DEPTH_RANGE_M[1]
                elif metres < DEPTH_RANGE_M[0]:
                    metres = DEPTH_RANGE_M[0]
                coarse[n, y * coarse.shape[1] // height, x * coarse.shape[2] // width] += np.log(metres) * weight
                kind = kinds[n, y, x]
                if kind >= 0:
                    cells[n, kind, 0, y // CELL, x // CELL] += 1
                    if depth[n, y, x] < NEAR_M:
                        cells[n, kind, 1, y // CELL, x // CELL] += 1
                    if depth[n, y, x] < CLOSE_M:
                        cells[n, kind, 2, y // CELL, x // CELL] += 1


def _joined(old: Glimpse, new: Glimpse, most: int) -> Glimpse:
    return Glimpse(
        images=np.concatenate([old.images, new.images])[-most:], cells=np.concatenate([old.cells, new.cells])[-most:],
        depth=np.concatenate([old.depth, new.depth])[-most:],
    )  # fmt: skip
