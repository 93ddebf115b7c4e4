"""The families of policies that there are, and the way from a bundle's words to a policy of the right one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt
from torch import Tensor

from flare_core.errors import BundleError
from flare_core.policies.agent import Senses
from flare_core.policies.interface import Policy, PolicySenses, Shape, Views
from flare_core.policies.shapes import shapes_only
from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import PolicySpec
from flare_core.policies.spoc.policy import TOKENIZER, SpocPolicy
from flare_core.policies.spoc.senses import SpocSenses
from flare_core.policies.spoc.spec import SpocSpec
from flare_core.tasks.words import Vocabulary

MAX_NUMBERS: Final = 1 << 31
"""Of a frozen encoder that is not in the bundle, whose size its tensors therefore do not prove."""

SHAPES: Final[Mapping[str, type[PolicySpec] | type[SpocSpec]]] = MappingProxyType({"small": PolicySpec, "spoc": SpocSpec})


def shape_from_json(data: Mapping[str, Any]) -> PolicySpec | SpocSpec:
    """Shape of the policy that a `policy.json` describes.

    Raises:
        BundleError: its family is not known, or a field is missing or unknown.
    """
    family = str(data.get("family"))
    if family not in SHAPES:
        known = " and ".join(f"'{name}'" for name in SHAPES)
        raise BundleError(f"policy.json: family {family!r} is not known here; this version reads {known}")
    return SHAPES[family].from_json(data)


@overload
def policy_of(spec: PolicySpec, state: Mapping[str, Tensor]) -> SmallPolicy: ...


@overload
def policy_of(spec: Shape, state: Mapping[str, Tensor]) -> Policy: ...


def policy_of(spec: Shape, state: Mapping[str, Tensor]) -> Policy:
    """A policy with these weights.

    Raises:
        BundleError: tensors are missing, left over or of another shape, or no network can be built of the sizes.
        PolicyError: its frozen encoders are not among them and cannot be had.
    """
    with shapes_only():  # first without memory: a file may name any size
        wanted: dict[str, Tensor] = _made(spec).state_dict()
    unproved = sum(value.numel() for name, value in wanted.items() if name not in state and _comes_from_elsewhere(spec, name))
    if unproved > MAX_NUMBERS:
        raise BundleError(f"policy.json: image_config, text_config: encoders of {unproved} numbers are more than {MAX_NUMBERS}")
    for name in sorted(wanted.keys() | state.keys()):
        if name == TOKENIZER or (name not in state and _comes_from_elsewhere(spec, name)):
            continue
        one, other = (str(list(there[name].shape)) if name in there else "no such tensor" for there in (state, wanted))
        if one != other:
            raise BundleError(f"weights do not fit policy.json: {name}: {one}, but {other} by policy.json")
    policy = _made(spec)
    try:
        policy.load(state)
    except RuntimeError as fault:
        raise BundleError(f"weights do not fit policy.json: {fault}") from None
    return policy


@overload
def senses_of(policy: SmallPolicy, views: Views, words: npt.NDArray[np.float32]) -> Senses: ...


@overload
def senses_of(policy: Policy, views: Views, words: npt.NDArray[np.float32]) -> PolicySenses: ...


def senses_of(policy: Policy, views: Views, words: npt.NDArray[np.float32]) -> PolicySenses:
    """What turns observations into the policy's inputs.

    Args:
        words: vectors of the vocabulary, (V + 1, word_width), row 0 zeros.
    """
    if isinstance(policy, SpocPolicy):
        return SpocSenses(policy, views, Vocabulary.load().words)
    assert isinstance(policy, SmallPolicy)
    return Senses(policy, views, words)


def _made(spec: Shape) -> Policy:
    """A network of this shape.

    Raises:
        BundleError: its sizes do not go together.
    """
    if isinstance(spec, SpocSpec) and spec.image_config["hidden_size"] != spec.feature_width:
        raise BundleError(
            f"policy.json: feature_width: {spec.feature_width} is not the image encoder's hidden_size {spec.image_config['hidden_size']}"
        )
    try:
        return SpocPolicy(spec) if isinstance(spec, SpocSpec) else SmallPolicy(_small(spec))
    except (RuntimeError, KeyError, ValueError, TypeError, ArithmeticError) as fault:
        reason = (str(fault).splitlines() or [""])[0][:200]
        raise BundleError(
            f"policy.json: no network can be built of its sizes ({type(fault).__name__}: {reason}). "
            "Get the bundle again from where it is from"
        ) from None


def _comes_from_elsewhere(spec: Shape, name: str) -> bool:
    """Whether a tensor is part of a frozen encoder that is not kept in the bundle."""
    return isinstance(spec, SpocSpec) and name.startswith(spec.outside)


def _small(spec: Shape) -> PolicySpec:
    assert isinstance(spec, PolicySpec)
    return spec
