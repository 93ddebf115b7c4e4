"""AllenAct on the task: its trainer, storage, PPO loss and recurrent encoder; the rows live in one sampler process, its usual way.

With the encoder frozen it is a preprocessor, whose output AllenAct stores in place of the picture.
"""

import multiprocessing
import os
from collections.abc import Sequence
from typing import Any

import allenact
import gym
import numpy as np
import torch
from allenact.algorithms.onpolicy_sync.engine import OnPolicyTrainer
from allenact.algorithms.onpolicy_sync.losses import PPO
from allenact.algorithms.onpolicy_sync.policy import ActorCriticModel
from allenact.base_abstractions.distributions import CategoricalDistr
from allenact.base_abstractions.experiment_config import ExperimentConfig, MachineParams
from allenact.base_abstractions.misc import ActorCriticOutput, RLStepResult
from allenact.base_abstractions.preprocessor import Preprocessor, SensorPreprocessorGraph
from allenact.base_abstractions.sensor import Sensor
from allenact.base_abstractions.task import Task, TaskSampler
from allenact.embodiedai.models.basic_models import RNNStateEncoder
from allenact.utils.experiment_utils import Builder, PipelineStage, TrainingPipeline, TrainingSettings
from allenact.utils.system import get_logger

from bench.peers import gru, task
from bench.peers.asking import Closing, Order, asked, declare
from bench.peers.network import WIDTH, Encoder, heads, parameters

SPACES = {
    "picture": gym.spaces.Box(0, 255, (task.SIZE, task.SIZE, 3), np.uint8),
    "body": gym.spaces.Box(-10, 10, (task.BODY,), np.float32),
    "mask": gym.spaces.Box(0, 1, (task.ACTIONS,), np.bool_),
}


