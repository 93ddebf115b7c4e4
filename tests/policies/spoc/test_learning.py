"""A `spoc` policy goes through what every policy goes through: plan, carry, judge, PPO, bundle, resume."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from flare_core.bundles.bundle import Bundle, load_bundle, save_bundle
from flare_core.embodiments.spec import load_embodiment
from flare_core.learning.finetune import FineTuner
from flare_core.learning.rollout import Exploration
from flare_core.learning.spec import KlSpec, RecipeSpec
from flare_core.policies.families import policy_of, senses_of, shape_from_json
from flare_core.policies.interface import Policy
from flare_core.policies.spec import View
from flare_core.policies.spoc.policy import SpocPolicy
from flare_core.policies.spoc.senses import SpocSenses
from flare_core.policies.spoc.spec import SpocSpec
from flare_core.runs.candidate import ready
from flare_core.runs.carry import Transfer, carried_policy, own_views
from flare_core.runs.compose import load_plan
from flare_core.runs.finetune import bundle_of, calibrated_policy, lineage, scene_for
from flare_core.runs.finetune import senses_of as transfer_senses
from flare_core.runs.judge import judge_policy
from flare_core.runs.stages import Randomisation, training_stages
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary
from tests.learning.toy import Toy
from tests.policies.spoc import tiny

RECIPE = RecipeSpec(
    name="toy", steps=10_000, rows=8, rollout=12, epochs=2, minibatches=2, learning_rate=3e-3, kl=KlSpec(weight=0.01, decay_steps=400)
)
BUDGET = [
    ("recipe.rows", "4"), ("recipe.rollout", "8"), ("recipe.minibatches", "2"), ("recipe.houses", "4"),
    ("recipe.critic_warmup_steps", "32"),
]  # fmt: skip


def toy_senses(policy: Policy) -> SpocSenses:
    assert isinstance(policy, SpocPolicy)
    return SpocSenses(policy, tiny.PlainViews(), tiny.WORDS)


def toy_run(folder: Path, spec: SpocSpec = tiny.SPEC, recipe: RecipeSpec = RECIPE) -> FineTuner:
    torch.set_num_threads(1)
    policy = tiny.policy(replace(spec, body_inputs=("lift",)))
    policy.load(policy.state_dict())
    with torch.no_grad():
        policy.actor.head.bias[0] += 3.0  # mostly waits, so that episodes reach across rollout boundaries
    stages = [Toy(4), Toy(4, first=4)]
    return FineTuner(policy, recipe, stages, toy_senses, folder, new_rows=[2], shared=[0, 1], seed=3)


def weights(run: FineTuner) -> dict[str, Tensor]:
    return {f"{name}/{k}": v.clone() for name in ("actor", "critic") for k, v in getattr(run.learner, name).state_dict().items()}


def differ(one: dict[str, Tensor], two: dict[str, Tensor]) -> set[str]:
    assert one.keys() == two.keys()
    return {name for name in one if not torch.equal(one[name], two[name])}


@pytest.mark.parametrize("spec", tiny.FAMILIES.values(), ids=tiny.FAMILIES)
def test_ratio_is_one_at_unchanged_weights_also_behind_a_rollout_boundary(tmp_path: Path, spec: SpocSpec) -> None:
    run = toy_run(tmp_path, spec, RECIPE.model_copy(update={"learning_rate": 1e-12, "kl": None}))
    assert max(run.update()["ratio_spread"] for _ in range(3)) < 1e-4


def test_ratio_in_bfloat16_is_one_to_a_few_hundredths(tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"learning_rate": 1e-12, "kl": None, "arithmetic": "bfloat16"})
    run = toy_run(tmp_path, recipe=recipe)
    spreads = [run.update()["ratio_spread"] for _ in range(3)]
    assert 1e-4 < max(spreads) < 0.05


def test_ratio_check_goes_red_when_the_update_forgets_the_memory(tmp_path: Path) -> None:
    run = toy_run(tmp_path)
    run.update()
    collector, actor = run.workers[0].collector, run.learner.actor
    rollout = collector.collect(actor, 12, Exploration(actions=run.learner.new_rows))
    with torch.no_grad():
        warm, _ = actor.sequence(rollout.inputs, rollout.starts, rollout.memory)
        cold, _ = actor.sequence(rollout.inputs, rollout.starts, actor.empty_memory(4))
    assert (warm - cold).abs().max() > 1e-4


@pytest.mark.parametrize("change", [{}, {"separate_critic": False, "arithmetic": "bfloat16"}, {"cold_memory": True}], ids=str)
def test_a_resumed_run_ends_bit_identical(tmp_path: Path, change: dict[str, object]) -> None:
    recipe = RECIPE.model_copy(update=change)
    whole, halved = toy_run(tmp_path / "whole", recipe=recipe), toy_run(tmp_path / "halved", recipe=recipe)
    for _ in range(3):
        whole.update()
    for _ in range(2):
        halved.update()
    halved.save()
    halved.update()  # lost: not in the checkpoint
    again = toy_run(tmp_path / "halved", recipe=recipe)
    start = weights(again)
    again.resume()
    again.update()
    assert differ(weights(whole), weights(again)) == set()
    assert "actor/fusion.layers.0.linear1.weight" in differ(weights(whole), start)


def test_history_holds_no_step_that_no_present_episode_needs(tmp_path: Path) -> None:
    run = toy_run(tmp_path)
    for _ in range(3):
        run.update()
        for collector in (worker.collector for worker in run.workers):
            assert collector.history is not None
            assert isinstance(collector.environment, Toy)
            played = collector.environment.episode_steps.max()
            assert collector.history.tensors()["step"].shape[0] == max(1, min(tiny.SPEC.context, played))


def test_every_trained_tensor_learns_and_no_frozen_one(tmp_path: Path) -> None:
    run = toy_run(tmp_path)
    before = {name: value.clone() for name, value in run.policy.state_dict().items()}
    for _ in range(2):
        run.update()
    changed = differ(before, run.policy.state_dict())
    still = {name for name in before if name.startswith("actor.")} - changed
    assert still <= {"actor.view_tokens.manipulation"}  # the toy has one camera
    assert not any(name.startswith("encoder.") for name in changed)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stretch's policy of the family, tiny."""
    body, embodiment = load_embodiment("stretch_re1")
    _, task = load_task("objectnav_short")
    spec = replace(tiny.SPEC, views=VIEWS, actions=body.action_names, body_inputs=body.body_inputs)
    state = tiny.policy(spec).state_dict()
    facts = {"command": "none", "commit": "unknown", "seed": 0}
    made = Bundle(
        name="tiny",
        state=state,
        policy=spec.to_json(),
        embodiment=body,
        embodiment_spec=embodiment.resolved,
        task=task.resolved,
        lineage=facts,
    )
    return save_bundle(tmp_path_factory.mktemp("spoc") / "policy", made)


