"""policy.json of another policy, or of somebody who means ill, is refused before anything is built by it."""

from typing import Any

import pytest

from flare_core.errors import BundleError
from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import PolicySpec, View
from flare_core.runs.carry import policy_of

SPEC = PolicySpec(
    views=(View(name="navigation", width=32, height=18),), actions=("go", "done"), body_inputs=(), channels=(4, 4, 8, 8), features=16,
    width=32, heads=2, layers=1, context=8,
)  # fmt: skip


def test_what_was_written_is_read() -> None:
    assert PolicySpec.from_json(SPEC.to_json()) == SPEC


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"family": "large"}, "family 'large' is not known here"),
        ({"width": "32"}, "width: Input should be a valid integer"),
        ({"width": 0}, "sizes must be from 1 to 65536"),
        ({"width": 10**12}, "sizes must be from 1 to 65536"),
        ({"layers": 300}, "layers at most 256"),
        ({"levels": -1}, "sizes must be from 1 to 65536"),
        ({"heads": 3}, "width 32 cannot be shared out among 3 heads"),
        ({"views": [{"name": "navigation"}]}, "views.0.width"),
        ({"views": [{"name": "navigation", "width": 10**9, "height": 1}]}, "sizes must be from 1 to 65536"),
        ({"actions": None}, "actions: Input should be a valid"),
        ({"channels": [4, 4]}, "channels"),
        ({"hook": "os.system"}, "unknown field 'hook'"),
    ],
)
def test_what_is_odd_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BundleError) as caught:
        PolicySpec.from_json(SPEC.to_json() | change)
    assert said in str(caught.value)


def test_weights_of_another_shape_are_refused_before_a_network_is_built() -> None:
    state = SmallPolicy(SPEC).state_dict()
    assert policy_of(SPEC, state).spec == SPEC
    huge = PolicySpec.from_json(SPEC.to_json() | {"width": 65_536, "layers": 256})  # 50 TB, if it were built
    with pytest.raises(BundleError, match=r"weights do not fit policy\.json: actor\.blocks\.0\.down\.bias: \[32\], but \[65536\]"):
        policy_of(huge, state)
    with pytest.raises(BundleError, match=r"actor\.head\.bias: no such tensor, but \[2\] by policy\.json"):
        policy_of(SPEC, {name: value for name, value in state.items() if name != "actor.head.bias"})
