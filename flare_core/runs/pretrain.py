"""Make a policy on one body: a lesson in seeing, imitation, practice; judge it, ask whether it sees and reads, keep it as a bundle."""

import json
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from flare_core.bundles.bundle import Bundle, save_bundle
from flare_core.envs.vector import FlareVectorEnv
from flare_core.errors import StoppedError, TrainError
from flare_core.evaluation.report import summarise
from flare_core.learning.checkpoint import checkpoints, load_checkpoint, load_optimiser, optimiser_tensors, part_of, save_checkpoint
from flare_core.learning.cloning import Apprentice, Cloner, CloneSettings, Pupil, Teacher
from flare_core.learning.finetune import FineTuner
from flare_core.learning.perception import PerceptionLesson, PerceptionSettings
from flare_core.learning.reading import Instructions, teach_reading
from flare_core.learning.searching import SearchingExpert
from flare_core.learning.spec import CloningSpec, PerceptionSpec
from flare_core.policies.families import policy_of
from flare_core.policies.small import SmallPolicy
from flare_core.runs.carry import SensesMaker, own_views
from flare_core.runs.descent import descent
from flare_core.runs.facts import commit, machine
from flare_core.runs.finetune import Watcher, tune
from flare_core.runs.glimpses import EmbeddedLookout
from flare_core.runs.judge import judge_policy
from flare_core.runs.judgement import judgement, settle_ending
from flare_core.runs.pretraining import (
    Pretraining,
    blank_policy,
    first_policy,
    held_out_bodies,
    randomised_bodies,
    randomised_body,
    with_start,
)
from flare_core.runs.randomness import declared, of_pretraining, of_recipe
from flare_core.runs.showing import bundle_pictures
from flare_core.runs.stages import HELD_OUT_HOUSES, NOTHING, Scene, Split, embedded, houses_of, training_stages
from flare_core.tasks.expert import guide_for
from flare_core.tasks.predicates import Holding, Visible
from flare_core.tasks.task import Task
from flare_core.tasks.words import Vocabulary

SAVE_EVERY = 25  # updates
RECENT = 300  # episodes of each task that success in training is taken over
PERCEPTION_EVERY = 10  # rounds


