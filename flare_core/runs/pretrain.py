"""Make a policy from nothing: clone the expert on one body, judge the result, ask whether it sees and reads, keep it as a bundle."""

import json
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from flare_core.bundles.bundle import Bundle, save_bundle
from flare_core.embodiments.body import Embodiment, Jitter
from flare_core.embodiments.spec import EmbodimentSpec, load_embodiment
from flare_core.envs.vector import FlareVectorEnv
from flare_core.errors import TrainError
from flare_core.evaluation.episodes import Actor, policy_actor
from flare_core.evaluation.report import Episodes, gather, summarise
from flare_core.learning.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from flare_core.learning.cloning import Apprentice, Cloner, CloneSettings
from flare_core.learning.spec import PretrainingSpec
from flare_core.policies.agent import Observation
from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import PolicySpec, View
from flare_core.reading import Loaded, read
from flare_core.runs.carry import SensesMaker, own_views, policy_of
from flare_core.runs.facts import commit, machine
from flare_core.runs.finetune import Watcher
from flare_core.runs.judge import judge_expert, judge_policy, judge_random, play_all, with_expert
from flare_core.runs.stages import HELD_OUT_HOUSES, Scene, embedded, houses_of, training_stages
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.expert import Expert
from flare_core.tasks.spec import TaskSpec, load_task
from flare_core.tasks.task import Task
from flare_core.tasks.words import Vocabulary

SAVE_EVERY = 50  # updates
SEEN_SIZE = (64, 36)  # of the small picture that what is shown is counted in,
SEEN_PIXELS = 2  # and the pixels of it that a category must have


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretraining:
    """A pretraining that has been read."""

    loaded: Loaded[PretrainingSpec]
    body: Embodiment
    embodiment: Loaded[EmbodimentSpec]
    task: Task
    task_spec: Loaded[TaskSpec]

    @property
    def spec(self) -> PretrainingSpec:
        return self.loaded.spec


def load_pretraining(reference: str | Path, overrides: tuple[tuple[str, str], ...] = ()) -> Pretraining:
    """Read a pretraining spec and what it names.

    Raises:
        FlareError: one of them cannot be used.
    """
    loaded = read(reference, "pretraining", PretrainingSpec, overrides=overrides)
    body, embodiment = load_embodiment(loaded.spec.embodiment, loaded.folder_of(("embodiment",)))
    task, task_spec = load_task(loaded.spec.task, loaded.folder_of(("task",)))
    return Pretraining(loaded=loaded, body=body, embodiment=embodiment, task=task, task_spec=task_spec)


class ExpertTeacher:
    """The shortest-path expert, and what the navigation camera's last image shows by the simulator's own account."""

    def __init__(self, stage: FlareVectorEnv, simulator: EmbeddedSimulator, task: Task, camera: str) -> None:
        self._stage, self._simulator, self._camera = stage, simulator, camera
        self._expert = Expert(simulator, stage.play.sampler)
        self._categories = len(task.types)
        most = max(len(simulator.object_types(house)) for house in range(simulator.house_count()))
        self._category = np.full((simulator.house_count(), most), -1, dtype=np.int64)
        for house in range(simulator.house_count()):
            types = simulator.object_types(house)
            self._category[house, : len(types)] = [task.types.index(name) if name in task.types else -1 for name in types]

    def actions(self) -> npt.NDArray[np.int64]:
        return self._expert.actions(self._stage.episodes)

    def seen(self) -> npt.NDArray[np.bool_]:
        _, _, ids = self._simulator.frames(self._camera, *SEEN_SIZE)
        house = self._simulator.world().house
        shown = ids.reshape(len(house), -1).astype(np.int64)
        is_object = (shown >= 0) & (shown < self._category.shape[1])
        category = np.where(is_object, self._category[house[:, None], np.where(is_object, shown, 0)], -1)
        flat = np.where(category >= 0, category + self._categories * np.arange(len(house))[:, None], -1)
        counts = np.bincount(flat[flat >= 0], minlength=len(house) * self._categories)
        return counts.reshape(len(house), self._categories) >= SEEN_PIXELS


def randomised_body(pretraining: Pretraining) -> Embodiment:
    """The body with the mounts' uncertainty that the spec asks for, never less than the robot's own."""
    own, wide = pretraining.body.jitter, pretraining.spec.randomisation
    jitter = Jitter(
        pitch=max(own.pitch, math.radians(wide.pitch_deg)), yaw=max(own.yaw, math.radians(wide.yaw_deg)),
        fov=max(own.fov, math.radians(wide.fov_deg)), position_m=max(own.position_m, wide.position_m),
    )  # fmt: skip
    return replace(pretraining.body, jitter=jitter)


