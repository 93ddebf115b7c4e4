"""How long a robot waits for an action, in this process and through a server, and whether large pictures are as good as small ones.

    OMP_NUM_THREADS=1 python bench/acting.py [--bundle shipped:stretch_objectnav] [--questions 1000] [--clients 8]
    OMP_NUM_THREADS=1 python bench/acting.py --episodes 200

Latencies are of whole calls of `act`, with pictures of random pixels; "camera's size" includes making them small. Server and clients
share this machine, over its loopback. With --episodes the policy plays held-out episodes twice: with pictures as they are rendered in
an evaluation, and with pictures rendered at the camera's own size, which `act` makes small by averaging over areas.
"""

import argparse
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import numpy as np
import numpy.typing as npt
import torch

import flare_core
from flare_core.acting.client import RemotePolicy
from flare_core.acting.policy import Policy
from flare_core.acting.server import PolicyServer, serving
from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.play import Play
from flare_core.evaluation.report import markdown
from flare_core.evaluation.statistics import wilson
from flare_core.runs.stages import EPISODE_SEED, HELD_OUT_HOUSES, houses_of
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.tasks.episodes import EpisodeSampler
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary

Pictures = dict[str, npt.NDArray[np.uint8]]
INSTRUCTION, ROUNDS = "find a mug", 10


def pictures(policy: Policy | RemotePolicy, small: bool) -> Pictures:
    draws = np.random.default_rng(0)
    sizes = {
        name: (camera.used_height_px, camera.used_width_px) if small else (camera.height_px, camera.width_px)
        for name, camera in policy.cameras.items()
    }
    return {name: draws.integers(0, 256, (*size, 3), dtype=np.uint8) for name, size in sizes.items()}


def latencies(policy: Policy | RemotePolicy, questions: int, small: bool) -> list[float]:
    """Milliseconds of so many calls of `act`, the first few left out."""
    seen, state, found = pictures(policy, small), policy.home_state(), []
    policy.reset(INSTRUCTION)
    for _ in range(questions + 20):
        if policy.over:
            policy.reset(INSTRUCTION)
        began = time.perf_counter()
        policy.act(seen, state)
        found.append(1000 * (time.perf_counter() - began))
    return found[20:]


def crowd(url: str, clients: int, questions: int) -> tuple[list[float], float]:
    """Milliseconds of all their calls, and calls a second of all together."""

    def work(_: int) -> list[float]:
        with RemotePolicy(url, timeout_s=60.0) as remote:
            return latencies(remote, questions, True)

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        found = [one for part in pool.map(work, range(clients)) for one in part]
    return found, clients * (questions + 20) / (time.perf_counter() - began)


def row(what: str, found: Sequence[float]) -> tuple[str, ...]:
    return (what, f"{len(found):,}", *(f"{value:.1f}" for value in np.percentile(found, [0, 50, 90, 99])))


def speed(bundle: str, questions: int, clients: int) -> None:
    """Rounds go round the ways, so that what else the machine does falls on all of them."""
    policy, each = flare_core.load(bundle), max(1, questions // ROUNDS)
    found: dict[str, list[float]] = {name: [] for name in ("own, used", "own, camera", "served", "crowd")}
    rates = []
    with serving(PolicyServer(policy)) as url, RemotePolicy(url) as remote:
        for _ in range(ROUNDS):
            found["own, used"] += latencies(policy, each, True)
            found["own, camera"] += latencies(policy, each, False)
            found["served"] += latencies(remote, each, False)
            many, rate = crowd(url, clients, max(1, each // clients))
            found["crowd"] += many
            rates.append(rate)
    rows: list[tuple[str, ...]] = [("one action", "calls", "least, ms", "p50, ms", "p90, ms", "p99, ms")]
    rows.append(row("in this process, pictures of the size that is used", found["own, used"]))
    rows.append(row("in this process, pictures of the camera's size", found["own, camera"]))
    rows.append(row("through the server, pictures of the camera's size", found["served"]))
    rows.append(row(f"through the server, {clients} robots at once, {median(rates):.0f} actions/s", found["crowd"]))
    print(f"{bundle}, {torch.get_num_threads()} thread\n\n{markdown(rows)}")


def successes(policy: Policy, robot: str, episodes: int, full: bool) -> int:
    body, (task, _) = load_embodiment(robot)[0], load_task("objectnav")
    simulator = EmbeddedSimulator(houses_of("test", HELD_OUT_HOUSES), body, 1, EPISODE_SEED)
    sampler = EpisodeSampler(task, simulator, Vocabulary.load(), EPISODE_SEED, randomise_materials=False)
    renders = {
        name: (camera.width_px, camera.height_px) if full else (camera.used_width_px, camera.used_height_px)
        for name, camera in policy.cameras.items()
    }
    play, found = Play(simulator, task, sampler, renders), 0
    for number in range(episodes):
        play.begin(np.array([0]), np.array([number]))
        policy.reset(str(play.instructions[0]))
        over = False
        while not over:
            seen = {name.removeprefix("camera/"): image[0] for name, image in play.observe().items() if name.startswith("camera/")}
            lift_m, extend_m, wrist = simulator.world().joints[0].tolist()
            state = {"lift_m": lift_m, "extend_m": extend_m, "wrist_right_deg": math.degrees(wrist)}
            action = policy.act(seen, state | {"holding": bool(simulator.world().held[0] >= 0)})
            outcome = play.act(np.array([body.action_names.index(action.name)]))
            over = bool(outcome.terminated[0] or outcome.truncated[0])
        found += int(outcome.success[0])
    return found


def sizes(bundle: str, episodes: int) -> None:
    rows: list[tuple[str, ...]] = [("pictures", "episodes", "success, %")]
    for what, full in (("rendered at the size that is used", False), ("rendered at the camera's size, averaged over areas", True)):
        count = successes(flare_core.load(bundle), "stretch_re1", episodes, full)
        rows.append((what, str(episodes), wilson(count, episodes).percent()))
        print(rows[-1], flush=True)
    print(markdown(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description="Latency of acting.")
    parser.add_argument("--bundle", default="shipped:stretch_objectnav")
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--episodes", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.episodes:
        sizes(asked.bundle, asked.episodes)
    else:
        speed(asked.bundle, asked.questions, asked.clients)


if __name__ == "__main__":
    main()