class Attribute(Sensor):
    """A sensor that is an attribute of the row of the same name."""

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid, SPACES[uuid])

    def get_observation(self, env: task.Row, task: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(env, self.uuid)


class Episode(Task):
    """One episode of a row."""

    @property
    def action_space(self) -> gym.Space:
        return gym.spaces.Discrete(task.ACTIONS)

    def _step(self, action: Any) -> RLStepResult:
        reward, self._over = self.env.step(int(action))
        return RLStepResult(observation=self.get_observations(), reward=reward, done=self._over, info={})

    def reached_terminal_state(self) -> bool:
        return getattr(self, "_over", False)

    def render(self, mode: str = "rgb", *args: Any, **kwargs: Any) -> np.ndarray:
        return self.env.picture

    def close(self) -> None: ...


class Episodes(TaskSampler):
    """Episodes of one row, without end. All rows of the process share one tally."""

    tally: Closing | None = None

    def __init__(self, number: int, order: Order, sensors: Sequence[Sensor], learner: int) -> None:
        if Episodes.tally is None:
            Episodes.tally = Closing(order, parent=learner)
        self.row, self.sensors = task.Row(number, Episodes.tally, order.step_us), list(sensors)
        self.last: Episode | None = None

    @property
    def length(self) -> float:
        return float("inf")

    @property
    def last_sampled_task(self) -> Episode | None:
        return self.last

    @property
    def all_observation_spaces_equal(self) -> bool:
        return True

    def next_task(self, force_advance_scene: bool = False) -> Episode:
        if self.last is not None:
            self.row.begin()
        self.last = Episode(env=self.row, sensors=self.sensors, task_info={}, max_steps=10**9)
        return self.last

    def reset(self) -> None: ...

    def set_seed(self, seed: int) -> None: ...

    def close(self) -> None: ...


class FrozenEncoder(Preprocessor):
    """The encoder outside of the model: its features are computed once a frame and stored."""

    def __init__(self) -> None:
        space = gym.spaces.Box(-np.inf, np.inf, (WIDTH,), np.float32)
        super().__init__(["picture"], "features", space)
        self.encoder = Encoder().requires_grad_(False)

    @torch.no_grad()
    def process(self, obs: dict[str, Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        return self.encoder(obs["picture"])

    def to(self, device: torch.device) -> "FrozenEncoder":
        return self


class Network(ActorCriticModel):
    """Encoder (where it learns), AllenAct's own recurrent encoder with its GRU, and two heads."""

    def __init__(self, frozen: bool, own_gru: bool) -> None:
        super().__init__(action_space=gym.spaces.Discrete(task.ACTIONS), observation_space=gym.spaces.Dict(SPACES))
        self.encoder = None if frozen else Encoder()
        self.core, self.own_gru = RNNStateEncoder(WIDTH + task.BODY, WIDTH), own_gru
        self.policy, self.value = heads()

    def _recurrent_memory_specification(self) -> Any:
        return {"rnn": ((("layer", 1), ("sampler", None), ("hidden", WIDTH)), torch.float32)}

    def forward(self, observations: Any, memory: Any, prev_actions: Any, masks: torch.Tensor) -> Any:
        steps, rows = masks.shape[:2]
        if self.encoder is None:
            features = observations["features"]
        else:
            features = self.encoder(observations["picture"].flatten(0, 1)).view(steps, rows, -1)
        joined, state = torch.cat([features, observations["body"]], dim=-1), memory.tensor("rnn")
        if self.own_gru and steps > 1:
            out = gru.sequence(self.core.rnn, joined, state[0], masks)
            state = out[-1:].detach()
        else:
            out, state = self.core(joined, state, masks)
        logits = self.policy(out).masked_fill(~observations["mask"], -torch.inf)
        result = ActorCriticOutput(distributions=Finite(logits=logits), values=self.value(out), extras={})
        return result, memory.set_tensor("rnn", state)


class Finite(CategoricalDistr):
    """AllenAct's distribution; the entropy of masked actions is 0 and not 0 times infinity."""

    def entropy(self) -> torch.Tensor:
        return -(self.probs * self.logits.masked_fill(self.logits == -torch.inf, 0.0)).sum(-1)


class Experiment(ExperimentConfig):
    """The benchmark's setting."""

    def __init__(self, order: Order) -> None:
        self.order, self.learner = order, os.getpid()
        self.graph = SensorPreprocessorGraph(SPACES_OF_SENSORS, [FrozenEncoder()]) if order.frozen else None

    def tag(self) -> str:
        return "peers"

    def training_pipeline(self, **kwargs: Any) -> TrainingPipeline:
        loss = PPO(clip_param=task.CLIP, value_loss_coef=task.VALUE_WEIGHT * 2, entropy_coef=task.ENTROPY, use_clipped_value_loss=False)
        return TrainingPipeline(
            named_losses={"ppo": loss},
            pipeline_stages=[PipelineStage(loss_names=["ppo"], max_stage_steps=10**9)],
            optimizer_builder=Builder(torch.optim.Adam, {"lr": task.LEARNING_RATE}),
            training_settings=TrainingSettings(
                num_mini_batch=task.MINIBATCHES, update_repeats=task.EPOCHS, max_grad_norm=task.GRADIENT_NORM, num_steps=task.ROLLOUT,
                gamma=self.order.gamma, use_gae=True, gae_lambda=task.LAMBDA, advance_scene_rollout_period=None, save_interval=10**9,
                metric_accumulate_interval=10**9,
            ),
        )  # fmt: skip

    def machine_params(self, *args: Any, **kwargs: Any) -> MachineParams:
        return MachineParams(nprocesses=[task.ROWS], devices=[torch.device("cpu")], sensor_preprocessor_graph=self.graph)

    def create_model(self, **kwargs: Any) -> Network:
        return Network(self.order.frozen, self.order.own_gru)

    def make_sampler_fn(self, **kwargs: Any) -> Episodes:
        return Episodes(kwargs["number"], self.order, [Attribute(name) for name in SPACES], self.learner)

    def train_task_sampler_args(self, process_ind: int, total_processes: int, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {"number": process_ind}


SPACES_OF_SENSORS = gym.spaces.Dict(SPACES)


def main() -> None:
    order = asked(__doc__)
    torch.set_num_threads(1)
    get_logger().setLevel("ERROR")
    context = multiprocessing.get_context("fork")
    experiment = Experiment(order)
    trainer = OnPolicyTrainer(
        experiment_name="peers", config=experiment, results_queue=context.Queue(), checkpoints_queue=None,
        checkpoints_dir=str(order.out.parent), seed=order.seed, mp_ctx=context, max_sampler_processes_per_worker=1,
    )  # fmt: skip
    modules = [trainer.actor_critic] + ([experiment.graph.preprocessors["features"].encoder] if experiment.graph else [])
    declare(order, parameters(*modules), {"allenact": allenact.__version__, "torch": torch.__version__, "numpy": np.__version__})
    trainer.train()


if __name__ == "__main__":
    main()
