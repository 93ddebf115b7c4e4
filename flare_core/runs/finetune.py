"""Fine-tune a carried policy: calibrate, judge, train, judge again on the same episodes, keep everything."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch

from flare_core.bundles.bundle import Bundle, save_bundle, weights_digest
from flare_core.errors import StoppedError, TrainError
from flare_core.evaluation.report import Comparison, Episodes, compare
from flare_core.learning.calibrate import calibrate
from flare_core.learning.finetune import FineTuner
from flare_core.learning.rollout import Collector, Exploration
from flare_core.learning.spec import RecipeSpec
from flare_core.policies.interface import Policy
from flare_core.runs.carry import SensesMaker, Transfer, carried_policy, view_map
from flare_core.runs.descent import descent
from flare_core.runs.facts import commit, machine
from flare_core.runs.judge import expert_lengths, feasible_line, feasible_share, judge_policy
from flare_core.runs.kept import ABOUT, LOG, RESULTS, RUN, forget, judged_once, read_json, read_log, write_json
from flare_core.runs.randomness import declared, in_training, of_recipe, unheeded
from flare_core.runs.scalars import Tracker, check_trackers, scalars_for
from flare_core.runs.showing import bundle_pictures
from flare_core.runs.stages import HELD_OUT_HOUSES, Scene, Split, ground_of, place_of, rows_at_most, training_stages
from flare_core.runs.takes import Takes
from flare_core.tasks.words import Vocabulary

TRANSFER = "transfer.yaml"
CALIBRATION_STEPS = 64
CALIBRATION_ROWS = 64


class Watcher(Protocol):
    """What a job tells while it runs."""

    def stage(self, name: str, total: int, done: int = 0) -> None:
        """A part of the job begins; `total` units make it whole, and so many were done before, by what is now resumed."""

    def advance(self, done: int, note: str = "") -> None:
        """So many units are done."""

    def say(self, text: str) -> None:
        """A line for the reader."""


class Spent(NamedTuple):
    """Seconds of a training."""

    seconds: float  # over all resumed parts
    earlier: float  # of them, in parts that were stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a fine-tuning run found."""

    simulator: str
    comparison: Comparison  # sampled actions: the headline
    greedy: Comparison | None  # the most probable actions, on the same episodes
    split: Split
    training_seconds: float
    seconds: float  # from the first command to the results, without the time in which a stopped run lay still
    steps: int
    bundle: Path
    randomness: str  # what was random in the evaluation, in words


def scene_for(transfer: Transfer, split: Split, houses: int, senses: SensesMaker) -> Scene:
    """Where the transfer's body plays its task, with the pictures that its views need."""
    ground = ground_of(transfer.loaded.spec.simulator, split, houses, transfer.body)
    return Scene(
        pack=ground.pack,
        body=ground.body,
        task=transfer.task,
        renders=dict(senses.views.renders),
        vocabulary=Vocabulary.load(),
        thor=ground.thor,
        house_of=ground.house_of,
    )


def senses_of(transfer: Transfer) -> SensesMaker:
    """Eyes and words of the carried policy on the target body."""
    return SensesMaker(views=view_map(transfer), words=Vocabulary.load().vectors)


def calibrated_policy(transfer: Transfer, seed: int, watcher: Watcher | None = None) -> Policy:
    """The carried policy with every new row at the probability that the transfer asks for.

    The states are those that the carried policy meets in training houses while its new actions are masked.
    """
    policy, _ = carried_policy(transfer)
    wanted = {row: entry.probability for row, entry in enumerate(transfer.plan.head.entries) if entry.probability is not None}
    wanted = {row: p for row, p in wanted.items() if transfer.body.actions[row].masked is None}
    if not wanted:
        return policy
    if watcher is not None:
        watcher.say("Calibrating new actions in training houses ...")
    senses = senses_of(transfer)
    new = {transfer.body.actions[row].name for row in wanted}
    quiet = tuple(replace(a, masked=a.masked or "not yet calibrated") if a.name in new else a for a in transfer.body.actions)
    scene = scene_for(transfer, "train", min(64, transfer.recipe.houses), senses)
    scene = replace(scene, body=replace(scene.body, actions=quiet))
    rows = rows_at_most(scene, CALIBRATION_ROWS, 1)
    (stage,) = training_stages(scene, rows, 1, seed, of_recipe(transfer.recipe))
    try:
        collector = Collector(stage, senses(policy), stage.observe(), seed)
        rollout = collector.collect(policy.actor, CALIBRATION_STEPS, Exploration(actions=torch.zeros(len(quiet), dtype=torch.bool)))
    finally:
        stage.close()
    with torch.no_grad():
        logits, _ = policy.actor.sequence(rollout.inputs, rollout.starts, rollout.memory)
        allowed = rollout.allowed.clone()
        allowed[..., list(wanted)] = True
        shift = calibrate(logits.flatten(0, 1), allowed.flatten(0, 1), {row: float(p) for row, p in wanted.items()})
        for row, amount in shift.items():
            policy.actor.head.bias[row] += amount
    return policy


