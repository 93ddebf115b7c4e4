"""Bundles to act with, and a simulated robot whose pictures and state are read off independently of `flare_core.acting`."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from flare_core.acting.policy import Policy
from flare_core.bundles.bundle import Bundle, save_bundle
from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.vector import FlareVectorEnv
from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import PolicySpec, View
from flare_core.simulators.embedded.pack import ScenePack
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary

VIEWS = (View(name="navigation", width=32, height=18), View(name="manipulation", width=16, height=9))


def bundle_for(robot: str, folder: Path, seed: int = 0) -> Path:
    """A tiny policy with random weights, trained on nothing, of a packaged robot."""
    body, embodiment = load_embodiment(robot)
    _, task = load_task("objectnav")
    views = tuple(view for view in VIEWS if any(camera.role == view.name for camera in body.cameras))
    spec = PolicySpec(
        views=views, actions=body.action_names, body_inputs=body.body_inputs, channels=(4, 4, 8, 8), features=16, width=32, heads=2,
        layers=1, context=8,
    )  # fmt: skip
    torch.manual_seed(seed)
    bundle = Bundle(
        name=f"tiny_{robot}", state=SmallPolicy(spec).state_dict(), policy=spec.to_json(), embodiment=body,
        embodiment_spec=embodiment.resolved, task=task.resolved, lineage={"command": "none", "commit": "unknown", "seed": 0},
    )  # fmt: skip
    return save_bundle(folder, bundle)


def stage_for(policy: Policy, body: Embodiment, houses: ScenePack) -> FlareVectorEnv:
    """Episodes of ObjectNav in which the policy's cameras are rendered as in an evaluation."""
    task, _ = load_task("objectnav", overrides=[("horizon", "40")])
    simulator = EmbeddedSimulator(houses, body, 1, 3)
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 3, randomise_materials=False)
    renders = {name: (camera.used_width_px, camera.used_height_px) for name, camera in policy.cameras.items()}
    stage = FlareVectorEnv(simulator, task, sampler, renders, "queue")
    stage.reset()
    return stage


def pictures(observation: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.uint8]]:
    return {name.removeprefix("camera/"): image[0] for name, image in observation.items() if name.startswith("camera/")}


def state(stage: FlareVectorEnv) -> dict[str, float | bool]:
    """What the robot's own sensors would say."""
    simulator = stage.play.simulator
    body, world = simulator.body, simulator.world()
    found: dict[str, float | bool] = {}
    if body.arm is not None:
        found |= {"lift_m": float(world.joints[0, 0]), "extend_m": float(world.joints[0, 1])}
        found["wrist_right_deg"] = math.degrees(world.joints[0, 2])
    for at, camera in enumerate(body.cameras):
        if camera.pan is not None:
            found[f"{camera.name}.pan_right_deg"] = math.degrees(world.camera_joints[0, at, 0])
        if camera.tilt is not None:
            found[f"{camera.name}.tilt_down_deg"] = math.degrees(world.camera_joints[0, at, 1])
    if body.gripper != "none":
        found["holding"] = bool(world.held[0] >= 0)
    if "contact" in body.senses:
        found["contact"] = bool(world.collided[0])
    return found


def grey(policy: Any, value: int = 128) -> dict[str, npt.NDArray[np.uint8]]:
    """Plain pictures of the cameras' own size."""
    return {name: np.full((camera.height_px, camera.width_px, 3), value, dtype=np.uint8) for name, camera in policy.cameras.items()}


def noise(policy: Any, seed: int) -> dict[str, npt.NDArray[np.uint8]]:
    """Random pictures of the size that the policy uses."""
    draws = np.random.default_rng(seed)
    shapes = {name: (camera.used_height_px, camera.used_width_px, 3) for name, camera in policy.cameras.items()}
    return {name: draws.integers(0, 256, shape, dtype=np.uint8) for name, shape in shapes.items()}