def failed_before(stage: FlareVectorEnv, actions: npt.NDArray[np.int64], previous: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(B,) actions that have just failed, and will fail again: nothing to imitate, or who imitates learns to push on."""
    return np.asarray(~stage.play.simulator.world().action_succeeded & (actions == previous))


class SearchingTeacher:
    """The searching expert of one stage, for tasks that are about objects."""

    def __init__(self, stage: FlareVectorEnv) -> None:
        self._stage, self._expert = stage, SearchingExpert(embedded(stage), stage.play.sampler)

    def actions(self, previous: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        actions = self._expert.actions(self._stage.episodes, previous)
        return actions, ~self._expert.lost & ~failed_before(self._stage, actions, previous)


class GuidingTeacher:
    """The expert of one stage's task, for tasks that are about places."""

    def __init__(self, stage: FlareVectorEnv) -> None:
        self._stage, self._expert = stage, guide_for(stage.play.simulator, stage.play.sampler)

    def actions(self, previous: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        actions = self._expert.actions(self._stage.episodes, previous, self._stage.play.marked)
        return actions, ~self._expert.lost & ~failed_before(self._stage, actions, previous)


def teacher_of(stage: FlareVectorEnv) -> Teacher:
    """Who is imitated in a stage."""
    one = stage.play.task.subjects.in_turn == 1
    return SearchingTeacher(stage) if one and isinstance(stage.play.sampler.goal, Visible | Holding) else GuidingTeacher(stage)


def pretrain(
    pretraining: Pretraining, out: Path, *, seed: int, workers: int, resume: bool, watcher: Watcher, command: str
) -> dict[str, Any]:
    """See, imitate, practise, as far as the spec asks for each; judge, and write the bundle to out/bundle.

    Raises:
        TrainError: the folder holds another run.
    """
    torch.manual_seed(seed)
    vocabulary, spec = Vocabulary.load(), pretraining.spec
    pretraining = with_start(pretraining)
    _claim(out, pretraining, seed, resume)
    made_by = commit()  # now: hours later the checkout may be another
    policy = _learned(pretraining, vocabulary, out, seed=seed, workers=workers, resume=resume, watcher=watcher)
    senses = SensesMaker(views=own_views(policy.spec, pretraining.body, None, None), words=vocabulary.vectors)

    def held_out(split: Split) -> Scene:
        renders, bodies = dict(senses.views.renders), held_out_bodies(pretraining.embodiment.resolved)
        return Scene(
            pack=houses_of(split, HELD_OUT_HOUSES), body=pretraining.body, task=pretraining.task, renders=renders, vocabulary=vocabulary,
            bodies=bodies,
        )  # fmt: skip

    tried = settle_ending(held_out("val"), policy, senses, spec.ending, workers, seed, watcher)
    facts = {
        "command": command,
        "commit": made_by,
        "seed": seed,
        **descent(pretraining.start, spec.start),
        "machine": machine(),
        "simulator": "embedded simulator",
        "specs": {
            "pretraining": pretraining.loaded.sha256,
            "embodiment": pretraining.embodiment.sha256,
            "task": pretraining.task_spec.sha256,
            **{f"task {task.name}": loaded.sha256 for task, loaded in pretraining.further},
            **({"recipe": pretraining.recipe.sha256} if pretraining.recipe else {}),
        },
        "pretraining": pretraining.loaded.resolved,
        "ending": tried,
    }
    bundle = Bundle(
        name=spec.name,
        state=policy.state_dict(),
        policy=policy.spec.to_json(),
        embodiment=pretraining.body,
        embodiment_spec=pretraining.embodiment.resolved,
        task=pretraining.task_spec.resolved,
        lineage=facts,
        recipe=None if pretraining.recipe is None else pretraining.recipe.resolved,
        licence_text=None if pretraining.start is None else pretraining.start.licence_text,
        pictures=bundle_pictures(pretraining.body),
    )
    save_bundle(out / "bundle", bundle, replace=True)  # judging takes a while, and the policy is what was asked for
    results = judgement(held_out("test"), policy, senses, spec.evaluation_episodes, workers, seed, watcher)
    for task, _ in pretraining.further:
        watcher.stage(f"judging: {task.name}", spec.evaluation_episodes)
        scene = replace(held_out("test"), task=task)
        played = judge_policy(scene, policy, senses, spec.evaluation_episodes, workers, seed, watcher.advance)
        results[task.name] = summarise(played, seed).to_json()
    about = {"simulator": "embedded simulator", "split": "test", "seed": seed, "task": pretraining.task.name}
    about["randomness"] = declared(pretraining.body, NOTHING, held_out_bodies(pretraining.embodiment.resolved))
    save_bundle(out / "bundle", replace(bundle, results={**results, "about": about}), replace=True)
    (out / "results.json").write_text(json.dumps({**facts, **results}, indent=1) + "\n", encoding="utf-8")
    return results


def _learned(
    pretraining: Pretraining, vocabulary: Vocabulary, out: Path, *, seed: int, workers: int, resume: bool, watcher: Watcher
) -> SmallPolicy:
    """The policy after every lesson that the spec asks for."""
    spec, body = pretraining.spec, randomised_body(pretraining)
    blank = blank_policy(pretraining, dict.fromkeys(spec.views, (128, 128, 128)))
    renders = dict(own_views(blank.spec, body, None, None).renders)
    scene = Scene(
        pack=houses_of("train", spec.houses), body=body, task=pretraining.task, renders=renders, vocabulary=vocabulary,
        bodies=randomised_bodies(pretraining, seed),
    )  # fmt: skip
    policy = first_policy(pretraining, blank.spec, scene, seed)
    if spec.perception is not None:
        _perceive(pretraining, spec.perception, policy, scene, out, seed=seed, workers=workers, watcher=watcher)
    senses = SensesMaker(views=own_views(policy.spec, body, None, None), words=vocabulary.vectors)
    if pretraining.further:
        read = teach_reading(policy.encoder, torch.tensor(vocabulary.vectors), sentences_of(pretraining, vocabulary), seed)
        watcher.say(f"reads the category of {100 * read['category']:.0f} % and the task of {100 * read['task']:.0f} % of the instructions")
    if spec.cloning is not None:
        policy = _clone(pretraining, spec.cloning, policy, senses, scene, out, seed=seed, workers=workers, resume=resume, watcher=watcher)
    if spec.practice is not None and pretraining.recipe is not None:
        recipe = pretraining.recipe.spec
        scene = replace(scene, task=replace(scene.task, horizon=spec.practice.horizon or scene.task.horizon))
        stages = training_stages(scene, recipe.rows, workers, seed, of_recipe(recipe))
        every = range(len(body.actions))
        folder = out / "practice"
        with closing(FineTuner(policy, recipe, stages, senses, folder, new_rows=(), shared=every, seed=seed, processes=True)) as tuner:
            tune(tuner, "practice", resume=resume, watcher=watcher)
    return policy_of(policy.spec, {name: value.detach().clone() for name, value in policy.state_dict().items()})


def _clone(
    pretraining: Pretraining, cloning: CloningSpec, policy: SmallPolicy, senses: SensesMaker, scene: Scene, out: Path,
    *, seed: int, workers: int, resume: bool, watcher: Watcher,
) -> SmallPolicy:  # fmt: skip
    wide, tasks = pretraining.spec.randomisation, [pretraining.task, *(task for task, _ in pretraining.further)]
    randomised = of_pretraining(wide)
    stages = [training_stages(replace(scene, task=task), cloning.rows // len(tasks), workers, seed, randomised) for task in tasks]
    settings = CloneSettings(
        learning_rate=cloning.learning_rate,
        rollout=cloning.rollout,
        passes=cloning.passes,
        minibatches=cloning.minibatches,
        expert_share=cloning.expert_share,
        segments=cloning.segments,
        expert_only_steps=cloning.expert_only_steps,
        random_actions=cloning.random_actions,
        drop_view=wide.drop_view,
        border=wide.border,
        steps=cloning.steps,
    )
    apprentices = [
        [Apprentice(stage, teacher_of(stage), senses(policy), settings, seed, stage.play.task.name) for stage in group]
        for group in zip(*stages, strict=True)
    ]
    with closing(Cloner(policy, apprentices, settings, seed, processes=True)) as cloner:
        if resume:
            _resume(cloner, out)
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
            at_hand=spec.at_hand, views=spec.views, light=wide.light, augment=None if wide.augment is None else wide.augment.values(),
            bodies=scene.bodies,
        )
        for at in range(workers)
    ]  # fmt: skip
    settings = PerceptionSettings(
        frames=spec.frames, passes=spec.passes, batch=spec.batch, buffer=spec.buffer, learning_rate=spec.learning_rate
    )
    words, table = instructions_of(scene.task, scene.vocabulary), torch.tensor(scene.vocabulary.vectors)
    begun = pretraining.start is not None
    lesson = PerceptionLesson(policy.encoder, lookouts, settings, words, table, seed, begun, processes=True)
    with closing(lesson):
        if kept:
            lesson.restore(tensors, facts)
        _see(lesson, out, watcher)
    lesson.finish()
    save_checkpoint(out / "perception", lesson.rounds + 1, policy.encoder.state_dict(), {"finished": True, "frames": lesson.frames})


def _see(lesson: PerceptionLesson, out: Path, watcher: Watcher) -> None:
    watcher.stage("learning to see", lesson.settings.frames, lesson.frames)
    with (out / "perception.jsonl").open("a", encoding="utf-8") as log:
        while lesson.frames < lesson.settings.frames:
            record = lesson.round()
            log.write(json.dumps(record) + "\n")
            log.flush()
            if lesson.rounds % PERCEPTION_EVERY == 0:
                _save_lesson(lesson, out)
            try:
                watcher.advance(lesson.frames, ", ".join(f"{name} {record[name]:.2f}" for name in record if name.endswith("_there")))
            except KeyboardInterrupt:
                _save_lesson(lesson, out)
                raise StoppedError(f"Stopped at {lesson.frames:,} frames, which are kept.") from None


def _save_lesson(lesson: PerceptionLesson, out: Path) -> None:
    tensors, facts = lesson.state()
    save_checkpoint(out / "perception", lesson.rounds, tensors, {"finished": False, **facts})


def instructions_of(task: Task, vocabulary: Vocabulary) -> torch.Tensor:
    """(M, K, L) word ids of every type's instruction in every wording, 0 pads."""
    told = [[vocabulary.encode(task.instruction(name, at)) for name in task.types] for at in range(len(task.templates))]
    longest = max(len(words) for row in told for words in row)
    return torch.tensor([[[*words, *[0] * (longest - len(words))] for words in row] for row in told])


def sentences_of(pretraining: Pretraining, vocabulary: Vocabulary) -> Instructions:
    """Every instruction of every task, the lesson's first, with the category that it names where it names a type alone."""
    found, types = list[tuple[Sequence[int], int, int]](), pretraining.task.types
    meanings = 0
    for task in (pretraining.task, *(task for task, _ in pretraining.further)):
        for gaps, kind in task.subjects.named_phrases():
            category = types.index(kind) if kind in types else -1
            found += [(vocabulary.encode(task.say(gaps, template)), category, meanings) for template in range(len(task.templates))]
            meanings += category < 0  # what names no category is told apart by its words
        meanings += 1
    return Instructions.of(found)


def _learn(cloner: Cloner, out: Path, watcher: Watcher) -> None:
    recent: dict[str, deque[bool]] = {task: deque(maxlen=RECENT) for task in cloner.tasks}
    watcher.stage("cloning", cloner.settings.steps, cloner.steps)
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        while cloner.steps < cloner.settings.steps:
            record = cloner.update()
            for episode in record.pop("episodes"):
                recent[episode["task"]].append(bool(episode["success"]))
            record["success"] = {task: float(np.mean(found)) if found else None for task, found in recent.items()}
            log.write(json.dumps(record) + "\n")
            log.flush()
            won = ", ".join(f"{task} {100 * share:.0f} %" for task, share in record["success"].items() if share is not None)
            note = f"agreement {record['agreement']:.3f}" + (f", success in training {won}" if won else "")
            try:
                watcher.advance(cloner.steps, note)
            except KeyboardInterrupt:
                _save(cloner, out)
                raise StoppedError(f"Stopped at {cloner.steps:,} steps, which are kept.") from None
            if cloner.updates % SAVE_EVERY == 0:
                _save(cloner, out)
    _save(cloner, out)  # judging takes a while and may be interrupted too


def _save(cloner: Cloner, out: Path) -> None:
    tensors = {f"pupil/{name}": value for name, value in cloner.policy.state_dict().items()} | optimiser_tensors(
        "optimiser", cloner.optimiser
    )
    numbers = max(cloner.crew.each(Pupil.latest_episode))
    save_checkpoint(out / "checkpoints", cloner.updates, tensors, {"steps": cloner.steps, "updates": cloner.updates, "episode": numbers})


def _resume(cloner: Cloner, out: Path) -> None:
    """Weights and optimiser as they were; episodes that had begun are dropped and new ones begin."""
    found = checkpoints(out / "checkpoints")
    if not found:
        return
    tensors, facts = load_checkpoint(found[-1])
    cloner.policy.load_state_dict(part_of(tensors, "pupil/"))
    load_optimiser(cloner.optimiser, part_of(tensors, "optimiser/"))
    cloner.steps, cloner.updates = facts["steps"], facts["updates"]
    rows = sum(pupil.apprentices[0].environment.num_envs for pupil in cloner.pupils)
    first = (facts["episode"] // rows + 1) * rows
    cloner.crew.deal(_begin, [(first + rows * at // len(cloner.pupils), rows) for at in range(len(cloner.pupils))])


def _begin(pupil: Pupil, first: int, stride: int) -> None:
    """Begin new episodes: row b of every task plays number `first` + b, then one for each `stride` further."""
    for apprentice in pupil.apprentices:
        assert isinstance(apprentice.environment, FlareVectorEnv)
        apprentice.environment.reset(options={"first": first, "stride": stride})
        apprentice.observation = apprentice.environment.observe()
        apprentice.starting[:] = True


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
