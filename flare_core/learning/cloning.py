"""Behaviour cloning of an expert in the learner's own states (DAgger), on the features of an encoder that has had its lesson.

Every row is led through an episode by the expert, by the policy, or by the policy with random detours; the expert's
action is the label at every step whoever leads. Steps are used a few times and dropped: there is no data set.

Reference: Ross et al. 2011, arXiv:1011.0686 (DAgger). Legend as in rollout: T steps, B rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flare_core.evaluation.episodes import records_of
from flare_core.learning.perception import COVERED
from flare_core.learning.processes import crew_of, replicas_for, to_be_forked
from flare_core.learning.rollout import Environment
from flare_core.learning.threads import clear_gradients, gather_gradients
from flare_core.policies.agent import Senses
from flare_core.policies.distribution import log_probabilities, sample
from flare_core.policies.interface import Observation, cat, stack
from flare_core.policies.memory import Memory
from flare_core.policies.small import Inputs, SmallPolicy
from flare_core.seeding import key_of, stream, uniforms

NO_LABEL = -1  # stands for the action of a state that nothing is learned from


class Teacher(Protocol):
    """What cloning asks of an expert."""

    def actions(self, previous: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """(B,) the expert's action in every row's present state, and (B,) whether it is worth imitating; asked once a step.

        Args:
            previous: (B,) what each row has just done, whoever led it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneSettings:
    """How cloning goes. Rates are AdamW's; shares are of episodes, or of their segments of so many steps."""

    learning_rate: float
    rollout: int
    passes: int
    minibatches: int
    expert_share: float
    segments: tuple[int, ...]
    expert_only_steps: int
    random_actions: float
    drop_view: float
    border: float
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One worker's experience: inputs (T, B, ...), episode starts, masks, and the expert's actions (T, B).

    An action is NO_LABEL where nothing is learned.
    """

    inputs: Inputs
    starts: Tensor
    memory: Memory
    allowed: Tensor
    labels: Tensor
    episodes: list[dict[str, Any]]

    @staticmethod
    def join(lessons: "Sequence[Lesson]") -> "Lesson":
        """Lessons of equal length side by side: the rows of the first, then those of the next."""
        if len(lessons) == 1:
            return lessons[0]
        return Lesson(
            inputs=cat([lesson.inputs for lesson in lessons], 1),
            memory=Memory.cat([lesson.memory for lesson in lessons]),
            episodes=[episode for lesson in lessons for episode in lesson.episodes],
            **{name: torch.cat([getattr(lesson, name) for lesson in lessons], 1) for name in ("starts", "allowed", "labels")},
        )


class Apprentice:
    """One worker's rows of one task: their environments, their expert, and the views as the policy is shown them."""

    def __init__(
        self, environment: Environment, teacher: Teacher, senses: Senses, settings: CloneSettings, seed: int, task: str = "task"
    ) -> None:
        """Begin; `task` names the rows' task in the log."""
        self.environment, self.teacher, self.senses, self.settings, self.task = environment, teacher, senses, settings, task
        self.observation: Observation = environment.observe()
        rows = environment.num_envs
        self.starting = np.ones(rows, dtype=bool)
        self.memory = senses.policy.actor.empty_memory(rows)
        self.keys = {name: key_of(seed, f"clone/{name}") for name in ("lead", "action", "detour", "view", "border")}

    @torch.no_grad()
    def collect(self, policy: SmallPolicy, expert_only: bool) -> Lesson:
        """Play one rollout and note the expert's action at every step."""
        before, episodes = self.memory, list[dict[str, Any]]()
        seen: list[Inputs] = []
        kept: dict[str, list[Tensor]] = {name: [] for name in ("starts", "allowed", "labels")}
        for _ in range(self.settings.rollout):
            numbers, mask = self.environment.episode_numbers, self.environment.masks()
            advice, good = self.teacher.actions(self.observation["previous_action"])
            images = self._bordered(self.senses.policy_images(self.observation), numbers)
            tensors = {name: torch.from_numpy(image) for name, image in images.items()}
            features = policy.encoder.features(tensors, len(mask), self._dropped(numbers))
            seen.append(self.senses.join(features, self.observation))
            starting = torch.from_numpy(self.starting)
            now = (starting, torch.from_numpy(mask), torch.from_numpy(np.where(good, advice, NO_LABEL)))
            for part, value in zip(kept.values(), now, strict=True):
                part.append(value)
            logits, self.memory = policy.actor.step(seen[-1], self.memory.forget(starting))
            self.observation, _, terminated, truncated, info = self.environment.step(self._led(logits, mask, advice, numbers, expert_only))
            self.starting = np.asarray(terminated | truncated)
            episodes += [{**record, "task": self.task} for record in records_of(info)]
        stacked = {name: torch.stack(part) for name, part in kept.items()}
        return Lesson(inputs=stack(seen), memory=before, episodes=episodes, **stacked)

    def _led(self, logits: Tensor, mask: Any, advice: Any, numbers: Any, expert_only: bool) -> npt.NDArray[np.int64]:
        """Action of whoever leads each row's episode."""
        steps, settings = self.environment.episode_steps, self.settings
        allowed = torch.from_numpy(mask)
        own = sample(log_probabilities(logits, allowed), uniforms(self.keys["action"], numbers, steps)[:, 0])
        chance = sample(log_probabilities(torch.zeros_like(logits), allowed), uniforms(self.keys["action"], numbers, steps, 1)[:, 0])
        by_expert = np.full(len(own), True) if expert_only else self._by_expert(numbers, steps)
        action = np.where(by_expert, advice, own)
        detour = uniforms(self.keys["detour"], numbers, steps)[:, 0] < settings.random_actions
        kind = [action_.startswith("done") or action_.startswith("sub_done") for action_ in self.senses.policy.spec.actions]
        return np.where(detour & ~np.array(kind)[chance], chance, action)

    def _by_expert(self, numbers: npt.NDArray[np.int64], steps: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Rows that the expert leads now."""
        lengths = np.array(self.settings.segments or (np.iinfo(np.int64).max,))
        part = steps // lengths[numbers % len(lengths)]
        leads: npt.NDArray[np.bool_] = uniforms(self.keys["lead"], numbers, part)[:, 0] < self.settings.expert_share
        return leads

    def _bordered(self, images: Mapping[str, npt.NDArray[np.uint8]], numbers: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.uint8]]:
        """Images of some episodes with covered borders.

        A target's camera may see less than the source's, and what it does not cover must be nothing new to the policy.
        """
        shown = {}
        for at, view in enumerate(self.senses.policy.spec.views):
            image = images[view.name].copy()
            lane = np.full(len(numbers), at, dtype=np.int64)
            chance = uniforms(self.keys["border"], numbers, lane)[:, 0]
            sides = np.concatenate([uniforms(self.keys["border"], numbers, lane, k) for k in (1, 2)], axis=1)  # (B, 4)
            height, width = image.shape[1:3]
            most = np.array(COVERED) * [height, height, width, width]
            for row in np.flatnonzero(chance < self.settings.border):
                top, bottom, left, right = (sides[row] * most).astype(int)
                image[row, :top] = view.fill
                image[row, height - bottom :] = view.fill
                image[row, :, :left] = view.fill
                image[row, :, width - right :] = view.fill
            shown[view.name] = image
        return shown

    def _dropped(self, numbers: npt.NDArray[np.int64]) -> dict[str, Tensor]:
        """Views that some episodes go without; never the first, which the task is judged by."""
        names = [view.name for view in self.senses.policy.spec.views[1:]]
        lanes = [np.full(len(numbers), at, dtype=np.int64) for at in range(len(names))]
        return {
            name: torch.from_numpy(uniforms(self.keys["view"], numbers, lane)[:, 0] < self.settings.drop_view)
            for name, lane in zip(names, lanes, strict=True)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a worker's lesson was: rows, steps of all of them, and records of the episodes that ended."""

    rows: int
    steps: int
    episodes: list[dict[str, Any]]


class Pupil:
    """One worker: its apprentices, one for each task, its replica of the policy, and the lesson in hand."""

    def __init__(self, policy: SmallPolicy, apprentices: Sequence[Apprentice]) -> None:
        self.policy, self.apprentices = policy, list(apprentices)
        self.lesson: Lesson | None = None

    def collect(self, expert_only: bool) -> Played:
        """Play one rollout of every task."""
        self.lesson = lesson = Lesson.join([apprentice.collect(self.policy, expert_only) for apprentice in self.apprentices])
        return Played(rows=lesson.labels.shape[1], steps=lesson.labels.numel(), episodes=lesson.episodes)

    def find_gradients(self, rows: Tensor, share: int) -> dict[str, float]:
        """Gradients of the loss of some rows (b,), left in the replica's parameters; the loss, and the share of equal actions.

        Args:
            share: number of workers, whose losses are averaged.
        """
        lesson, some = self.lesson, (slice(None), rows)
        assert lesson is not None
        clear_gradients(self.policy.parameters())
        logits, _ = self.policy.actor.sequence(lesson.inputs.at(some), lesson.starts[some], lesson.memory.at(rows))
        labels, logp = lesson.labels[some], log_probabilities(logits, lesson.allowed[some])
        learned = labels != NO_LABEL
        loss = F.nll_loss(logp[learned], labels[learned], reduction="sum") / max(1, int(learned.sum()))
        torch.autograd.backward(loss / share)
        agree = (logp.detach().argmax(-1) == labels).sum() / max(1, int(learned.sum()))
        return {"loss": float(loss.detach()), "agreement": float(agree)}

    def latest_episode(self) -> int:
        """The greatest number of an episode that has begun."""
        return max(int(apprentice.environment.episode_numbers.max()) for apprentice in self.apprentices)


class Cloner:
    """Collects with every worker, learns from it, forgets it.

    Attributes:
        policy: what learns; it owns the parameters of all workers.
        crew: the workers, as threads or as processes.
        pupils: the same as objects; of processes, only the first of them is the one that plays.
        tasks: names of the tasks.
    """

    def __init__(
        self, policy: SmallPolicy, apprentices: Sequence[Sequence[Apprentice]], settings: CloneSettings, seed: int, *,
        processes: bool = False,
    ) -> None:  # fmt: skip
        """Set up the pupils.

        Args:
            apprentices: of each worker, one for each task.
            processes: see `FineTuner`.
        """
        self.settings, self.seed, self.policy = settings, seed, policy
        self.tasks = [apprentice.task for apprentice in apprentices[0]]
        policy.freeze_encoder()
        self._apart = processes and to_be_forked(len(apprentices))
        self._replicas = replicas_for(policy, len(apprentices), apart=self._apart)
        self.pupils = [Pupil(replica, own) for replica, own in zip(self._replicas, apprentices, strict=True)]
        self.crew = crew_of(self.pupils, apart=self._apart)
        self.optimiser = torch.optim.AdamW(
            [p for p in policy.parameters() if p.requires_grad], lr=settings.learning_rate, weight_decay=1e-4, fused=True
        )
        self.steps = 0
        self.updates = 0

    def update(self) -> dict[str, Any]:
        """One rollout of every worker and the passes over it; the record of both."""
        played = self.crew.each(Pupil.collect, self.steps < self.settings.expert_only_steps)
        self._set_rate()
        sums: dict[str, float] = {}
        rows, count, share = played[0].rows, 0, len(played)
        for turn in range(self.settings.passes):
            order = stream(self.seed, "clone/minibatch", self.updates, turn).permutation(rows)
            for part in np.array_split(order, min(self.settings.minibatches, rows)):
                results = self.crew.each(Pupil.find_gradients, torch.from_numpy(np.sort(part)), share)
                gather_gradients(self._replicas, keep=self._apart)
                nn.utils.clip_grad_norm_(self.policy.parameters(), 1.0)
                self.optimiser.step()
                self.optimiser.zero_grad(set_to_none=True)
                count += 1
                for result in results:
                    for name, value in result.items():
                        sums[name] = sums.get(name, 0.0) + value / share
        self.steps += sum(one.steps for one in played)
        self.updates += 1
        episodes = [episode for one in played for episode in one.episodes]
        return {"update": self.updates, "steps": self.steps, "episodes": episodes, **{name: value / count for name, value in sums.items()}}

    def close(self) -> None:
        """End the workers' threads or processes."""
        self.crew.close()

    def _set_rate(self) -> None:
        """A short rise, then half a cosine down to a fiftieth."""
        done = min(1.0, self.steps / self.settings.steps)
        rise = min(1.0, (self.updates + 1) / 20)
        rate = self.settings.learning_rate * rise * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * done)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
