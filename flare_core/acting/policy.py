"""A policy that acts on a robot: pictures and state in, one action out, exactly as the policy is evaluated."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import torch

from flare_core.acting.actions import Action, action_of
from flare_core.acting.pictures import CameraNeed, pictures_for
from flare_core.acting.state import State, home_state, refuse_missing, world_of
from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.drawing import is_random
from flare_core.embodiments.needs import Need, needs_of
from flare_core.envs.observation import BodyState
from flare_core.envs.play import GOAL_WORDS, MOST_WORDS, Observation
from flare_core.errors import ActingError
from flare_core.policies.distribution import log_probabilities, sample
from flare_core.runs.candidate import Candidate, ready
from flare_core.seeding import key_of, uniforms
from flare_core.tasks.words import Vocabulary, split_words

ACTION_STREAM: Final = "evaluation/action"  # the draws of an evaluation, so that both choose alike


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A bundle made ready to act: what its copies share."""

    candidate: Candidate
    body: Embodiment
    vocabulary: Vocabulary
    needs: Mapping[str, Need]
    cameras: Mapping[str, CameraNeed]
    state: BodyState
    end_action: int
    goal_words: int


class Policy:
    """A policy with the memory of one episode.

    `reset` begins an episode, `act` chooses its next action. A call that is refused changes nothing: the same call, mended, may follow.

    Attributes:
        over: it has said that it is done (`done`, where the task has no other word); `reset` before the next action.
        steps: actions chosen in this episode.
    """

    def __init__(self, ready_made: _Ready, *, greedy: bool, seed: int) -> None:
        self._ready, self.greedy, self.seed = ready_made, greedy, seed
        self._senses = ready_made.candidate.senses(ready_made.candidate.policy)
        self._key = key_of(seed, ACTION_STREAM)
        self._episode = -1
        self._goal: np.ndarray[Any, np.dtype[np.int32]] | None = None
        self._instruction = ""
        self._probabilities: Mapping[str, float] = MappingProxyType({})
        self._begin()

    def _begin(self) -> None:
        actions = len(self._ready.body.actions)
        self._memory = self._ready.candidate.policy.actor.empty_memory(1)
        self._previous = np.full(1, actions, dtype=np.int64)
        self._counts = np.zeros((1, actions), dtype=np.int64)
        self._probabilities = MappingProxyType({})
        self.steps, self.over = 0, False

    @property
    def needs(self) -> Mapping[str, Need]:
        """Fields that the state has to have, by name: what the masks and the policy's body inputs are computed from."""
        return self._ready.needs

    @property
    def cameras(self) -> Mapping[str, CameraNeed]:
        """Cameras whose pictures it needs."""
        return self._ready.cameras

    @property
    def actions(self) -> tuple[Action, ...]:
        """Every action that it may choose, in the order of its head; without those that this robot never does."""
        return tuple(action_of(action) for action in self._ready.body.actions if action.masked is None)

    @property
    def horizon(self) -> int:
        """Actions after which an episode of its task is cut off: it was not trained to go on for longer."""
        return self._ready.candidate.task.horizon

    @property
    def probabilities(self) -> Mapping[str, float]:
        """Probability of every action of the head at the last `act`, by name; masked actions have exactly 0. Empty after `reset`."""
        return self._probabilities

    @property
    def robot(self) -> str:
        """Name of the embodiment."""
        return self._ready.body.name

    def describe(self) -> dict[str, Any]:
        """What a robot has to know of it, ready for JSON."""
        task = self._ready.candidate.task
        return {
            "bundle": self._ready.candidate.bundle.name,
            "robot": self.robot,
            "task": task.name,
            "instruction": task.instructions()[0],
            "horizon": self.horizon,
            "cameras": {name: camera.to_json() for name, camera in self.cameras.items()},
            "other_cameras": [camera.name for camera in self._ready.body.cameras if camera.name not in self.cameras],
            "needs": [need.to_json() for need in self.needs.values()],
            "actions": [action.to_json() for action in self.actions],
            "greedy": self.greedy,
            "seed": self.seed,
        }

    def home_state(self) -> dict[str, float | bool]:
        """The state with every joint at home, nothing in the gripper and nothing touched."""
        return home_state(self.needs)

    def another(self, *, seed: int) -> "Policy":
        """The same weights with a memory of their own."""
        return Policy(self._ready, greedy=self.greedy, seed=seed)

    def reset(self, instruction: str, supplies: Collection[str] | None = None) -> None:
        """Begin an episode.

        Args:
            instruction: what to do, such as "find a mug".
            supplies: names of the state's fields that every `act` of the episode will be given; the robot's present state will do.
                None promises all of `needs`.

        Raises:
            ActingError: a field that the masks need will not be supplied, or the instruction is empty, too long, or has a word that
                the policy does not know (a `spoc` policy reads any text).
        """
        refuse_missing(self.needs, self.needs if supplies is None else supplies, self.robot)
        goal = self._encode(instruction)
        self._begin()
        self._goal, self._instruction = goal, instruction
        self._episode += 1

    def act(self, images: Mapping[str, Any], state: State | None = None) -> Action:
        """Choose the next action.

        Args:
            images: uint8 (H, W, 3) RGB by camera, as `pictures.pictures_for` wants them.
            state: a value for every field of `needs`; None for a robot that needs none.

        Raises:
            ActingError: there is no episode, it is over, or pictures or state are not what they have to be.
        """
        if self._goal is None:
            raise ActingError("act: no episode has begun. Call reset with an instruction first")
        if self.over:
            raise ActingError("act: the policy has ended this episode. Call reset before it acts again")
        body = self._ready.body
        pictures = pictures_for(self.cameras, tuple(camera.name for camera in body.cameras), images, self.robot)
        world = world_of(body, self.needs, {} if state is None else state)
        observation: Observation = {f"camera/{name}": picture[None] for name, picture in pictures.items()}
        observation |= {
            "goal": self._goal, "previous_action": self._previous, "body": self._ready.state.observe(world, self._counts),
            "step": np.array([self.steps], dtype=np.int32),
        }  # fmt: skip
        if self._senses.reads_text:
            observation["instruction"] = np.array([self._instruction], dtype=object)
        chosen = self._choose(observation, self._ready.state.masks(world))
        self._previous = np.array([chosen], dtype=np.int64)
        self._counts[0, chosen] += 1
        self.steps += 1
        self.over = chosen == self._ready.end_action
        return action_of(body.actions[chosen])

    @torch.no_grad()
    def _choose(self, observation: Observation, masks: np.ndarray[Any, np.dtype[np.bool_]]) -> int:
        if not masks.any():
            raise ActingError(f"act: in this state {self.robot} may do nothing at all. Look at the masks of its embodiment")
        logits, memory = self._ready.candidate.policy.actor.step(self._senses.inputs(observation), self._memory)
        logp = log_probabilities(logits, torch.from_numpy(masks))
        if self.greedy:
            chosen = int(logp.argmax(dim=-1).item())
        else:
            at = np.array([self._episode]), np.array([self.steps])
            chosen = int(sample(logp, uniforms(self._key, *at)[:, 0])[0])
        self._memory = memory
        self._probabilities = MappingProxyType(dict(zip(self._ready.body.action_names, logp[0].exp().tolist(), strict=True)))
        return chosen

    def _encode(self, instruction: str) -> np.ndarray[Any, np.dtype[np.int32]]:
        """(1, L) word ids, 0 pads."""
        example = f'It was taught instructions such as "{self._ready.candidate.task.instructions()[0]}"'
        if not isinstance(instruction, str) or not (words := split_words(instruction)):
            raise ActingError(f"instruction: must be a text with words in it, not {str(instruction)[:80]!r}. {example}")
        if len(words) > MOST_WORDS:
            raise ActingError(f"instruction: has {len(words)} words, more than {MOST_WORDS}. {example}")
        vocabulary = self._ready.vocabulary
        unknown = [word for word in dict.fromkeys(words) if word not in vocabulary.ids]
        if unknown and not self._senses.reads_text:
            raise ActingError("\n".join(_unknown(word, vocabulary) for word in unknown) + f"\n{example}")
        goal = np.zeros((1, max(self._ready.goal_words, len(words))), dtype=np.int32)
        if not unknown:  # else the policy reads the text itself
            goal[0, : len(words)] = vocabulary.encode(instruction)
        return goal


