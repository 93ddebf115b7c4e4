import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from flare_core.errors import TrainError
from flare_core.learning.finetune import FineTuner
from flare_core.learning.ppo import _spread
from flare_core.learning.rollout import Exploration
from flare_core.learning.spec import ExploreSpec, KlSpec, LagrangeSpec, RecipeSpec
from flare_core.learning.worker import Coefficients, Worker, weighed
from flare_core.policies.small import SmallPolicy
from tests.learning.toy import SPEC, Toy, senses

RECIPE = RecipeSpec(
    name="toy",
    steps=512,
    rows=8,
    rollout=16,
    epochs=2,
    minibatches=2,
    learning_rate=3e-3,
    critic_learning_rate=1e-2,
    critic_warmup_steps=128,
    kl=KlSpec(weight=0.01, decay_steps=400),
    explore=ExploreSpec(epsilon=0.05, decay_steps=400),
)
LONG = RECIPE.model_copy(update={"steps": 3072, "kl": None, "explore": None, "epochs": 4, "critic_warmup_steps": 0, "clip": 0.2})


def tuner(
    folder: Path, recipe: RecipeSpec = RECIPE, seed: int = 3, workers: int = 2, limits: tuple[float, ...] = (), processes: bool = False
) -> FineTuner:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    policy = SmallPolicy(SPEC)
    rows = recipe.rows // workers
    environments = [Toy(rows, first=at * rows, limits=limits) for at in range(workers)]
    return FineTuner(policy, recipe, environments, senses, folder, new_rows=[2], shared=[0, 1], seed=seed, processes=processes)


def patient(run: FineTuner) -> FineTuner:
    """The same run with a policy that mostly waits, so that episodes reach across rollout boundaries."""
    with torch.no_grad():
        run.learner.actor.head.bias[0] += 3.0
    return run


def weights(run: FineTuner) -> dict[str, Tensor]:
    state = {f"actor/{k}": v.clone() for k, v in run.learner.actor.state_dict().items()}
    return state | {f"critic/{k}": v.clone() for k, v in run.learner.critic.state_dict().items()}


def same(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def quiet(record: object) -> None:
    del record


def test_ratio_is_one_at_unchanged_weights_also_behind_a_rollout_boundary(tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"learning_rate": 1e-12, "new_rows_learning_rate": 1e-12, "explore": None, "critic_warmup_steps": 0})
    run = patient(tuner(tmp_path, recipe))
    spreads = [run.update()["ratio_spread"] for _ in range(4)]
    assert max(spreads) < 1e-4


def test_ratio_check_goes_red_when_the_update_forgets_the_memory(tmp_path: Path) -> None:
    run = patient(tuner(tmp_path, RECIPE.model_copy(update={"explore": None})))
    run.update()
    collector = run.workers[0].collector
    rollout = collector.collect(run.learner.actor, 16, Exploration(actions=run.learner.new_rows))
    cold = run.learner.actor.empty_memory(4)
    with torch.no_grad():
        warm_logits, _ = run.learner.actor.sequence(rollout.inputs, rollout.starts, rollout.memory)
        cold_logits, _ = run.learner.actor.sequence(rollout.inputs, rollout.starts, cold)
    assert (warm_logits - cold_logits).abs().max() > 1e-4


def test_training_learns_the_toy(tmp_path: Path) -> None:
    records = []
    tuner(tmp_path, LONG, workers=1).run(records.append)
    assert records[-1]["success"] > 0.9 > 0.7 > records[1]["success"]


