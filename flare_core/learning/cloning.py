"""Behaviour cloning of an expert in the learner's own states (DAgger), with the encoder trained along.

Every row is led through an episode by the expert, by the policy, or by the policy with random detours; the expert's
action is the label at every step whoever leads. Images are used a few times and dropped: there is no data set.

Reference: Ross et al. 2011, arXiv:1011.0686 (DAgger). Legend as in rollout: T steps, B rows; K categories.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flare_core.evaluation.episodes import records_of
from flare_core.learning.rollout import Environment
from flare_core.learning.threads import Crew, gather_gradients, replicas
from flare_core.policies.agent import Observation, Senses
from flare_core.policies.distribution import log_probabilities, sample
from flare_core.policies.small import Inputs, Memory, SmallPolicy
from flare_core.seeding import key_of, stream, uniforms


class Teacher(Protocol):
    """What cloning asks of an expert and of the simulator behind it."""

    def actions(self) -> npt.NDArray[np.int64]:
        """(B,) the expert's action in every row's present state."""

    def seen(self) -> npt.NDArray[np.bool_]:
        """(B, K) which categories the navigation camera's last image shows: the encoder's second lesson."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneSettings:
    """How cloning goes. Rates are AdamW's; shares are of episodes."""

    learning_rate: float
    rollout: int
    passes: int
    minibatches: int
    expert_share: float
    expert_only_steps: int
    random_actions: float
    drop_view: float
    border: float
    seen_weight: float
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One worker's experience: images (T, B, h, w, 3) and dropped bool (T, B) by view, what else the tower sees, the labels (T, B)."""

    images: Mapping[str, Tensor]
    dropped: Mapping[str, Tensor]
    words: Tensor
    previous: Tensor
    body: Tensor
    step: Tensor
    starts: Tensor
    memory: Memory
    allowed: Tensor
    labels: Tensor
    seen: Tensor
    episodes: list[dict[str, Any]]


class Pupil(nn.Module):
    """The policy and the second lesson's head, which is thrown away afterwards."""

    def __init__(self, policy: SmallPolicy, categories: int) -> None:
        super().__init__()
        self.policy = policy
        self.category = nn.Linear(policy.spec.features, categories)


class Apprentice:
    """One worker: its environments, its expert, and the views as the policy is shown them."""

    def __init__(self, environment: Environment, teacher: Teacher, senses: Senses, settings: CloneSettings, seed: int) -> None:
        self.environment, self.teacher, self.senses, self.settings = environment, teacher, senses, settings
        self.observation: Observation = environment.observe()
        rows = environment.num_envs
        self.starting = np.ones(rows, dtype=bool)
        self.memory = senses.policy.actor.empty_memory(rows)
        self.keys = {name: key_of(seed, f"clone/{name}") for name in ("lead", "action", "detour", "view", "border")}

    @torch.no_grad()
    def collect(self, policy: SmallPolicy, expert_only: bool) -> Lesson:
        """Play one rollout and note the expert's action at every step."""
        before, found = self.memory, _Notes()
        for _ in range(self.settings.rollout):
            numbers = self.environment.episode_numbers
            images = self._bordered(self.senses.policy_images(self.observation), numbers)
            dropped = self._dropped(numbers)
            mask = self.environment.masks()
            tensors = {name: torch.from_numpy(image) for name, image in images.items()}
            labels, seen = self.teacher.actions(), self.teacher.seen()
            self.memory = self.memory.forget(torch.from_numpy(self.starting))
            inputs = self.senses.join(policy.encoder.features(tensors, len(mask), dropped), self.observation)
            logits, self.memory = policy.actor.step(inputs, self.memory)
            found.add(tensors, dropped, self.observation, self.starting, mask, labels, seen, inputs)
            action = self._led(logits, mask, labels, numbers, expert_only)
            self.observation, _, terminated, truncated, info = self.environment.step(action)
            self.starting = np.asarray(terminated | truncated)
            found.episodes += records_of(info)
        return found.lesson(before)

    def _led(self, logits: Tensor, mask: Any, labels: Any, numbers: Any, expert_only: bool) -> npt.NDArray[np.int64]:
        """Action of whoever leads each row's episode."""
        steps, settings = self.environment.episode_steps, self.settings
        allowed = torch.from_numpy(mask)
        own = sample(log_probabilities(logits, allowed), uniforms(self.keys["action"], numbers, steps)[:, 0])
        chance = sample(log_probabilities(torch.zeros_like(logits), allowed), uniforms(self.keys["action"], numbers, steps, 1)[:, 0])
        lead = uniforms(self.keys["lead"], numbers, np.zeros_like(steps))[:, 0]
        by_expert = np.full(len(own), True) if expert_only else lead < settings.expert_share
        action = np.where(by_expert, labels, own)
        detour = uniforms(self.keys["detour"], numbers, steps)[:, 0] < settings.random_actions
        kind = [action_.startswith("done") or action_.startswith("sub_done") for action_ in self.senses.policy.spec.actions]
        return np.where(detour & ~np.array(kind)[chance], chance, action)

    def _bordered(self, images: Mapping[str, npt.NDArray[np.uint8]], numbers: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.uint8]]:
        """Images of some episodes with covered borders: a target's camera may see less than the source's, and
        what it does not cover must be nothing new to the policy."""
        shown = {}
        for at, view in enumerate(self.senses.policy.spec.views):
            image = images[view.name].copy()
            lane = np.full(len(numbers), at, dtype=np.int64)
            chance = uniforms(self.keys["border"], numbers, lane)[:, 0]
            sides = np.concatenate([uniforms(self.keys["border"], numbers, lane, k) for k in (1, 2)], axis=1)  # (B, 4)
            height, width = image.shape[1:3]
            most = np.array([0.55 * height, 0.55 * height, 0.25 * width, 0.25 * width])
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


