"""Make a policy on one body: a lesson in seeing, imitation, practice; judge it, ask whether it sees and reads, keep it as a bundle."""

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

from flare_core.bundles.bundle import Bundle, load_bundle, save_bundle
from flare_core.embodiments.body import Embodiment, Jitter, OtherMounts
from flare_core.embodiments.spec import EmbodimentSpec, load_embodiment
from flare_core.envs.vector import FlareVectorEnv
from flare_core.errors import SpecError, TrainError
from flare_core.learning.checkpoint import checkpoints, load_checkpoint, load_optimiser, optimiser_tensors, part_of, save_checkpoint
from flare_core.learning.cloning import Apprentice, Cloner, CloneSettings
from flare_core.learning.finetune import FineTuner
from flare_core.learning.perception import PerceptionLesson, PerceptionSettings
from flare_core.learning.searching import SearchingExpert
from flare_core.learning.spec import CloningSpec, PerceptionSpec, PretrainingSpec, RecipeSpec
from flare_core.policies.small import SmallPolicy
from flare_core.policies.spec import PolicySpec, View
from flare_core.reading import Loaded, read
from flare_core.runs.carry import SensesMaker, bundle_beside, own_views, policy_of
from flare_core.runs.facts import commit, machine
from flare_core.runs.finetune import Watcher, tune
from flare_core.runs.glimpses import EmbeddedLookout
from flare_core.runs.judgement import judgement, settle_ending
from flare_core.runs.stages import HELD_OUT_HOUSES, Scene, Split, embedded, houses_of, training_stages
from flare_core.tasks.spec import TaskSpec, load_task
from flare_core.tasks.task import Task
from flare_core.tasks.words import Vocabulary

SAVE_EVERY = 50  # updates
PERCEPTION_EVERY = 10  # rounds
COLOUR_ROWS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretraining:
    """A pretraining that has been read. `recipe`: of its practice. `start`: the policy to begin with, once the run has begun."""

    loaded: Loaded[PretrainingSpec]
    body: Embodiment
    embodiment: Loaded[EmbodimentSpec]
    task: Task
    task_spec: Loaded[TaskSpec]
    recipe: Loaded[RecipeSpec] | None = None
    start: Bundle | None = None

    @property
    def spec(self) -> PretrainingSpec:
        return self.loaded.spec

    @property
    def lessons(self) -> list[str]:
        """What is done, in order, in words."""
        said = []
        if self.spec.perception is not None:
            said.append(f"{self.spec.perception.frames:,} frames of seeing")
        if self.spec.cloning is not None:
            said.append(f"{self.spec.cloning.steps:,} steps of imitation")
        if self.recipe is not None:
            said.append(f"{self.recipe.spec.steps:,} steps of practice")
        return said


def load_pretraining(reference: str | Path, overrides: tuple[tuple[str, str], ...] = ()) -> Pretraining:
    """Read a pretraining spec and what it names.

    Raises:
        FlareError: one of them cannot be used.
    """
    loaded = read(reference, "pretraining", PretrainingSpec, overrides=overrides)
    body, embodiment = load_embodiment(loaded.spec.embodiment, loaded.folder_of(("embodiment",)))
    task, task_spec = load_task(loaded.spec.task, loaded.folder_of(("task",)))
    spec, recipe = loaded.spec, None
    if spec.start is None and (spec.perception is None or spec.cloning is None):
        missing = "perception" if spec.perception is None else "cloning"
        raise SpecError(f"{loaded.line_of(())}: without `{missing}` there is nothing to begin with. Add it, or `start:` with a bundle")
    if spec.practice is not None:
        where = ("practice", "recipe")
        recipe = read(spec.practice.recipe, "recipe", RecipeSpec, base=loaded.folder_of(where), where=loaded.line_of(where))
    return Pretraining(loaded=loaded, body=body, embodiment=embodiment, task=task, task_spec=task_spec, recipe=recipe)


