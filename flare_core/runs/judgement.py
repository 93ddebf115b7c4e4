"""What pretraining asks of its policy: how readily it should end an episode, how good it is, and whether it sees and reads."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from flare_core.envs.vector import FlareVectorEnv
from flare_core.evaluation.episodes import Actor, policy_actor
from flare_core.evaluation.report import Episodes, gather, summarise
from flare_core.learning.spec import EndingSpec
from flare_core.policies.interface import Observation
from flare_core.policies.small import SmallPolicy
from flare_core.runs.carry import SensesMaker
from flare_core.runs.finetune import Watcher
from flare_core.runs.judge import judge_expert, judge_policy, judge_random, play_all, with_expert
from flare_core.runs.stages import Scene
from flare_core.tasks.words import Vocabulary


def settle_ending(
    scene: Scene, policy: SmallPolicy, senses: SensesMaker, ending: EndingSpec, workers: int, seed: int, watcher: Watcher
) -> list[dict[str, float]]:
    """Give the action that ends an episode the bias that succeeds most often; what each of them came to.

    Args:
        scene: of validation houses.
        policy: its action head's bias is changed in place.
    """
    row = scene.task.end_action(scene.body)
    bias, found = float(policy.actor.head.bias[row].detach()), list[dict[str, float]]()
    for more in ending.biases if len(ending.biases) > 1 else ():
        with torch.no_grad():
            policy.actor.head.bias[row] = bias + more
        watcher.stage(f"ending: bias {more:+g}", ending.episodes)
        success = float(judge_policy(scene, policy, senses, ending.episodes, workers, seed, watcher.advance).success.mean())
        found.append({"bias": more, "success": success, "episodes": ending.episodes})
    best = max(found, key=lambda one: (one["success"], -abs(one["bias"])))["bias"] if found else ending.biases[0]
    with torch.no_grad():
        policy.actor.head.bias[row] = bias + best
    return found


def judgement(
    scene: Scene, policy: SmallPolicy, senses: SensesMaker, episodes: int, workers: int, seed: int, watcher: Watcher
) -> dict[str, Any]:
    """Summaries on the same held-out episodes: sampled actions, without images, with another type's words, random, expert."""
    watcher.stage("judging: policy", episodes)
    found: dict[str, Episodes] = {"policy": judge_policy(scene, policy, senses, episodes, workers, seed, watcher.advance)}
    for name, spoil in (("images zeroed", _without_images), ("goal words shuffled", _with_other_words)):
        watcher.stage(f"judging: {name}", episodes)
        found[name] = judge_spoiled(scene, policy, senses, episodes, workers, seed, spoil, watcher)
    found["random"] = judge_random(scene, episodes, workers, seed)
    found["expert"] = judge_expert(scene, episodes, workers)
    return {name: summarise(result, seed).to_json() for name, result in found.items()}


def judge_spoiled(
    scene: Scene, policy: SmallPolicy, senses: SensesMaker, episodes: int, workers: int, seed: int, spoil: Any, watcher: Watcher
) -> Episodes:
    """The policy with spoiled observations: what it loses shows what it uses."""

    def make(stage: FlareVectorEnv) -> Actor:
        actor = policy_actor(stage, senses(policy), seed)

        def act(observation: Observation, masks: npt.NDArray[np.bool_], starting: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
            return actor(spoil(stage, observation), masks, starting)

        return act

    records = play_all(scene, make, episodes, workers, watcher.advance)
    return gather(with_expert(scene, records, workers), scene.body.action_names)


def _without_images(stage: FlareVectorEnv, observation: Observation) -> Observation:
    del stage
    return {name: np.zeros_like(value) if name.startswith("camera/") else value for name, value in observation.items()}


def _with_other_words(stage: FlareVectorEnv, observation: Observation) -> Observation:
    """Another of the task's instructions: the one that stands so many places further on as the episode's number says."""
    task, vocabulary = stage.play.task, Vocabulary.load()
    others = [vocabulary.encode(task.say(gaps, 0)) for gaps in task.subjects.phrases()]
    goal = np.zeros_like(observation["goal"])
    for row, episode in enumerate(stage.episodes):
        own = task.types.index(episode.target_type) if episode.target_type in task.types and len(others) == len(task.types) else 0
        words = others[(own + 1 + episode.number % max(1, len(others) - 1)) % len(others)]
        goal[row, : len(words)] = words
    return {**observation, "goal": goal}