def test_a_limit_on_costs_is_kept_by_a_multiplier_that_the_learner_finds(tmp_path: Path) -> None:
    """Half of the episodes ask for an answer to the right, which costs 1; at most a tenth may be answered so."""
    recipe = LONG.model_copy(update={"lagrange": LagrangeSpec(rate=2.0, most=50.0)})
    longer = recipe.model_copy(update={"steps": 6144})  # the answers change only when the multiplier has grown
    free, bound = list[dict[str, Any]](), list[dict[str, Any]]()
    tuner(tmp_path / "free", recipe, limits=(1.0,), workers=1).run(lambda record: free.append(dict(record)))
    tuner(tmp_path / "bound", longer, limits=(0.1,), workers=1).run(lambda record: bound.append(dict(record)))
    assert free[-1]["multipliers"] == [0.0]
    assert free[-1]["episode_costs"][0] > 0.3
    assert free[-1]["success"] > 0.9
    assert bound[-1]["multipliers"][0] > 1.0
    assert bound[-1]["episode_costs"][0] < 0.2
    assert bound[-1]["success"] > 0.4  # the answers to the left are as good as before


def test_advantages_of_costs_are_weighed_and_the_whole_keeps_its_scale(tmp_path: Path) -> None:
    reward, first, second = torch.tensor([[8.0]]), torch.tensor([[1.0]]), torch.tensor([[-2.0]])
    assert weighed([reward, first, second], torch.tensor([2.0, 1.0])).item() == (8.0 - 2.0 * 1.0 + 1.0 * 2.0) / 4.0
    run = tuner(tmp_path, limits=(0.1, 1.0))
    run.learner.multipliers = torch.tensor([2.0, 1.0])
    run.learner.adapt_multipliers([0.6, 0.0])  # 0.5 above a limit of 0.1, and 1 below a limit of 1
    rate = run.recipe.lagrange.rate
    assert run.learner.multipliers.tolist() == pytest.approx([2.0 + rate * 0.5, 1.0 - rate])


def test_without_limits_the_critic_has_one_value_and_nothing_is_weighed(tmp_path: Path) -> None:
    run = tuner(tmp_path)
    assert run.learner.critic.head.weight.shape[0] == 1
    assert "multipliers" not in run.update()


def test_same_seed_gives_the_same_weights_and_another_seed_does_not(tmp_path: Path) -> None:
    runs = [tuner(tmp_path / name, seed=seed) for name, seed in (("a", 3), ("b", 3), ("c", 4))]
    for run in runs:
        run.run(quiet)
    first, second, other = map(weights, runs)
    assert same(first, second)
    assert not same(first, other)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> FineTuner:
    """A whole run of the recipe as it is."""
    run = patient(tuner(tmp_path_factory.mktemp("plain")))
    run.run(quiet)
    return run


@pytest.mark.parametrize(
    "change",
    [
        {"separate_critic": False},
        {"cold_memory": True},
        {"centre_advantages": True},
        {"final_rate": 0.1},
        {"normalise_advantages": True},
        {"joint_gradient_norm": True},
        {"entropy": 0.01},
        {"arithmetic": "bfloat16"},
    ],
    ids=str,
)
def test_every_switch_changes_the_weights_and_nothing_breaks(tmp_path: Path, plain: FineTuner, change: dict[str, object]) -> None:
    switched = patient(tuner(tmp_path, RECIPE.model_copy(update=change)))
    switched.run(quiet)
    assert not all(torch.equal(a, b) for a, b in zip(plain.learner.actor.parameters(), switched.learner.actor.parameters(), strict=True))


@pytest.mark.parametrize("processes", [False, True])
def test_centred_advantages_lose_the_mean_of_all_workers_and_keep_their_differences(tmp_path: Path, processes: bool) -> None:
    with closing(tuner(tmp_path, processes=processes)) as run:
        crew, now = run.learner.crew, Coefficients()
        crew.each(Worker.collect, now)
        before = crew.each(Worker.prepare, run.learner.multipliers)
        mean = sum(float(one.sum()) for one in before) / sum(one.numel() for one in before)
        crew.each(Worker.centre, *_spread(before, scaled=False))
        for one, two in zip(before, crew.each(advantages_of), strict=True):
            assert torch.allclose(two, one - mean, atol=1e-5)
        crew.each(Worker.centre, *_spread(crew.each(advantages_of), scaled=True))
        every = torch.cat([one.flatten() for one in crew.each(advantages_of)])
        assert (every.mean().item(), every.std().item()) == pytest.approx((0.0, 1.0), abs=1e-4)


