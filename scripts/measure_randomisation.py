"""Whether training under a randomisation makes a policy sturdier: each on alone, all, none; writes the table of docs/randomisation.md.

    python scripts/measure_randomisation.py --out runs/randomisation                  # every arm that is not done, then JSON and table
    python scripts/measure_randomisation.py --out runs/randomisation --only colour    # one arm; `none` is needed to compare with
    python scripts/measure_randomisation.py --page-only                               # the table again, from the JSON as it is

Every arm fine-tunes the demo's transfer (Stretch to LoCoBot) from the same start for the same steps, and is then judged on the same
held-out episodes in two worlds: the plain one, and one in which everything is on, with the same draws for every arm. A run that was
stopped goes on where it was. Embedded simulator; one seed.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from flare_core.adapters.spec import SimulatorSpec
from flare_core.evaluation.report import Episodes, markdown
from flare_core.evaluation.statistics import paired_bootstrap, wilson
from flare_core.runs.candidate import ready
from flare_core.runs.facts import commit, machine
from flare_core.runs.judge import judge_policy
from flare_core.runs.randomness import declared, in_evaluation
from flare_core.runs.stages import HELD_OUT_HOUSES, NOTHING, Scene, ground_of
from flare_core.tasks.words import Vocabulary

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "results" / "randomisation.json"
PAGE: Final = ROOT / "docs" / "randomisation.md"
TRANSFER: Final = "specs/transfers/stretch_to_locobot.yaml"
BEGIN, END = "<!-- randomisation -->", "<!-- end of randomisation -->"
EXACT: Final = (
    *(f"embodiment.jitter.{name}=0" for name in ("pitch_deg", "yaw_deg", "fov_deg", "position_m")),
    *(f"embodiment.noise.{name}=0" for name in ("move_m", "turn_deg")),
)
JITTER: Final = ("embodiment.jitter.pitch_deg=2", "embodiment.jitter.yaw_deg=2", "embodiment.jitter.fov_deg=1")
NOISE: Final = ("embodiment.noise.move_m=0.01", "embodiment.noise.turn_deg=1")
ON: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "materials": ("recipe.randomise_materials=0.8",),
        "light": ("recipe.randomise_light=0.8",),
        "colour": ("recipe.augment.colour={}",),
        "crop": ("recipe.augment.crop={}",),
        "blur": ("recipe.augment.blur={}",),
        "jitter": JITTER,
        "noise": NOISE,
    }
)
"""What is laid over the transfer of each arm; `none` has nothing, `all` everything."""
ARMS: Final = ("none", *ON, "all")
WORLDS: Final = ("plain", "disturbed")
WARM_UP: Final = 30_000  # steps in which the critic alone learns, as in the recipe; of short runs a quarter
STEPS_PER_SECOND, EPISODES_PER_SECOND, START_S = 2_000, 12, 40  # of a quiet machine with two cores: what the estimate rests on


def train(arm: str, out: Path, steps: int, workers: int, seed: int) -> None:
    """Fine-tune one arm, or go on with it; nothing where it is done."""
    folder = out / arm
    if (folder / "results.json").exists():
        done = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        if (done["steps"], done["seed"]) != (steps, seed):
            raise SystemExit(
                f"measure_randomisation: {folder} was trained for {done['steps']:,} steps with seed {done['seed']}. Give --steps "
                f"{done['steps']} --seed {done['seed']}, or another --out"
            )
        return
    changes = ["recipe.randomise_materials=0", *EXACT, *(text for name in ON if arm in (name, "all") for text in ON[name])]
    changes += [f"recipe.steps={steps}", f"recipe.critic_warmup_steps={min(WARM_UP, steps // 4)}"]
    changes += ["recipe.evaluation_episodes=20", "recipe.evaluate_greedy=false"]  # it is judged below, on other episodes than its own
    last = {text.partition("=")[0]: text for text in changes}  # a key that is given twice is a fault
    command = [flare(), "train", TRANSFER, "--out", str(folder), "--workers", str(workers), "--seed", str(seed), "--split", "val"]
    command += ["--resume"] if (folder / "run.json").exists() else []
    command += [word for text in last.values() for word in ("-o", text)]
    subprocess.run(command, check=True, cwd=ROOT)


def judge(arm: str, world: str, out: Path, episodes: int, workers: int, seed: int) -> None:
    """Play an arm's episodes in one of the worlds and keep what came of each; nothing where that is done."""
    path = out / arm / f"{world}_{episodes}.json"
    if path.exists():
        return
    body = (*EXACT, *JITTER, *NOISE) if world == "disturbed" else EXACT
    pairs = {key.removeprefix("embodiment."): value for key, _, value in (text.partition("=") for text in body)}
    candidate = ready(str(out / arm / "bundle"), overrides=tuple(pairs.items()))
    randomised = in_evaluation(("materials", "light", "augment"), "embedded") if world == "disturbed" else NOTHING
    ground = ground_of(SimulatorSpec(), "test", HELD_OUT_HOUSES, candidate.bundle.embodiment)
    scene = Scene(
        pack=ground.pack, body=ground.body, task=candidate.task, renders=dict(candidate.senses.views.renders),
        vocabulary=Vocabulary.load(), randomised=randomised,
    )  # fmt: skip
    played = judge_policy(scene, candidate.policy, candidate.senses, episodes, workers, seed, lambda done: None)
    found = {"randomness": declared(scene.body, randomised), **outcomes(played)}
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(found) + "\n", encoding="utf-8")
    temporary.replace(path)


