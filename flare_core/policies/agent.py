"""A policy with what it needs to meet an environment: the view map, the word table, its memory."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from flare_core.policies.interface import Observation, Views
from flare_core.policies.small import Inputs, SmallPolicy

MATCH_SCALE, MATCH_MOST = 0.5, 6.0  # logits beyond 6 say no more, and halved they are of the size of features


class Senses:
    """Observations to tower inputs. Goals are encoded once an episode, features once a frame."""

    reads_text: ClassVar[bool] = False

    def __init__(self, policy: SmallPolicy, views: Views, words: npt.NDArray[np.float32]) -> None:
        """Args: words: (V + 1, word_width) vectors of the vocabulary, row 0 zeros."""
        self.policy, self.views = policy, views
        self.words = torch.tensor(words)
        self._goal: npt.NDArray[np.int32] | None = None
        self._encoded = torch.zeros(0)

    def fresh(self) -> "Senses":
        """The same senses with nothing remembered, for rows of another number."""
        return Senses(self.policy, self.views, self.words.numpy())

    @torch.no_grad()
    def inputs(self, observation: Observation) -> Inputs:
        """Inputs of one step, (B, ...)."""
        images = self.policy_images(observation)
        rows = len(observation["step"])
        tensors = {name: torch.from_numpy(image) for name, image in images.items()}
        return self.join(self.policy.encoder.features(tensors, rows), observation)

    def join(self, features: Tensor, observation: Observation) -> Inputs:
        """Inputs of one step from the encoder's `features` that are already there."""
        goal = self._goals(observation["goal"])
        encoder = self.policy.encoder
        with torch.no_grad():
            match = MATCH_SCALE * encoder.match(features, goal).clamp(-MATCH_MOST, MATCH_MOST)
        return Inputs(
            features=torch.cat([encoder.scenes(features), match], dim=-1),
            goal=goal,
            previous=torch.from_numpy(np.asarray(observation["previous_action"], dtype=np.int64)),
            body=torch.from_numpy(np.asarray(observation["body"], dtype=np.float32)),
            step=torch.from_numpy(np.asarray(observation["step"], dtype=np.int64)),
        )

    def policy_images(self, observation: Observation) -> Mapping[str, npt.NDArray[np.uint8]]:
        """The policy's views, {view: (B, h, w, 3)}."""
        return self.views.apply({k.removeprefix("camera/"): v for k, v in observation.items() if k.startswith("camera/")})

    def _goals(self, words: npt.NDArray[np.int32]) -> Tensor:
        if self._goal is None or not np.array_equal(self._goal, words):
            # All rows at once, not only the new ones: the last bits of a row depend on the size of its batch, and a resumed
            # run, which has to encode every row, must find the same ones.
            self._encoded = self.policy.encoder.encode_goal(torch.from_numpy(words), self.words).detach()
            self._goal = words.copy()
        return self._encoded