def blank_policy(pretraining: Pretraining, fill: Mapping[str, tuple[int, int, int]]) -> SmallPolicy:
    """A policy of the spec's shape with random weights."""
    views = tuple(View(name=name, width=size.width, height=size.height, fill=fill[name]) for name, size in pretraining.spec.views.items())
    return SmallPolicy(PolicySpec(views=views, actions=pretraining.body.action_names, body_inputs=pretraining.body.body_inputs))


def pretrain(pretraining: Pretraining, out: Path, *, seed: int, workers: int, resume: bool, watcher: Watcher, command: str) -> dict[str, Any]:
    """Clone, judge, and write the bundle to out/bundle.

    Raises:
        TrainError: the folder holds another run.
    """
    torch.manual_seed(seed)
    vocabulary, spec = Vocabulary.load(), pretraining.spec
    _claim(out, pretraining, seed, resume)
    made_by = commit()  # now: hours later the checkout may be another
    policy = _clone(pretraining, vocabulary, out, seed=seed, workers=workers, resume=resume, watcher=watcher)
    senses = SensesMaker(views=own_views(policy.spec, pretraining.body, None, None), words=vocabulary.vectors)
    pack = houses_of("test", HELD_OUT_HOUSES)
    scene = Scene(pack=pack, body=pretraining.body, task=pretraining.task, renders=dict(senses.views.renders), vocabulary=vocabulary)
    results = judgement(scene, policy, senses, spec.evaluation_episodes, workers, seed, watcher)
    facts = {
        "command": command, "commit": made_by, "seed": seed, "machine": machine(), "simulator": "embedded simulator",
        "specs": {"pretraining": pretraining.loaded.sha256, "embodiment": pretraining.embodiment.sha256, "task": pretraining.task_spec.sha256},
        "pretraining": pretraining.loaded.resolved,
    }  # fmt: skip
    save_bundle(
        out / "bundle",
        Bundle(
            name=spec.name, state=policy.state_dict(), policy=policy.spec.to_json(), embodiment=pretraining.body,
            embodiment_spec=pretraining.embodiment.resolved, task=pretraining.task_spec.resolved, lineage=facts, results=results,
        ),
    )  # fmt: skip
    (out / "results.json").write_text(json.dumps({**facts, **results}, indent=1) + "\n", encoding="utf-8")
    return results


def judgement(scene: Scene, policy: SmallPolicy, senses: SensesMaker, episodes: int, workers: int, seed: int, watcher: Watcher) -> dict[str, Any]:
    """Summaries on the same held-out episodes: sampled, greedy, without images, with another episode's words, random, expert."""
    found: dict[str, Episodes] = {}
    for name, greedy in (("policy", False), ("policy, greedy", True)):
        watcher.stage(f"judging: {name}", episodes)
        found[name] = judge_policy(scene, policy, senses, episodes, workers, seed, watcher.advance, greedy)
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
    """The instruction of the task's type that stands so many places further on in the task's list as the episode's number says."""
    task, vocabulary = stage.play.task, Vocabulary.load()
    goal = np.zeros_like(observation["goal"])
    for row, episode in enumerate(stage.episodes):
        at = (task.types.index(episode.target_type) + 1 + episode.number % (len(task.types) - 1)) % len(task.types)
        words = vocabulary.encode(task.instruction(task.types[at], 0))
        goal[row, : len(words)] = words
    return {**observation, "goal": goal}


def _clone(
    pretraining: Pretraining, vocabulary: Vocabulary, out: Path, *, seed: int, workers: int, resume: bool, watcher: Watcher
) -> SmallPolicy:
    spec, cloning, wide = pretraining.spec, pretraining.spec.cloning, pretraining.spec.randomisation
    body = randomised_body(pretraining)
    blank = blank_policy(pretraining, dict.fromkeys(spec.views, (128, 128, 128)))
    renders = dict(own_views(blank.spec, body, None, None).renders)
    scene = Scene(pack=houses_of("train", spec.houses), body=body, task=pretraining.task, renders=renders, vocabulary=vocabulary)
    stages = training_stages(scene, cloning.rows, workers, seed, True)
    policy = blank_policy(pretraining, _mean_colours(stages[0], spec, body))
    senses = SensesMaker(views=own_views(policy.spec, body, None, None), words=vocabulary.vectors)
    settings = CloneSettings(
        learning_rate=cloning.learning_rate, rollout=cloning.rollout, passes=cloning.passes, minibatches=cloning.minibatches,
        expert_share=cloning.expert_share, expert_only_steps=cloning.expert_only_steps, random_actions=cloning.random_actions,
        drop_view=wide.drop_view, border=wide.border, seen_weight=cloning.seen_weight, steps=cloning.steps,
    )  # fmt: skip
    camera = body.camera_for("navigation")
    assert camera is not None  # task.check
    teachers = [ExpertTeacher(stage, embedded(stage), pretraining.task, camera.name) for stage in stages]
    apprentices = [
        Apprentice(stage, teacher, senses(policy), settings, seed) for stage, teacher in zip(stages, teachers, strict=True)
    ]  # fmt: skip
    cloner = Cloner(policy, apprentices, settings, vocabulary.vectors, len(pretraining.task.types), seed)
    if resume:
        _resume(cloner, stages, out)
    _learn(cloner, out, watcher)
    return policy_of(policy.spec, {name: value.detach().clone() for name, value in policy.state_dict().items()})


