"""What must be known of a policy besides its weights: sizes, views, actions, inputs. JSON in a bundle."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, TypeVar

import pydantic

from flare_core.errors import BundleError

S = TypeVar("S")

CELL: Final = 8
"""Side in pixels of the cells of an image that the encoder judges one by one."""
LAYERS: Final = 3
"""What is said of a category in a cell: it is there, it is near (`NEAR_M`), it is close (`CLOSE_M`)."""
NEAR_M: Final = 1.9
CLOSE_M: Final = 1.3
MAX_SIZE: Final = 65_536
"""No size in policy.json is larger: what comes from elsewhere is not to ask for memory or time without end."""
MAX_LAYERS: Final = 256
SIDES: Final = 6
NEAR_SIDES: Final = 3
MATCHES: Final = SIDES + NEAR_SIDES + 1
"""How a view's image shows a category: there in each of six upright strips, near in each of three, close anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One image that the policy expects.

    Attributes:
        name: role of the camera, such as "navigation".
        width, height: pixels.
        fill: mean colour (r, g, b) of training images, 0..255, for pixels that a body's camera does not cover.
    """

    name: str
    width: int
    height: int
    fill: tuple[int, int, int] = (128, 128, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySpec:
    """Shape of a `small` policy.

    Attributes:
        views: images in the order that features are joined in.
        actions: names of the head's rows.
        body_inputs: names of the entries of the `body` observation.
        categories: object types that the encoder was taught to see.
        channels: output channels of the four stride-2 convolutions.
        features: width of one view's feature vector, beside what the view shows of every category.
        levels: level strips of an image in which a category is said to be there or not, from the top down, beside the upright ones;
            for policies that have to lift a hand to it.
        word_width, goal_width: of a word vector and of an encoded instruction.
        width, heads, layers: of the causal transformer.
        context: steps of its own episode that a step can look back on, itself included.
    """

    views: tuple[View, ...]
    actions: tuple[str, ...]
    body_inputs: tuple[str, ...]
    categories: tuple[str, ...] = ("thing",)
    channels: tuple[int, int, int, int] = (24, 48, 96, 160)
    features: int = 192
    levels: int = 0
    word_width: int = 64
    goal_width: int = 64
    width: int = 128
    heads: int = 4
    layers: int = 2
    context: int = 64
    family: str = "small"

    @property
    def matches(self) -> int:
        """Numbers that say how a view shows one category: MATCHES, and one for each level."""
        return MATCHES + self.levels

    @property
    def view_width(self) -> int:
        """Width of what the encoder says of one view: its features, and how it shows every category."""
        return self.features + len(self.categories) * self.matches

    @property
    def feature_width(self) -> int:
        """Width of what a tower is given of one step's images: every view's features, then how they match the goal."""
        return (self.features + self.matches) * len(self.views)

    @property
    def has_body_columns(self) -> bool:
        """Whether a tensor has one column for each body input."""
        return True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def carried(self, actions: tuple[str, ...], body_inputs: tuple[str, ...]) -> "PolicySpec":
        """The same shape on another body."""
        return replace(self, actions=actions, body_inputs=body_inputs)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "PolicySpec":
        """Read what `to_json` wrote.

        Raises:
            BundleError: a field is missing, unknown or of the wrong family.
        """
        if data.get("family") != "small":
            raise BundleError(f"policy.json: family {data.get('family')!r} is not known here; this version reads 'small'")
        found = read_strictly(_ADAPTER, data)
        unknown = sorted(set(data) - {field.name for field in fields(PolicySpec)})
        sizes = [*found.channels, found.features, found.word_width, found.goal_width, found.width, found.heads, found.layers, found.context]
        sizes += [side for view in found.views for side in (view.width, view.height)]
        if unknown or not all(1 <= size <= MAX_SIZE for size in sizes) or not 0 <= found.levels <= MAX_SIZE or found.layers > MAX_LAYERS:
            said = f"unknown field '{unknown[0]}'" if unknown else f"sizes must be from 1 to {MAX_SIZE}, and layers at most {MAX_LAYERS}"
            raise BundleError(f"policy.json: {said}; write it again with this version of flare")
        if found.width % found.heads:
            raise BundleError(f"policy.json: width {found.width} cannot be shared out among {found.heads} heads")
        return found


_ADAPTER: Final = pydantic.TypeAdapter(PolicySpec)


def read_strictly(adapter: "pydantic.TypeAdapter[S]", data: Mapping[str, Any]) -> S:
    """A shape whose fields all are of their types, none of them converted.

    Raises:
        BundleError: names the first five that are not.
    """
    try:
        return adapter.validate_json(json.dumps(dict(data)), strict=True)
    except pydantic.ValidationError as fault:
        said = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in fault.errors()[:5])
        raise BundleError(f"policy.json: {said}; write it again with this version of flare") from None
