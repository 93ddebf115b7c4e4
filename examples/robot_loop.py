"""Drive a robot through a policy server: the loop to begin with when you put a policy on your own robot.

    python examples/robot_loop.py                              # serves a shipped policy itself and drives a simulated robot
    python examples/robot_loop.py --url ws://gpu-box:8791      # asks a server of `flare serve BUNDLE` that runs elsewhere

`FakeRobot` is a Stretch in the embedded simulator. Yours needs the same three methods; nothing else in this file is about simulation.
"""

import argparse
import contextlib
import math
import time

import numpy as np

import flare_core
from flare_core.acting.actions import Action
from flare_core.acting.client import RemotePolicy
from flare_core.acting.server import PolicyServer, serving
from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.play import Play
from flare_core.errors import ActingError
from flare_core.runs.stages import houses_of
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary


class FakeRobot:
    """A Stretch RE-1 in a generated house. On your robot: the camera driver, the joint states, the motion commands."""

    def __init__(self, episode: int) -> None:
        self._body, _ = load_embodiment("stretch_re1")
        task, _ = load_task("objectnav")
        simulator = EmbeddedSimulator(houses_of("test", 4), self._body, 1, seed=0)
        sampler = EpisodeSampler(task, simulator, Vocabulary.load(), 0, randomise_materials=False)
        renders = {camera.name: (camera.width_px, camera.height_px) for camera in self._body.cameras}
        self._play = Play(simulator, task, sampler, renders)
        self._play.begin(np.array([0]), np.array([episode]))
        self.instruction = str(self._play.instructions[0])
        self.succeeded = False

    def images(self) -> dict[str, np.ndarray]:
        """RGB, uint8 (height, width, 3), of every camera."""
        return {name.removeprefix("camera/"): image[0] for name, image in self._play.observe().items() if name.startswith("camera/")}

    def state(self) -> dict[str, float | bool]:
        """What `policy.needs` asks for: metres, degrees clockwise, true or false."""
        world = self._play.simulator.world()
        lift_m, extend_m, wrist_rad = world.joints[0].tolist()
        return {"lift_m": lift_m, "extend_m": extend_m, "wrist_right_deg": math.degrees(wrist_rad), "holding": bool(world.held[0] >= 0)}

    def do(self, action: Action) -> None:
        """Carry out one action and wait until the robot stands still again. `action.effect` has kind, direction, amount and unit."""
        outcome = self._play.act(np.array([self._body.action_names.index(action.name)]))
        self.succeeded = bool(outcome.success[0])


def drive(robot: FakeRobot, policy: RemotePolicy, instruction: str, most_steps: int) -> None:
    """Look, ask, move, until the policy says that it is done or the limit of steps is reached."""
    policy.reset(instruction, supplies=robot.state())  # refuses here, before anything moves, if a mask would lack its input
    while not policy.over and policy.steps < most_steps:
        began = time.perf_counter()
        action = policy.act(robot.images(), robot.state())
        waited_ms = 1000 * (time.perf_counter() - began)
        print(f"{policy.steps:3d}  {action!s:45} p={policy.probabilities[action.name]:.2f}  {waited_ms:5.1f} ms")
        robot.do(action)


def main() -> None:
    """Parse the command line, connect, drive."""
    parser = argparse.ArgumentParser(description="Drive a simulated robot through a policy server.")
    parser.add_argument("--url", help="server of `flare serve`; by default one is started here")
    parser.add_argument("--bundle", default="shipped:stretch_objectnav", help="what to serve without --url")
    parser.add_argument("--episode", type=int, default=7, help="where the robot begins and what it looks for")
    parser.add_argument("--steps", type=int, help="most actions; by default the policy's horizon")
    asked = parser.parse_args()
    try:
        with contextlib.ExitStack() as stack:
            url = asked.url or stack.enter_context(serving(PolicyServer(flare_core.load(asked.bundle))))
            policy = stack.enter_context(RemotePolicy(url, timeout_s=5.0))
            robot = FakeRobot(asked.episode)
            print(f"{policy.robot} at {url}: {robot.instruction}")
            drive(robot, policy, robot.instruction, asked.steps or policy.horizon)
    except ActingError as fault:
        raise SystemExit(f"The robot stands still: {fault}") from None  # on a real robot, stop the motors first
    how = "found it" if robot.succeeded else "did not find it"
    print(f"{'The policy said done' if policy.over else 'Out of steps'} after {policy.steps} actions: it {how}.")


if __name__ == "__main__":
    main()
