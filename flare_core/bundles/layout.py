"""Which files a bundle consists of, by version of the format, and how large each may be.

Version 2, the present one:

    bundle.json             what this is, and the digest of every file below that is marked with *
    model.safetensors     * the policy's tensors
    policy.json           * its shape: family, actions, body inputs, views, sizes; and dtype and shape of every tensor
    embodiment.yaml       * the body, whole: no `extends`
    task.yaml             * the task, whole
    lineage.json          * command, commit, seed, parent with its revision and licence, tool, simulator, machine
    source_embodiment.yaml* the body whose cameras the policy's images are made after (only if it was carried)
    plan.json             * how the weights came onto this body: what was kept, reused and new; every tensor (only if it was carried)
    recipe.yaml           * how it was trained, whole (only if it was)
    evaluation.json       * what was measured, with intervals (only after an evaluation)
    LICENSE               * text of the licence of the policy that it came from (only if that had one)
    pictures/NAME.png     * the robot, and what its cameras see
    README.md               the card, made from all of these; free to be edited
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

FORMAT: Final = "flare-bundle"
VERSION: Final = 2

MANIFEST, CARD = "bundle.json", "README.md"
WEIGHTS, POLICY, EMBODIMENT, TASK, LINEAGE = "model.safetensors", "policy.json", "embodiment.yaml", "task.yaml", "lineage.json"
SOURCE, PLAN, RECIPE, EVALUATION, LICENCE = "source_embodiment.yaml", "plan.json", "recipe.yaml", "evaluation.json", "LICENSE"
PICTURES: Final = "pictures"

MAX_TEXT_BYTES: Final = 2_000_000  # of a JSON file or the licence; the largest honest one has some 200 kB
MAX_PICTURE_BYTES: Final = 4_000_000
MAX_PICTURES: Final = 16
MAX_WEIGHT_BYTES: Final = 8_000_000_000
_PICTURE: Final = re.compile(PICTURES + r"/[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.png")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Names of the files of one version of the format.

    Attributes:
        lists_tensors: policy.json says dtype and shape of every tensor.
    """

    version: int
    weights: str = WEIGHTS
    source: str = SOURCE
    evaluation: str = EVALUATION
    optional: tuple[str, ...] = (SOURCE, PLAN, RECIPE, EVALUATION, LICENCE)
    lists_tensors: bool = True

    @property
    def needed(self) -> tuple[str, ...]:
        """Names that every bundle has besides bundle.json."""
        return (self.weights, POLICY, EMBODIMENT, TASK, LINEAGE)

    def allows(self, name: str) -> bool:
        """Whether a manifest of this version may list a file of this name."""
        return name in self.needed or name in self.optional or (self.version > 1 and is_picture(name))


NOW: Final = Layout(version=VERSION)
OLDER: Final[Mapping[int, Layout]] = MappingProxyType(
    {
        1: Layout(
            version=1,
            weights="weights.safetensors",
            source="source.yaml",
            evaluation="results.json",
            optional=("plan.json", "source.yaml", "results.json"),
            lists_tensors=False,
        )
    }
)
"""Layouts that `flare migrate` still reads, by version."""


def is_picture(name: str) -> bool:
    """Whether a name is that of a bundle's picture: plain letters, no way out of its folder."""
    return _PICTURE.fullmatch(name) is not None


def largest(name: str, layout: Layout = NOW) -> int:
    """Most bytes that a file of this name may have."""
    if name == layout.weights:
        return MAX_WEIGHT_BYTES
    return MAX_PICTURE_BYTES if is_picture(name) else MAX_TEXT_BYTES