class _Notes:
    """Lists that a lesson is stacked from."""

    def __init__(self) -> None:
        self.images: dict[str, list[Tensor]] = {}
        self.dropped: dict[str, list[Tensor]] = {}
        self.rest: dict[str, list[Tensor]] = {}
        self.episodes: list[dict[str, Any]] = []

    def add(
        self, images: Mapping[str, Tensor], dropped: Mapping[str, Tensor], observation: Observation, starting: Any, mask: Any, labels: Any,
        seen: Any, inputs: Inputs,
    ) -> None:  # fmt: skip
        for kept, new in ((self.images, images), (self.dropped, dropped)):
            for name, value in new.items():
                kept.setdefault(name, []).append(value)
        parts = {
            "words": observation["goal"].copy(), "starts": starting.copy(), "allowed": mask.copy(), "labels": labels.copy(), "seen": seen.copy(),
        }  # fmt: skip
        tensors = {name: torch.from_numpy(value) for name, value in parts.items()}
        tensors |= {"previous": inputs.previous.clone(), "body": inputs.body.clone(), "step": inputs.step.clone()}
        for name, value in tensors.items():
            self.rest.setdefault(name, []).append(value)

    def lesson(self, memory: Memory) -> Lesson:
        images = {name: torch.stack(parts) for name, parts in self.images.items()}
        dropped = {name: torch.stack(parts) for name, parts in self.dropped.items()}
        return Lesson(images=images, dropped=dropped, memory=memory, episodes=self.episodes, **{name: torch.stack(parts) for name, parts in self.rest.items()})


class Cloner:
    """Collects with every worker, learns from it, forgets it."""

    def __init__(
        self, policy: SmallPolicy, apprentices: Sequence[Apprentice], settings: CloneSettings, words: npt.NDArray[np.float32], categories: int, seed: int
    ) -> None:
        self.settings, self.apprentices, self.seed = settings, list(apprentices), seed
        self.crew = Crew(len(apprentices))
        self.pupils = replicas(Pupil(policy, categories), len(apprentices))
        self.words = torch.tensor(words)
        self.optimiser = torch.optim.AdamW(self.pupils[0].parameters(), lr=settings.learning_rate, weight_decay=1e-4)
        self.steps = 0
        self.updates = 0

    def update(self) -> dict[str, Any]:
        """One rollout of every worker and the passes over it; the record of both."""
        alone = self.steps < self.settings.expert_only_steps
        lessons = self.crew.each(lambda worker: self.apprentices[worker].collect(self.pupils[worker].policy, alone))
        self._set_rate()
        sums: dict[str, float] = {}
        rows, count = lessons[0].labels.shape[1], 0
        for turn in range(self.settings.passes):
            order = stream(self.seed, "clone/minibatch", self.updates, turn).permutation(rows)
            for part in np.array_split(order, min(self.settings.minibatches, rows)):
                at = torch.from_numpy(np.sort(part))
                results = self.crew.each(lambda worker, at=at: self._gradients(worker, lessons[worker], at))  # type: ignore[misc]
                gather_gradients(self.pupils)
                nn.utils.clip_grad_norm_(self.pupils[0].parameters(), 1.0)
                self.optimiser.step()
                self.optimiser.zero_grad(set_to_none=True)
                count += 1
                for result in results:
                    for name, value in result.items():
                        sums[name] = sums.get(name, 0.0) + value / len(results)
        self.steps += sum(lesson.labels.numel() for lesson in lessons)
        self.updates += 1
        episodes = [episode for lesson in lessons for episode in lesson.episodes]
        return {"update": self.updates, "steps": self.steps, "episodes": episodes, **{name: value / count for name, value in sums.items()}}

    def _set_rate(self) -> None:
        """A short rise, then half a cosine down to a fiftieth."""
        done = min(1.0, self.steps / self.settings.steps)
        rise = min(1.0, (self.updates + 1) / 20)
        rate = self.settings.learning_rate * rise * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * done)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def _gradients(self, worker: int, lesson: Lesson, rows: Tensor) -> dict[str, float]:
        pupil, some = self.pupils[worker], (slice(None), rows)
        policy, labels = pupil.policy, lesson.labels[some]
        steps, batch = labels.shape
        images = {name: image[some].flatten(0, 1) for name, image in lesson.images.items()}
        dropped = {name: gone[some].flatten() for name, gone in lesson.dropped.items()}
        features = policy.encoder.features(images, steps * batch, dropped)
        goal = policy.encoder.encode_goal(lesson.words[some].flatten(0, 1), self.words)
        inputs = Inputs(
            features=features.view(steps, batch, -1), goal=goal.view(steps, batch, -1), previous=lesson.previous[some],
            body=lesson.body[some], step=lesson.step[some],
        )  # fmt: skip
        logits, _ = policy.actor.sequence(inputs, lesson.starts[some], lesson.memory.at(rows))
        logp = log_probabilities(logits, lesson.allowed[some])
        loss = F.nll_loss(logp.flatten(0, 1), labels.flatten())
        seen = lesson.seen[some].flatten(0, 1).float()
        shown = F.binary_cross_entropy_with_logits(pupil.category(features[:, : policy.spec.features]), seen)
        torch.autograd.backward((loss + self.settings.seen_weight * shown) / len(self.pupils))
        agree = (logp.detach().argmax(-1) == labels).float().mean()
        return {"loss": float(loss.detach()), "seen_loss": float(shown.detach()), "agreement": float(agree)}


Report = Callable[[Mapping[str, Any]], None]
