"""A network's shapes are known without its numbers, and without what torch takes seconds to load."""

import subprocess
import sys
from pathlib import Path

import torch

from flare_core.policies.shapes import shapes_only
from flare_core.policies.small import SmallPolicy
from tests.learning.toy import SPEC

LOADS = """
import sys, torch
from flare_core.policies.families import policy_of
from flare_core.policies.small import SmallPolicy
from tests.learning.toy import SPEC
policy_of(SPEC, SmallPolicy(SPEC).state_dict())
print("torch._dynamo" in sys.modules)
with torch.device("meta"):
    SmallPolicy(SPEC)
print("torch._dynamo" in sys.modules)
"""


def test_names_and_shapes_are_those_of_the_network_itself() -> None:
    with shapes_only():
        shapes = SmallPolicy(SPEC).state_dict()
    whole = SmallPolicy(SPEC).state_dict()
    assert {name: (value.shape, value.dtype) for name, value in shapes.items()} == {
        name: (value.shape, value.dtype) for name, value in whole.items()
    }
    assert all(value.is_meta for value in shapes.values())
    assert not torch.empty(1).is_meta


def test_loading_a_policy_does_not_load_torchs_compiler_as_the_meta_device_alone_would() -> None:
    done = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.split() == ["False", "True"]