def finetune(
    transfer: Transfer, out: Path, *, seed: int, workers: int, split: Split, resume: bool, watcher: Watcher, command: str,
    trackers: Sequence[Tracker] = (),
) -> Outcome:  # fmt: skip
    """Run a transfer to its end.

    Args:
        out: folder of the run: run.json, about.json, log.jsonl, checkpoints/, before.json, after.json, results.json, bundle/.
        workers: each with its own environments; on Linux processes, with AI2-THOR and elsewhere threads.
        split: whose houses the policy is judged in, before and after; "val" while settings are still being chosen.
        resume: go on from the last checkpoint instead of refusing a folder that has one.
        trackers: that the log's numbers go to as well.

    Raises:
        TrainError: the folder holds another run, rows cannot be shared out among the workers, or a tracker is not installed.
    """
    check_trackers(trackers)
    began = time.monotonic()
    recipe = transfer.recipe
    check_rows(transfer, workers)
    _claim(out, transfer, seed, workers, split, command, resume)
    senses = senses_of(transfer)
    policy = calibrated_policy(transfer, seed, watcher)
    held_out = scene_for(transfer, split, HELD_OUT_HOUSES, senses)
    place = place_of(transfer.loaded.spec.simulator, transfer.body)
    for difference in place.differences:
        watcher.say(f"Not as in {transfer.body.name}'s file: {difference}.")
    for line in (in_training(recipe, transfer.body), unheeded(of_recipe(recipe), place.name)):
        if line:
            watcher.say(line)
    write_json(out / ABOUT, about(transfer, seed, workers, split, place.name))
    feasible = feasible_share(held_out)
    watcher.say(feasible_line(transfer.body.name, feasible))

    expert = expert_lengths(held_out, recipe.evaluation_episodes, workers)

    def judged(when: str, greedy: bool, takes: Takes | None = None) -> Episodes:
        watcher.stage(f"evaluating {when}{', greedy' if greedy else ''}", recipe.evaluation_episodes)
        return judge_policy(held_out, policy, senses, recipe.evaluation_episodes, workers, seed, watcher.advance, greedy, expert, takes)

    before, earlier = judged_once(out / "before.json", lambda takes: judged("before", False, takes), began)
    before_greedy, earlier_greedy = None, 0.0
    if recipe.evaluate_greedy:
        began_greedy = time.monotonic()
        before_greedy, earlier_greedy = judged_once(out / "before_greedy.json", lambda _: judged("before", True), began_greedy)
    spent = train(transfer, policy, senses, out, seed=seed, workers=workers, resume=resume, watcher=watcher, trackers=trackers)
    if spent.seconds > spent.earlier:
        forget(out / "after.json")
    after, earlier_after = judged_once(out / "after.json", lambda takes: judged("after", False, takes), time.monotonic())
    comparison = compare(before, after, seed)
    greedy = None if before_greedy is None else compare(before_greedy, judged("after", True), seed)
    results = comparison.to_json() | ({} if greedy is None else {"greedy": greedy.to_json()})
    facts = lineage(transfer, seed, command, place.name) | {"steps": recipe.steps, "training_seconds": spent.seconds, "workers": workers}
    facts |= {"feasible_share": round(feasible, 4), "split": split, "policy": weights_digest(transfer.bundle.state)}
    randomness = declared(held_out.body, held_out.randomised)
    results["about"] = {"simulator": place.name, "split": split, "seed": seed, "task": transfer.task.name, "randomness": randomness}
    bundle = save_bundle(out / "bundle", bundle_of(transfer, policy, facts, results, name=out.resolve().name), replace=True)
    outcome = Outcome(
        simulator=place.name,
        comparison=comparison,
        greedy=greedy,
        split=split,
        training_seconds=spent.seconds,
        seconds=time.monotonic() - began + earlier + earlier_greedy + spent.earlier + earlier_after,
        steps=recipe.steps,
        bundle=bundle,
        randomness=randomness,
    )
    write_json(out / RESULTS, result_record(transfer, outcome, facts))
    return outcome