def _learn(cloner: Cloner, out: Path, watcher: Watcher) -> None:
    recent: deque[bool] = deque(maxlen=500)
    watcher.stage("cloning", cloner.settings.steps)
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        while cloner.steps < cloner.settings.steps:
            record = cloner.update()
            recent.extend(bool(episode["success"]) for episode in record.pop("episodes"))
            record["success"] = float(np.mean(recent)) if recent else None
            log.write(json.dumps(record) + "\n")
            log.flush()
            note = f"agreement {record['agreement']:.3f}, success in training {100 * (record['success'] or 0):.0f} %"
            try:
                watcher.advance(cloner.steps, note)
            except KeyboardInterrupt:
                _save(cloner, out)
                raise TrainError(f"stopped at {cloner.steps:,} steps, which are kept. Go on with the same command and --resume") from None
            if cloner.updates % SAVE_EVERY == 0:
                _save(cloner, out)


def _save(cloner: Cloner, out: Path) -> None:
    tensors = {f"pupil/{name}": value for name, value in cloner.pupils[0].state_dict().items()}
    state = cloner.optimiser.state_dict()["state"]
    tensors |= {f"optimiser/{number}/{name}": torch.as_tensor(value) for number, entry in state.items() for name, value in entry.items()}
    numbers = max(int(apprentice.environment.episode_numbers.max()) for apprentice in cloner.apprentices)
    save_checkpoint(out / "checkpoints", cloner.updates, tensors, {"steps": cloner.steps, "updates": cloner.updates, "episode": numbers})


def _resume(cloner: Cloner, stages: list[FlareVectorEnv], out: Path) -> None:
    """Weights and optimiser as they were; episodes that had begun are dropped and new ones begin."""
    found = checkpoints(out / "checkpoints")
    if not found:
        return
    tensors, facts = load_checkpoint(found[-1])
    cloner.pupils[0].load_state_dict({n.removeprefix("pupil/"): v for n, v in tensors.items() if n.startswith("pupil/")})
    state: dict[int, dict[str, torch.Tensor]] = {}
    for path, tensor in tensors.items():
        if path.startswith("optimiser/"):
            _, number, name = path.split("/")
            state.setdefault(int(number), {})[name] = tensor
    cloner.optimiser.load_state_dict({"state": state, "param_groups": cloner.optimiser.state_dict()["param_groups"]})
    cloner.steps, cloner.updates = facts["steps"], facts["updates"]
    rows = sum(stage.num_envs for stage in stages)
    first = (facts["episode"] // rows + 1) * rows
    for at, (stage, apprentice) in enumerate(zip(stages, cloner.apprentices, strict=True)):
        stage.reset(options={"first": first + at * stage.num_envs, "stride": rows})
        apprentice.observation = stage.observe()
        apprentice.starting[:] = True


def _mean_colours(stage: FlareVectorEnv, spec: PretrainingSpec, body: Embodiment) -> dict[str, tuple[int, int, int]]:
    """Mean colour of every view over the first states of training: what uncovered pixels are filled with."""
    observation = stage.observe()
    means = {}
    for name in spec.views:
        camera = body.camera_for(name)
        if camera is None:
            raise TrainError(f"{body.name} has no camera with the role '{name}'; give one a `role: {name}`")
        r, g, b = observation[f"camera/{camera.name}"].reshape(-1, 3).mean(axis=0)
        means[name] = (round(float(r)), round(float(g)), round(float(b)))
    return means


def _claim(out: Path, pretraining: Pretraining, seed: int, resume: bool) -> None:
    mine = {"seed": seed, "pretraining": pretraining.loaded.sha256}
    path = out / "run.json"
    if path.exists():
        if not resume:
            raise TrainError(f"{out}: holds a run already. Add --resume to go on with it, or choose another --out")
        if json.loads(path.read_text(encoding="utf-8")) != mine:
            raise TrainError(f"{out}: was begun with another spec or seed; use what it was begun with, or another --out")
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(mine) + "\n", encoding="utf-8")
