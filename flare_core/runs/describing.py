"""A task as a researcher looks at it before training: in words, in episodes, in pictures, and in what an expert and chance make of it."""

from dataclasses import dataclass
from pathlib import Path

from flare_core.embodiments.body import Embodiment
from flare_core.evaluation.pictures import image_grid, top_down_grid
from flare_core.evaluation.report import Summary, summarise
from flare_core.runs.judge import expert_actor, judge_expert, judge_random
from flare_core.runs.stages import HELD_OUT_HOUSES, Scene, held_out_stages, houses_of
from flare_core.runs.trails import panels, trails_of
from flare_core.tasks.predicates import in_words
from flare_core.tasks.rewards import Reward
from flare_core.tasks.task import Task
from flare_core.tasks.words import Vocabulary

SAMPLES = 10  # episodes that are shown, the first ones
WIDTH = 320  # of a picture, pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What there is to see of a task.

    Attributes:
        lines: the spec in words.
        episodes: rows of a table, the heading first.
        scores: summaries by who played.
        pictures: what was written.
    """

    lines: tuple[str, ...]
    episodes: tuple[tuple[str, ...], ...]
    scores: dict[str, Summary]
    pictures: tuple[Path, ...]


def describe(task: Task, body: Embodiment, *, episodes: int, workers: int, seed: int, out: Path | None) -> Description:
    """Describe a task for a body.

    Args:
        episodes: held-out test episodes that the expert and a random policy play.
        out: folder for the pictures; none are drawn without.

    Raises:
        TaskError: the body cannot do the task.
    """
    camera = body.camera_for("navigation")
    renders = {} if camera is None else {camera.name: (WIDTH, round(WIDTH * camera.height_px / camera.width_px))}
    scene = Scene(pack=houses_of("test", HELD_OUT_HOUSES), body=body, task=task, renders=renders, vocabulary=Vocabulary.load())
    (stage,) = held_out_stages(scene, [range(SAMPLES)], SAMPLES)
    rows = [("episode", "house", "instruction", "shortest way, m")]
    rows += [(str(one.number), str(one.start.house), one.instruction, f"{one.shortest_m:.1f}") for one in stage.episodes]
    scores = {
        "expert": summarise(judge_expert(scene, episodes, workers), seed),
        "random": summarise(judge_random(scene, episodes, workers, seed), seed),
    }
    written: list[Path] = []
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        written.append(out / "episodes.png")
        top_down_grid(panels(scene, trails_of(scene, expert_actor, "expert", SAMPLES)), written[-1])
        if camera is not None:
            written.append(out / "starts.png")
            images = stage.observe()[f"camera/{camera.name}"]
            image_grid(list(images), [f"{one.number}: {one.instruction}" for one in stage.episodes], written[-1])
    return Description(lines=tuple(sentences(task)), episodes=tuple(rows), scores=scores, pictures=tuple(written))


def sentences(task: Task) -> list[str]:
    """The spec in words."""
    near, far = "where the navigation camera shows a target from near by", "some way from where it can succeed"
    mixed = f"{100 * task.in_sight:.0f} % {near}, the others {far}"
    start = {0.0: far, 1.0: near}.get(task.in_sight, mixed)
    limits = [
        f"{one.name.replace('_', ' ')}{'' if one.when is None else f' ({in_words(one.when)})'} at most {one.at_most:g}, by "
        + ("a multiplier that the learner finds" if one.by == "lagrange" else f"{one.weight:g} off for each beyond")
        for one in task.constraints
    ]
    metrics = [f"{name.replace('_', ' ')} ({in_words(when)})" for name, when in task.metrics.items()]
    return [
        f"About: {_about(task)}.",
        f"An episode begins {start}, and ends when the robot says '{task.ends_with}', or after {task.horizon:,} steps without success.",
        f"It is a success if then {in_words(task.success)}.",
        f"Reward: {_paid(task.reward)}.",
        *([f"Limits: {'; '.join(limits)}."] if limits else []),
        *([f"Metrics of its own: {'; '.join(metrics)}."] if metrics else []),
        f"{len(task.instructions()):,} instructions, such as '{task.instructions()[0]}'.",
    ]


def _about(task: Task) -> str:
    subjects = task.subjects
    if subjects.purposes:
        return f"all objects that serve one of {len(subjects.purposes)} purposes ({', '.join(subjects.purposes)})"
    if subjects.rooms:
        return f"rooms of one of {len(subjects.rooms)} kinds ({', '.join(subjects.rooms.values())})"
    if subjects.points is not None:
        return f"points of the floor, {subjects.points[0]:g} to {subjects.points[1]:g} m from the start, in whole metres ahead and aside"
    if not subjects.targets:
        return "the house as a whole"
    said = f"{len(subjects.targets)} types of objects ({', '.join(subjects.targets.values())})"
    if subjects.selections:
        said = f"one object, chosen by how it compares with others ({', '.join(one.by for one in subjects.selections)}), of {said}"
    else:
        said = f"all objects of one of {said}" if subjects.in_turn == 1 else f"{subjects.in_turn} in turn of {said}"
    return f"{said}, in rooms of a kind that is named" if subjects.in_rooms else said


def _paid(reward: Reward) -> str:
    parts = [f"{reward.success:g} for success"]
    named = {
        "failure": "for a wrong end",
        "step": "at every step",
        "collision": "for a contact",
        "nearer_per_m": "for a metre nearer to the target",
        "new_room": "for a new room",
        "new_square": "for a new square of the floor",
        "right_mark": "for a right mark",
        "wrong_mark": "for a wrong mark",
    }
    parts += [f"{getattr(reward, name):g} {words}" for name, words in named.items() if getattr(reward, name)]
    parts += [f"{term.value:g} {'once' if term.once else 'at every step'} when {in_words(term.when)}" for term in reward.terms]
    return "; ".join(parts)
