"""Observations to the inputs of a `spoc` tower.

Shapes: B rows, L words of a goal.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from flare_core.policies.interface import Observation, Views
from flare_core.policies.spoc.inputs import SpocInputs
from flare_core.policies.spoc.policy import SpocPolicy

HOLDING = "holding"  # the body input that says whether something is in the gripper


class SpocSenses:
    """Features once a frame, tokens once an instruction.

    The instruction is the observation's `instruction` (B,) where it has one. Else it is spelt out of `goal`: every word of every
    template is in the vocabulary, so only capitals and punctuation are lost.
    """

    reads_text: ClassVar[bool] = True

    def __init__(self, policy: SpocPolicy, views: Views, words: Sequence[str]) -> None:
        """Args: words: of the vocabulary; the first has id 1."""
        self.policy, self.views, self.words = policy, views, words

    def fresh(self) -> "SpocSenses":
        """The same senses with nothing remembered, for rows of another number."""
        return SpocSenses(self.policy, self.views, self.words)

    def inputs(self, observation: Observation) -> SpocInputs:
        """Inputs of one step, (B, ...)."""
        cameras = {name.removeprefix("camera/"): image for name, image in observation.items() if name.startswith("camera/")}
        images = self.views.apply(cameras)
        features = self.policy.encoder.features({name: torch.from_numpy(np.ascontiguousarray(image)) for name, image in images.items()})
        given = torch.tensor([at for at, view in enumerate(self.policy.spec.views) if view.name in images], dtype=torch.int64)
        return SpocInputs(
            features=features,
            views=given.repeat(len(features), 1),
            text=self._text(observation),
            previous=torch.from_numpy(np.asarray(observation["previous_action"], dtype=np.int64)),
            holding=self._holding(observation["body"]),
            step=torch.from_numpy(np.asarray(observation["step"], dtype=np.int64)),
        )

    def _text(self, observation: Observation) -> Tensor:
        """Token ids of every row's instruction, (B, L)."""
        said = observation.get("instruction")
        texts = [str(text) for text in said] if said is not None else [self._spelt(row) for row in observation["goal"]]
        return self.policy.tokens(texts)

    def _spelt(self, goal: npt.NDArray[np.int32]) -> str:
        return " ".join(self.words[int(word) - 1] for word in goal if word > 0)

    def _holding(self, body: npt.NDArray[np.float32]) -> Tensor:
        inputs = self.policy.spec.body_inputs
        if HOLDING not in inputs:
            return torch.zeros(len(body), dtype=torch.int64)
        return torch.from_numpy(body[:, inputs.index(HOLDING)] > 0.5).long()