def outcomes(played: Episodes) -> dict[str, list[int]]:
    """What the comparison needs of every episode."""
    houses = [] if played.houses is None else played.houses.tolist()
    return {"number": played.number.tolist(), "success": played.success.astype(int).tolist(), "houses": houses}


def flare() -> str:
    """The command beside the Python that runs this."""
    return str(Path(sys.executable).with_name("flare"))


def gathered(out: Path, arms: Sequence[str], steps: int, episodes: int, seed: int) -> dict[str, Any]:
    """What the arms that are done found: success in each world, and the paired difference against `none`."""
    kept = {
        (arm, world): json.loads(path.read_text(encoding="utf-8"))
        for arm in arms
        for world in WORLDS
        if (path := out / arm / f"{world}_{episodes}.json").exists()
    }
    found: dict[str, Any] = {}
    for arm in arms:
        if all((arm, world) in kept for world in WORLDS):
            found[arm] = {world: figures(kept[arm, world], kept.get(("none", world)), seed) for world in WORLDS}
    worlds = {world: next((data["randomness"] for (_, each), data in kept.items() if each == world), "") for world in WORLDS}
    return {
        "simulator": "embedded simulator", "transfer": "stretch_to_locobot", "steps": steps, "episodes": episodes, "seed": seed,
        "commit": commit(), "machine": machine(), "worlds": worlds, "on": {name: list(on) for name, on in ON.items()}, "arms": found,
    }  # fmt: skip


def figures(data: Mapping[str, Any], none: Mapping[str, Any] | None, seed: int) -> dict[str, Any]:
    """Success with its interval, and its paired difference against `none`; houses are resampled whole."""
    success = np.array(data["success"], dtype=float)
    own = {"success": wilson(int(success.sum()), len(success)).to_json()}
    if none is None:
        return own
    if none["number"] != data["number"] or none["houses"] != data["houses"]:
        raise SystemExit("measure_randomisation: two arms did not play the same episodes; remove their plain_*.json and disturbed_*.json")
    other, houses = np.array(none["success"], dtype=float), np.array(data["houses"], dtype=np.int64)
    return own | {"difference": paired_bootstrap(other, success, seed, groups=houses).to_json()}


def table(data: Mapping[str, Any]) -> str:
    """One row for each arm."""
    if not data.get("arms"):
        return "Not measured yet: `python scripts/measure_randomisation.py` does it."
    rows = [("on in training", "plain world, success, %", "against none", "disturbed world, success, %", "against none")]
    for arm, worlds in data["arms"].items():
        cells = [cell for world in WORLDS for cell in (_share(worlds[world]["success"]), _signed(arm, worlds[world]))]
        rows.append((arm, *cells))
    worlds = data["worlds"]
    return (
        f"{markdown(rows)}\n\n{data['steps']:,} steps each, {data['episodes']:,} held-out test episodes, the same for all; 95 % intervals, "
        f"differences paired, 1 seed ({data['seed']}), {data['machine']['cpu']}, embedded simulator. Plain world: "
        f"{_brief(worlds['plain'])} Disturbed world: {_brief(worlds['disturbed'])}"
    )


def _brief(sentence: str) -> str:
    return sentence.removeprefix("Evaluation: ")


def _share(interval: Mapping[str, float]) -> str:
    return "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * interval[key] for key in ("mean", "low", "high")))


def _signed(arm: str, found: Mapping[str, Any]) -> str:
    if arm == "none" or "difference" not in found:
        return "-"
    return "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * found["difference"][key] for key in ("mean", "low", "high")))


def filled(page: str, data: Mapping[str, Any]) -> str:
    """The page with the table in its place."""
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n{table(data)}\n{END}{rest.split(END, 1)[1]}"


def estimate(arms: int, steps: int, episodes: int) -> str:
    """What the whole of it takes, in words."""
    seconds = arms * (START_S + steps / STEPS_PER_SECOND + len(WORLDS) * episodes / EPISODES_PER_SECOND)
    return f"{arms} arms of {steps:,} steps and {len(WORLDS)} x {episodes} episodes: about {seconds / 60:.0f} min on two quiet cores."


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, judge, gather, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/randomisation"))
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--episodes", type=int, default=300)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS), help="arms that the table is about")
    parser.add_argument("--only", choices=ARMS, help="train and judge this one alone")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--page-only", action="store_true")
    given = parser.parse_args(arguments)
    if not given.page_only:
        import torch

        torch.set_num_threads(1)  # as the commands do: the workers use the cores
        todo = [given.only] if given.only else given.arms
        print(estimate(len(todo), given.steps, given.episodes), flush=True)
        for arm in todo:
            train(arm, given.out.resolve(), given.steps, given.workers, given.seed)
            for world in WORLDS:
                judge(arm, world, given.out, given.episodes, given.workers, given.seed)
        found = gathered(given.out, given.arms, given.steps, given.episodes, given.seed)
        given.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    data = json.loads(given.results.read_text(encoding="utf-8")) if given.results.exists() else {}
    given.page.write_text(filled(given.page.read_text(encoding="utf-8"), data), encoding="utf-8")


if __name__ == "__main__":
    main()