VIEWS = (View(name="navigation", width=26, height=14), View(name="manipulation", width=26, height=14))


def transfer_of(bundle: Path) -> Transfer:
    return load_plan("stretch_to_locobot", [("policy", str(bundle)), *BUDGET])


def test_head_and_previous_follow_the_plan_and_every_other_tensor_is_bit_identical(bundle: Path) -> None:
    transfer, source = transfer_of(bundle), load_bundle(bundle)
    policy, account = carried_policy(transfer)
    carried = policy.state_dict()
    assert [tensor.name for tensor in account.tensors] == list(source.state)
    changed = {name for name, value in source.state.items() if not torch.equal(value, carried[name])}
    assert changed == {"actor.head.weight", "actor.head.bias", "actor.previous.weight"}
    old, new = source.policy["actions"], transfer.policy.actions
    for entry in transfer.plan.head.entries:
        if entry.source is None:
            continue
        one, two = old.index(entry.source), new.index(entry.action)
        for name in changed:
            assert torch.equal(source.state[name][one], carried[name][two])
    assert torch.equal(source.state["actor.previous.weight"][-1], carried["actor.previous.weight"][-1])  # the start of an episode
    assert {tensor.fate for tensor in account.tensors} == {"carried", "head", "previous"}


def tuner_of(transfer: Transfer, folder: Path) -> FineTuner:
    torch.set_num_threads(1)
    policy, senses = calibrated_policy(transfer, 0), transfer_senses(transfer)
    stages = training_stages(scene_for(transfer, "train", 4, senses), 4, 1, 0, Randomisation(materials=1.0))
    shared = [row for row, _ in transfer.plan.head.shared_rows if transfer.body.actions[row].masked is None]
    return FineTuner(policy, transfer.recipe, stages, senses, folder, new_rows=transfer.plan.head.new_rows, shared=shared, seed=0)


@pytest.mark.usefixtures("brief_calibration")
def test_a_carried_policy_trains_in_houses_is_saved_read_judged_and_resumed_bit_identically(bundle: Path, tmp_path: Path) -> None:
    transfer = transfer_of(bundle)
    whole, halved = tuner_of(transfer, tmp_path / "whole"), tuner_of(transfer, tmp_path / "halved")
    start = weights(whole)
    records = [whole.update() for _ in range(2)]
    assert records[1]["actor_learns"] is True
    halved.update()
    halved.save()
    again = tuner_of(transfer, tmp_path / "halved")
    again.resume()
    again.update()
    assert differ(weights(whole), weights(again)) == set()
    assert len(differ(start, weights(again))) > 20
    facts = lineage(transfer, 0, "flare train", "embedded")
    folder = save_bundle(tmp_path / "bundle", bundle_of(transfer, again.policy, facts, None, "tiny"))
    candidate = ready(str(folder))
    assert differ(again.policy.state_dict(), candidate.policy.state_dict()) == set()
    scene = replace(scene_for(transfer, "test", 2, candidate.senses), task=replace(transfer.task, horizon=12))
    played = [judge_policy(scene, policy, candidate.senses, 2, 1, 0, lambda done: None) for policy in (again.policy, candidate.policy)]
    assert played[0].measures["path_m"].tolist() == played[1].measures["path_m"].tolist()


def test_instructions_of_a_task_reach_the_text_encoder_in_words(bundle: Path) -> None:
    kept = load_bundle(bundle)
    policy = policy_of(shape_from_json(kept.policy), kept.state)
    words = Vocabulary.load()
    senses = senses_of(policy, own_views(policy.spec, kept.embodiment, None, None), words.vectors)
    assert isinstance(senses, SpocSenses)
    goal = torch.tensor([[*words.encode("Find a mug."), 0, 0]], dtype=torch.int32).numpy()
    assert senses._spelt(goal[0]) == "find a mug"