def check_rows(transfer: Transfer, workers: int) -> None:
    """Whether the recipe's rows can be shared out among workers and AI2-THOR's processes.

    Raises:
        TrainError: they cannot.
    """
    recipe = transfer.recipe
    if recipe.rows % workers:
        fitting = ", ".join(str(n) for n in range(1, 17) if recipe.rows % n == 0)
        raise TrainError(f"--workers {workers}: the recipe's {recipe.rows} rows cannot be shared out among them. Use one of {fitting}")
    simulator = transfer.loaded.spec.simulator
    if simulator.kind == "thor" and recipe.rows > simulator.processes:
        raise TrainError(
            f"the recipe has {recipe.rows} rows, and AI2-THOR one process for each: at most {simulator.processes} may run. "
            f"Use -o recipe.rows={simulator.processes}, or -o simulator.processes={recipe.rows} on a machine that is large enough"
        )


def train(
    transfer: Transfer, policy: Policy, senses: SensesMaker, out: Path, *, seed: int, workers: int, resume: bool, watcher: Watcher,
    trackers: Sequence[Tracker] = (),
) -> Spent:  # fmt: skip
    """The PPO part alone."""
    with tuner_of(transfer, policy, senses, out, transfer.recipe, seed=seed, workers=workers) as tuner:
        return tune(tuner, "fine-tuning", resume=resume, watcher=watcher, trackers=trackers)


@contextmanager
def tuner_of(
    transfer: Transfer, policy: Policy, senses: SensesMaker, out: Path, recipe: RecipeSpec, *, seed: int, workers: int
) -> Iterator[FineTuner]:
    """PPO with its environments, which end with it."""
    scene = scene_for(transfer, "train", recipe.houses, senses)
    scene = replace(scene, task=replace(scene.task, horizon=recipe.horizon or scene.task.horizon))
    stages = training_stages(scene, recipe.rows, workers, seed, of_recipe(recipe))
    shared = [row for row, _ in transfer.plan.head.shared_rows if transfer.body.actions[row].masked is None]
    tuner = None
    try:
        tuner = FineTuner(
            policy, recipe, stages, senses, out, new_rows=transfer.plan.head.new_rows, shared=shared, seed=seed, processes=True
        )
        yield tuner
    finally:
        if tuner is not None:
            tuner.close()
        for stage in stages:
            stage.close()


def tune(tuner: FineTuner, name: str, *, resume: bool, watcher: Watcher, trackers: Sequence[Tracker] = ()) -> Spent:
    """Run PPO to its end, or go on with it, and tell of it.

    Raises:
        TrainError: it was stopped, or what is to be resumed is another run's.
    """
    if resume:
        tuner.resume()
        if tuner.progress.steps:
            watcher.say(f"Resumed at {tuner.progress.steps:,} steps.")
    earlier = tuner.progress.seconds
    watcher.stage(name, tuner.recipe.steps, tuner.progress.steps)

    scalars = scalars_for(trackers, tuner.folder, read_log(tuner.folder / LOG) if resume else ())

    def report(record: Mapping[str, Any]) -> None:
        scalars.write(record)
        success = "-" if record["success"] is None else f"{100 * record['success']:.1f} %"
        part = "" if record["actor_learns"] else ", the critic alone learns"
        watcher.advance(record["steps"], f"{record['steps_per_second']:,.0f} steps/s, success {success}{part}")

    try:
        tuner.run(report)
    except KeyboardInterrupt:  # the watcher raises it at the end of an update, where everything can be kept; a second one, anywhere
        if not tuner.is_between_updates:
            raise StoppedError(f"Stopped in the middle of an update; {tuner.kept_steps:,} steps are kept.") from None
        tuner.save()
        raise StoppedError(f"Stopped at {tuner.progress.steps:,} steps, which are kept.") from None
    finally:
        scalars.close()
    return Spent(seconds=tuner.progress.seconds, earlier=earlier)


def lineage(transfer: Transfer, seed: int, command: str, simulator: str) -> dict[str, Any]:
    """What the bundle says of its making."""
    return {
        "command": command,
        "commit": commit(),
        "seed": seed,
        **descent(transfer.bundle, transfer.loaded.spec.policy),
        "machine": machine(),
        "simulator": simulator,
        "specs": {
            "transfer": transfer.loaded.sha256,
            "embodiment": transfer.embodiment.sha256,
            "task": transfer.task_spec.sha256,
            "recipe": transfer.recipe_spec.sha256,
        },
        "transfer": transfer.loaded.resolved,
        "overrides": [f"{key}={text}" for key, text in transfer.overrides],
    }