class SearchingTeacher:
    """The searching expert of one stage."""

    def __init__(self, stage: FlareVectorEnv) -> None:
        self._stage, self._expert = stage, SearchingExpert(embedded(stage), stage.play.sampler)

    def actions(self, previous: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        actions = self._expert.actions(self._stage.episodes, previous)
        return actions, ~self._expert.lost


def randomised_body(pretraining: Pretraining) -> Embodiment:
    """The body with the mounts' uncertainty that the spec asks for, never less than the robot's own."""
    own, wide, other = pretraining.body.jitter, pretraining.spec.randomisation, pretraining.spec.randomisation.other_mounts
    jitter = Jitter(
        pitch=max(own.pitch, math.radians(wide.pitch_deg)),
        yaw=max(own.yaw, math.radians(wide.yaw_deg)),
        fov=max(own.fov, math.radians(wide.fov_deg)),
        position_m=max(own.position_m, wide.position_m),
    )
    if other is not None:
        raised, narrower = math.radians(other.raise_deg), math.radians(other.narrow_deg)
        mounts = OtherMounts(share=other.share, lower_m=other.lower_m, raised=raised, narrower=narrower)
        jitter = replace(jitter, other_mounts=mounts)
    return replace(pretraining.body, jitter=jitter)


def blank_policy(pretraining: Pretraining, fill: Mapping[str, tuple[int, int, int]]) -> SmallPolicy:
    """A policy of the spec's shape with random weights."""
    views = tuple(View(name=name, width=size.width, height=size.height, fill=fill[name]) for name, size in pretraining.spec.views.items())
    return SmallPolicy(
        PolicySpec(
            views=views,
            actions=pretraining.body.action_names,
            body_inputs=pretraining.body.body_inputs,
            features=pretraining.spec.features,
            categories=pretraining.task.types,
        )
    )


def pretrain(
    pretraining: Pretraining, out: Path, *, seed: int, workers: int, resume: bool, watcher: Watcher, command: str
) -> dict[str, Any]:
    """See, imitate, practise, as far as the spec asks for each; judge, and write the bundle to out/bundle.

    Raises:
        TrainError: the folder holds another run.
    """
    torch.manual_seed(seed)
    vocabulary, spec = Vocabulary.load(), pretraining.spec
    if spec.start is not None:
        found = load_bundle(bundle_beside(spec.start, pretraining.loaded.folder_of(("start",))))
        pretraining = replace(pretraining, start=found)
    _claim(out, pretraining, seed, resume)
    made_by = commit()  # now: hours later the checkout may be another
    policy = _learned(pretraining, vocabulary, out, seed=seed, workers=workers, resume=resume, watcher=watcher)
    senses = SensesMaker(views=own_views(policy.spec, pretraining.body, None, None), words=vocabulary.vectors)

    def held_out(split: Split) -> Scene:
        renders = dict(senses.views.renders)
        return Scene(
            pack=houses_of(split, HELD_OUT_HOUSES), body=pretraining.body, task=pretraining.task, renders=renders, vocabulary=vocabulary
        )

    tried = settle_ending(held_out("val"), policy, senses, spec.ending, workers, seed, watcher)
    facts = {
        "command": command,
        "commit": made_by,
        "seed": seed,
        "machine": machine(),
        "simulator": "embedded simulator",
        "specs": {
            "pretraining": pretraining.loaded.sha256,
            "embodiment": pretraining.embodiment.sha256,
            "task": pretraining.task_spec.sha256,
            **({"recipe": pretraining.recipe.sha256} if pretraining.recipe else {}),
        },
        "pretraining": pretraining.loaded.resolved,
        "ending": tried,
    }
    if pretraining.recipe is not None:
        facts["recipe"] = pretraining.recipe.resolved
    if pretraining.start is not None:
        facts["source_lineage"] = dict(pretraining.start.lineage)
    bundle = Bundle(
        name=spec.name,
        state=policy.state_dict(),
        policy=policy.spec.to_json(),
        embodiment=pretraining.body,
        embodiment_spec=pretraining.embodiment.resolved,
        task=pretraining.task_spec.resolved,
        lineage=facts,
    )
    save_bundle(out / "bundle", bundle)  # judging takes a while, and the policy is what was asked for
    results = judgement(held_out("test"), policy, senses, spec.evaluation_episodes, workers, seed, watcher)
    save_bundle(out / "bundle", replace(bundle, results=results))
    (out / "results.json").write_text(json.dumps({**facts, **results}, indent=1) + "\n", encoding="utf-8")
    return results


def _learned(
    pretraining: Pretraining, vocabulary: Vocabulary, out: Path, *, seed: int, workers: int, resume: bool, watcher: Watcher
) -> SmallPolicy:
    """The policy after every lesson that the spec asks for."""
    spec, body = pretraining.spec, randomised_body(pretraining)
    blank = blank_policy(pretraining, dict.fromkeys(spec.views, (128, 128, 128)))
    renders = dict(own_views(blank.spec, body, None, None).renders)
    scene = Scene(pack=houses_of("train", spec.houses), body=body, task=pretraining.task, renders=renders, vocabulary=vocabulary)
    if pretraining.start is not None:
        policy = policy_of(_like(blank.spec, pretraining.start), pretraining.start.state)
    else:
        policy = blank_policy(pretraining, _mean_colours(scene, spec, seed))
    if spec.perception is not None:
        _perceive(pretraining, spec.perception, policy, scene, out, seed=seed, workers=workers, watcher=watcher)
    senses = SensesMaker(views=own_views(policy.spec, body, None, None), words=vocabulary.vectors)
    if spec.cloning is not None:
        policy = _clone(spec, spec.cloning, policy, senses, scene, out, seed=seed, workers=workers, resume=resume, watcher=watcher)
    if spec.practice is not None and pretraining.recipe is not None:
        recipe = pretraining.recipe.spec
        scene = replace(scene, task=replace(scene.task, horizon=spec.practice.horizon or scene.task.horizon))
        stages = training_stages(scene, recipe.rows, workers, seed, recipe.randomise_materials)
        every = range(len(body.actions))
        tuner = FineTuner(policy, recipe, stages, senses, out / "practice", new_rows=(), shared=every, seed=seed)
        tune(tuner, "practice", resume=resume, watcher=watcher)
    return policy_of(policy.spec, {name: value.detach().clone() for name, value in policy.state_dict().items()})


def _clone(
    spec: PretrainingSpec, cloning: CloningSpec, policy: SmallPolicy, senses: SensesMaker, scene: Scene, out: Path,
    *, seed: int, workers: int, resume: bool, watcher: Watcher,
) -> SmallPolicy:  # fmt: skip
    wide = spec.randomisation
    stages = training_stages(scene, cloning.rows, workers, seed, 1.0 - wide.plain)
    settings = CloneSettings(
        learning_rate=cloning.learning_rate,
        rollout=cloning.rollout,
        passes=cloning.passes,
        minibatches=cloning.minibatches,
        expert_share=cloning.expert_share,
        expert_only_steps=cloning.expert_only_steps,
        random_actions=cloning.random_actions,
        drop_view=wide.drop_view,
        border=wide.border,
        steps=cloning.steps,
    )
    apprentices = [Apprentice(stage, SearchingTeacher(stage), senses(policy), settings, seed) for stage in stages]
    cloner = Cloner(policy, apprentices, settings, seed)
    if resume:
        _resume(cloner, stages, out)
    _learn(cloner, out, watcher)
    return policy_of(policy.spec, {name: value.detach().clone() for name, value in policy.state_dict().items()})


def _perceive(
    pretraining: Pretraining, spec: PerceptionSpec, policy: SmallPolicy, scene: Scene, out: Path,
    *, seed: int, workers: int, watcher: Watcher,
) -> None:  # fmt: skip
    """Give the encoder its lesson, or go on with it, or take what an interrupted run had already learned."""
    kept = checkpoints(out / "perception")
    if kept:
        tensors, facts = load_checkpoint(kept[-1])
        if facts["finished"]:
            policy.encoder.load_state_dict(tensors)
            return
    wide = pretraining.spec.randomisation
    lookouts = [
        EmbeddedLookout(
            scene.pack, scene.body, scene.task, policy.spec,
            seed=seed, worker=at, workers=workers, border=wide.border, plain=wide.plain, focus=spec.focus,
        )
        for at in range(workers)
    ]  # fmt: skip
    settings = PerceptionSettings(
        frames=spec.frames, passes=spec.passes, batch=spec.batch, buffer=spec.buffer, learning_rate=spec.learning_rate
    )
    words, table = instructions_of(scene.task, scene.vocabulary), torch.tensor(scene.vocabulary.vectors)
    begun = pretraining.start is not None
    lesson = PerceptionLesson(policy.encoder, lookouts, settings, words, table, seed, begun)
    if kept:
        lesson.restore(tensors, facts)
    watcher.stage("learning to see", spec.frames)
    with (out / "perception.jsonl").open("a", encoding="utf-8") as log:
        while lesson.frames < spec.frames:
            record = lesson.round()
            log.write(json.dumps(record) + "\n")
            log.flush()
            if lesson.rounds % PERCEPTION_EVERY == 0:
                _save_lesson(lesson, out)
            try:
                watcher.advance(lesson.frames, ", ".join(f"{name} {record[name]:.2f}" for name in record if name.endswith("_there")))
            except KeyboardInterrupt:
                _save_lesson(lesson, out)
                raise TrainError(f"stopped at {lesson.frames:,} frames, which are kept. Go on with the same command and --resume") from None
    lesson.finish()
    save_checkpoint(out / "perception", lesson.rounds + 1, policy.encoder.state_dict(), {"finished": True, "frames": lesson.frames})


def _save_lesson(lesson: PerceptionLesson, out: Path) -> None:
    tensors, facts = lesson.state()
    save_checkpoint(out / "perception", lesson.rounds, tensors, {"finished": False, **facts})


def instructions_of(task: Task, vocabulary: Vocabulary) -> torch.Tensor:
    """(M, K, L) word ids of every type's instruction in every wording, 0 pads."""
    told = [[vocabulary.encode(task.instruction(name, at)) for name in task.types] for at in range(len(task.templates))]
    longest = max(len(words) for row in told for words in row)
    return torch.tensor([[[*words, *[0] * (longest - len(words))] for words in row] for row in told])


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
    _save(cloner, out)  # judging takes a while and may be interrupted too


def _save(cloner: Cloner, out: Path) -> None:
    tensors = {f"pupil/{name}": value for name, value in cloner.pupils[0].state_dict().items()} | optimiser_tensors(
        "optimiser", cloner.optimiser
    )
    numbers = max(int(apprentice.environment.episode_numbers.max()) for apprentice in cloner.apprentices)
    save_checkpoint(out / "checkpoints", cloner.updates, tensors, {"steps": cloner.steps, "updates": cloner.updates, "episode": numbers})


def _resume(cloner: Cloner, stages: list[FlareVectorEnv], out: Path) -> None:
    """Weights and optimiser as they were; episodes that had begun are dropped and new ones begin."""
    found = checkpoints(out / "checkpoints")
    if not found:
        return
    tensors, facts = load_checkpoint(found[-1])
    cloner.pupils[0].load_state_dict(part_of(tensors, "pupil/"))
    load_optimiser(cloner.optimiser, part_of(tensors, "optimiser/"))
    cloner.steps, cloner.updates = facts["steps"], facts["updates"]
    rows = sum(stage.num_envs for stage in stages)
    first = (facts["episode"] // rows + 1) * rows
    for at, (stage, apprentice) in enumerate(zip(stages, cloner.apprentices, strict=True)):
        stage.reset(options={"first": first + at * stage.num_envs, "stride": rows})
        apprentice.observation = stage.observe()
        apprentice.starting[:] = True


def _like(shape: PolicySpec, start: Bundle) -> PolicySpec:
    """The shape of the policy that a run begins with; its covered pixels keep the colour that it knows.

    Raises:
        TrainError: the spec asks for another shape.
    """
    there = PolicySpec.from_json(start.policy)
    fills = {view.name: view.fill for view in there.views}
    asked = replace(shape, views=tuple(replace(view, fill=fills.get(view.name, view.fill)) for view in shape.views))
    if asked != there:
        raise TrainError(f"start: {start.name} is a policy of another shape (views, actions, categories or widths); leave `start` out")
    return there


def _mean_colours(scene: Scene, spec: PretrainingSpec, seed: int) -> dict[str, tuple[int, int, int]]:
    """Mean colour of every view over first states of training: what uncovered pixels are filled with."""
    (stage,) = training_stages(scene, COLOUR_ROWS, 1, seed, 1.0 - spec.randomisation.plain)
    observation = stage.observe()
    means = {}
    for name in spec.views:
        camera = scene.body.camera_for(name)
        if camera is None:
            raise TrainError(f"{scene.body.name} has no camera with the role '{name}'; give one a `role: {name}`")
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