def load(reference: str | Path, *, greedy: bool = False, seed: int = 0) -> Policy:
    """Make a bundle's policy ready to act.

    Args:
        reference: a bundle's folder, `shipped:NAME`, or `hub://ORG/NAME@REVISION`.
        greedy: take the most probable action; else draw one, as in an evaluation.
        seed: of these draws.

    Raises:
        FlareError: the bundle cannot be used.
    """
    candidate = ready(reference if isinstance(reference, str) else str(reference))
    if is_random(candidate.bundle.embodiment_spec):
        raise ActingError(
            f"{reference}: is a policy of many bodies, and a robot has one. Carry it to yours first, by a transfer and `flare adapt`"
        )
    body, task = candidate.bundle.embodiment, candidate.task
    vocabulary = Vocabulary.load()
    cameras = {}
    for name, (width, height) in candidate.senses.views.renders.items():
        own = body.camera(name)
        cameras[name] = CameraNeed(
            name=name, width_px=own.width_px, height_px=own.height_px, used_width_px=width, used_height_px=height
        )  # fmt: skip
    made = _Ready(
        candidate=candidate, body=body, vocabulary=vocabulary, needs=needs_of(body), cameras=MappingProxyType(cameras),
        state=BodyState(body), end_action=task.end_action(body),
        goal_words=max(GOAL_WORDS, *(len(vocabulary.encode(text)) for text in task.instructions())),
    )  # fmt: skip
    _rehearse(Policy(made, greedy=True, seed=0))
    return Policy(made, greedy=greedy, seed=seed)


def _rehearse(policy: Policy) -> None:
    """One action on grey pictures: what compiles at its first use has compiled before a robot waits for it."""
    policy.reset(str(policy.describe()["instruction"]))
    grey = {name: np.full((camera.used_height_px, camera.used_width_px, 3), 128, dtype=np.uint8) for name, camera in policy.cameras.items()}
    policy.act(grey, policy.home_state())


def _unknown(word: str, vocabulary: Vocabulary) -> str:
    near = difflib.get_close_matches(word, vocabulary.words, n=3)
    hint = f"Near it are {', '.join(near)}" if near else "No word that it knows is near it"
    return f"instruction: the policy does not know the word '{word[:80]}'. {hint}"