def bundle_of(transfer: Transfer, policy: Policy, facts: Mapping[str, Any], results: Mapping[str, Any] | None, name: str) -> Bundle:
    """The adapted policy as a bundle."""
    return Bundle(
        name=name,
        state=policy.own_state(),
        policy=transfer.policy.to_json(),
        embodiment=transfer.body,
        embodiment_spec=transfer.embodiment.resolved,
        task=transfer.task_spec.resolved,
        lineage=facts,
        plan=transfer.plan,
        results=results,
        source_spec=transfer.bundle.eyes_spec,
        recipe=transfer.recipe_spec.resolved if facts.get("steps") else None,
        account=tuple(json.loads(carried_policy(transfer)[1].to_json())),
        licence_text=transfer.bundle.licence_text,
        pictures=bundle_pictures(transfer.body),
    )


def about(transfer: Transfer, seed: int, workers: int, split: Split, simulator: str) -> dict[str, Any]:
    """What a run is, for those who look into its folder while it goes on."""
    return {
        "name": transfer.loaded.name,
        "task": transfer.task.name,
        "recipe": transfer.recipe_spec.name,
        "simulator": simulator,
        "split": split,
        "seed": seed,
        "workers": workers,
        "steps": transfer.recipe.steps,
        "episodes": transfer.recipe.evaluation_episodes,
        "generated_houses": transfer.loaded.spec.simulator.kind == "embedded" or transfer.loaded.spec.simulator.scenes == "procthor",
        "overrides": [f"{key}={text}" for key, text in transfer.overrides],
        "machine": machine(),
        "commit": commit(),
        "embodiment": transfer.embodiment.resolved,
        "plan": json.loads(transfer.plan.to_json()),
        "covered": dict(view_map(transfer).covered),
    }


def result_record(transfer: Transfer, outcome: Outcome, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What results/*.json hold of one run."""
    return {
        "transfer": transfer.loaded.name,
        "simulator": outcome.simulator,
        **outcome.comparison.to_json(),
        **({} if outcome.greedy is None else {"greedy": outcome.greedy.to_json()}),
        "seconds": round(outcome.seconds, 1),
        "training_seconds": round(outcome.training_seconds, 1),
        "steps": outcome.steps,
        "steps_per_second": round(outcome.steps / outcome.training_seconds, 1),
        "seed": facts["seed"],
        "workers": facts["workers"],
        "feasible_share": facts["feasible_share"],
        "split": facts["split"],
        "randomness": outcome.randomness,
        "policy": facts["policy"],
        "overrides": facts["overrides"],
        "commit": facts["commit"],
        "specs": facts["specs"],
        "machine": facts["machine"],
    }


def _claim(out: Path, transfer: Transfer, seed: int, workers: int, split: Split, command: str, resume: bool) -> None:
    """Make the folder this run's own, or make sure that it already is."""
    check_folder(out, transfer, seed, workers, split, resume)
    path = out / RUN
    if not path.exists():
        out.mkdir(parents=True, exist_ok=True)
        write_json(path, _marks(transfer, seed, workers, split) | {"command": command})


def _marks(transfer: Transfer, seed: int, workers: int, split: Split) -> dict[str, Any]:
    """What a run has to have in common with the one that it goes on with."""
    return {
        "seed": seed,
        "workers": workers,
        "split": split,
        "policy": weights_digest(transfer.bundle.state),
        "transfer": transfer.loaded.sha256,
        "recipe": transfer.recipe_spec.sha256,
        "embodiment": transfer.embodiment.sha256,
        "task": transfer.task_spec.sha256,
    }


def check_folder(out: Path, transfer: Transfer, seed: int, workers: int, split: Split, resume: bool) -> None:
    """Whether a folder is free for a run, or holds the one that is to go on.

    Raises:
        TrainError: it does not.
    """
    path = out / RUN
    if path.exists():
        there = read_json(path)
        if not resume:
            raise TrainError(f"{out}: holds a run already. Add --resume to go on with it, or choose another --out")
        mine = _marks(transfer, seed, workers, split)
        odd = sorted(name for name in mine if there.get(name) != mine[name])
        if odd:
            begun = there.get("command", "a command that was not kept")
            raise TrainError(f"{out}: was begun with another {', '.join(odd)}, by `{begun}`; give the same, or choose another --out")
        return
    strange = sorted(entry.name for entry in out.iterdir() if entry.name != TRANSFER) if out.is_dir() else []
    if strange:
        raise TrainError(f"{out}: is not empty (it holds '{strange[0]}') and is no run. Choose another --out, or remove it")