def advantages_of(worker: Worker) -> Tensor:
    assert worker.batch is not None
    return worker.batch.advantages


def test_rates_fall_evenly_to_the_part_that_is_asked_for(tmp_path: Path) -> None:
    run = tuner(tmp_path, RECIPE.model_copy(update={"final_rate": 0.1, "learning_rate": 1e-3, "new_rows_learning_rate": 2e-3}))
    run.progress.steps = run.recipe.steps // 2
    run.update()
    assert [group["lr"] for group in run.learner.actor_optimiser.param_groups] == pytest.approx([0.55e-3, 1.1e-3])  # half of the way to 0.1
    run.progress.steps = run.recipe.steps
    run.update()
    assert [group["lr"] for group in run.learner.actor_optimiser.param_groups] == pytest.approx([1e-4, 2e-4])


def test_warm_up_moves_the_critic_alone(tmp_path: Path) -> None:
    run = tuner(tmp_path)
    before = weights(run)
    assert run.update()["actor_learns"] is False
    after = weights(run)
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("actor/"))
    assert not torch.equal(before["critic/head.weight"], after["critic/head.weight"])


def test_carried_rows_move_slower_than_new_rows(tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"learning_rate": 1e-9, "new_rows_learning_rate": 1e-2, "critic_warmup_steps": 0})
    run = tuner(tmp_path, recipe)
    before = run.learner.actor.head.weight.detach().clone()
    run.update()
    moved = (run.learner.actor.head.weight.detach() - before).abs().amax(dim=1)
    assert moved[2] > 1e-3
    assert moved[[0, 1, 3]].max() < 1e-6


@pytest.mark.parametrize("limits", [(), (0.1,)])
def test_resumed_run_ends_bit_identical_and_its_log_too(tmp_path: Path, limits: tuple[float, ...]) -> None:
    whole, halved = tuner(tmp_path / "whole", limits=limits), tuner(tmp_path / "halved", limits=limits)
    whole.run(quiet)
    for _ in range(2):
        halved.update()
    halved.save()
    halved.update()  # lost: not in the checkpoint
    again = tuner(tmp_path / "halved", limits=limits)
    again.resume()
    again.run(quiet)
    assert whole.learner.multipliers.tolist() == again.learner.multipliers.tolist()
    assert same(weights(whole), weights(again))


def test_resume_refuses_another_recipe(tmp_path: Path) -> None:
    run = tuner(tmp_path)
    run.save()
    with pytest.raises(TrainError, match="resume with the same, or use another --out"):
        tuner(tmp_path, RECIPE.model_copy(update={"clip": 0.3})).resume()


def test_killed_run_resumes_to_the_same_weights(tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"steps": 16 * 8 * 10})
    whole = tuner(tmp_path / "whole", recipe)
    whole.run(quiet)
    killed = tmp_path / "killed"
    script = (
        "import sys; from pathlib import Path; from tests.learning import test_finetune as t\n"
        f"run = t.tuner(Path(sys.argv[1]), t.RECIPE.model_copy(update={{'steps': {recipe.steps}}})); run.run(t.quiet, checkpoint_every_s=0)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(killed)], cwd=Path(__file__).parents[2])
    log = killed / "log.jsonl"
    point = random.Random(int(time.time())).randint(1, 7)  # wherever it falls, the end must be the same
    while process.poll() is None and (not log.exists() or log.read_bytes().count(b"\n") < point):
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL) if process.poll() is None else None
    process.wait()
    again = tuner(killed, recipe)
    again.resume()
    again.run(quiet)
    assert same(weights(whole), weights(again))
    assert log.read_bytes().count(b"\n") == (tmp_path / "whole" / "log.jsonl").read_bytes().count(b"\n") == 10
