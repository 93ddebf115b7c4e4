"""The encoder's lesson before any policy is learned: what is there, on which side, how near, and how far the walls are.

Frames are drawn at random poses, used a few times from a buffer in random order, and replaced. An encoder that learns
along with a policy sees long runs of nearly equal frames instead, and hardly learns to tell a bed from a dresser.

Legend: N frames, K categories.
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

from flare_core.learning.threads import Crew, gather_gradients, replicas
from flare_core.policies.small import Encoder
from flare_core.policies.spec import MATCHES
from flare_core.seeding import stream

SIDES: Final = MATCHES - 1  # left, middle and right third of the image
ROWS, COLUMNS = 4, 8  # of the coarse depth picture
NEAR_M: Final = 2.2
LEAST_SHARE: Final = 6 / 9216  # of an image's pixels that a category must have on one side to count as there
DEPTH_RANGE_M: Final = (0.25, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """Frames of one view with their labels.

    Attributes:
        images: uint8 (N, h, w, 3).
        there: bool (N, K, MATCHES): category on each side, and nearer than NEAR_M.
        depth: float32 (N, ROWS * COLUMNS), logarithm of the median-like mean depth in metres.
    """

    images: npt.NDArray[np.uint8]
    there: npt.NDArray[np.bool_]
    depth: npt.NDArray[np.float32]


class Lookout(Protocol):
    """Where frames come from; one for each worker."""

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

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        width, names = encoder.spec.features, [view.name for view in encoder.spec.views]
        self.depth = nn.ModuleDict({name: nn.Linear(width, ROWS * COLUMNS) for name in names})


class PerceptionLesson:
    """Fills the workers' buffers and learns from them."""

    def __init__(
        self, encoder: Encoder, lookouts: Sequence[Lookout], settings: PerceptionSettings, instructions: Tensor, table: Tensor, seed: int
    ) -> None:
        """Set up the lesson.

        Args:
            instructions: int (M, K, L), word ids of every category's instruction in every wording; reading is learned along.
            table: (V + 1, word_width) word vectors.
        """
        self.settings, self.lookouts, self.seed = settings, list(lookouts), seed
        self.crew = Crew(len(lookouts))
        self.students = replicas(Student(encoder), len(lookouts))
        self.instructions, self.table = instructions, table
        self.optimiser = torch.optim.AdamW(self.students[0].parameters(), lr=settings.learning_rate, weight_decay=1e-4)
        self.buffers: list[dict[str, Glimpse]] = [{} for _ in lookouts]
        self.frames = 0
        self.rounds = 0

    def round(self) -> dict[str, Any]:
        """Replace a part of every buffer and learn from all of it as often as the new part is worth."""
        fresh = sum(self.crew.each(self._refill))
        self.frames += fresh
        size = len(next(iter(self.buffers[0].values())).images)
        draws = [stream(self.seed, "perception", self.rounds, worker) for worker in range(len(self.lookouts))]
        steps = max(1, fresh * self.settings.passes // (self.settings.batch * len(self.lookouts)))
        sums: dict[str, float] = {}
        for _ in range(steps):
            self._set_rate()
            picks = [draw.integers(0, size, self.settings.batch) for draw in draws]
            words = self.instructions[int(draws[0].integers(len(self.instructions)))]
            results = self.crew.each(lambda worker, picks=picks, words=words: self._gradients(worker, picks[worker], words))  # type: ignore[misc]
            gather_gradients(self.students)
            nn.utils.clip_grad_norm_(self.students[0].parameters(), 5.0)
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            for result in results:
                for name, value in result.items():
                    sums[name] = sums.get(name, 0.0) + value / (steps * len(results))
        self.rounds += 1
        return {"round": self.rounds, "frames": self.frames, **sums}

    def _refill(self, worker: int) -> int:
        """Add new frames; once the buffer is full the oldest go."""
        added = 0
        while True:
            new = self.lookouts[worker].look()
            old = self.buffers[worker]
            for name, glimpse in new.items():
                old[name] = _joined(old[name], glimpse, self.settings.buffer) if name in old else glimpse
            added += len(next(iter(new.values())).images)
            full = len(next(iter(old.values())).images) >= self.settings.buffer
            if full and added >= self.settings.buffer // 8:
                return added

    def _set_rate(self) -> None:
        done = min(1.0, self.frames / self.settings.frames)
        rate = self.settings.learning_rate * min(1.0, 0.05 + self.rounds / 3) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * done)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def _gradients(self, worker: int, pick: npt.NDArray[np.int64], words: Tensor) -> dict[str, float]:
        student, total, found = self.students[worker], torch.zeros(()), dict[str, float]()
        glimpses = self.buffers[worker]
        images = {name: torch.from_numpy(glimpse.images[pick]) for name, glimpse in glimpses.items()}
        read = F.cross_entropy(student.encoder.category(student.encoder.encode_goal(words, self.table)), torch.arange(len(words)))
        total, found["reading"] = total + read, float(read.detach())
        features = torch.split(student.encoder.features(images, len(pick)), student.encoder.spec.features, dim=-1)
        for view, seen in zip(student.encoder.spec.views, features, strict=True):
            glimpse = glimpses[view.name]
            there = torch.from_numpy(glimpse.there[pick]).float()  # (N, K, MATCHES)
            said = F.binary_cross_entropy_with_logits(student.encoder.shown(view, seen), there, reduction="sum") / len(pick)
            far = F.smooth_l1_loss(student.depth[view.name](seen), torch.from_numpy(glimpse.depth[pick]), reduction="sum") / len(pick)
            total = total + said + far
            found |= {f"{view.name}_there": float(said.detach()), f"{view.name}_depth": float(far.detach())}
        torch.autograd.backward(total / len(self.students))
        return found


def label(
    kinds: npt.NDArray[np.int64], depth: npt.NDArray[np.float32], categories: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Labels of frames: `there` and `depth` as in `Glimpse`.

    Args:
        kinds: (N, h, w) category of every pixel, -1 for anything else.
        depth: (N, h, w) metres, 0 for the sky.
    """
    count, height, width = kinds.shape
    sides = np.zeros((count, categories, SIDES + 1), dtype=np.int64)
    coarse = np.zeros((count, ROWS, COLUMNS), dtype=np.float64)
    _count(kinds, depth, sides, coarse)
    least = max(2, round(LEAST_SHARE * height * width))
    return sides >= least, np.asarray(coarse.reshape(count, -1), dtype=np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def _count(
    kinds: npt.NDArray[np.int64], depth: npt.NDArray[np.float32], sides: npt.NDArray[np.int64], coarse: npt.NDArray[np.float64]
) -> None:
    """Count pixels by category and side, and those that are near; mean log depth of blocks, the sky as farthest."""
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
                    sides[n, kind, x * SIDES // width] += 1
                    if depth[n, y, x] < NEAR_M:
                        sides[n, kind, SIDES] += 1


def _joined(old: Glimpse, new: Glimpse, most: int) -> Glimpse:
    return Glimpse(
        images=np.concatenate([old.images, new.images])[-most:], there=np.concatenate([old.there, new.there])[-most:],
        depth=np.concatenate([old.depth, new.depth])[-most:],
    )  # fmt: skip
