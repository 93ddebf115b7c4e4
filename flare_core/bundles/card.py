"""The card of a bundle: a README for people, with the front matter that the Hugging Face Hub reads.

Everything in it comes from the other files of the bundle; nothing is typed by hand.
"""

import math
from collections.abc import Mapping
from typing import Any

import yaml

from flare_core.adapters.pairing import describe
from flare_core.adapters.plan import Plan
from flare_core.embodiments.body import Embodiment
from flare_core.evaluation.report import comparison_table, markdown, table


def write_card(
    *,
    name: str,
    body: Embodiment,
    policy: Mapping[str, Any],
    task: Mapping[str, Any],
    lineage: Mapping[str, Any],
    plan: Plan | None,
    results: Mapping[str, Any] | None,
) -> str:
    """Markdown text of the card.

    Args:
        name: of the bundle.
        body: the robot that the policy drives.
        policy, task, lineage, plan, results: as in `Bundle`.
    """
    parts = [
        _front_matter(name, body, task),
        f"# {name}",
        _opening(body, policy, task, plan, str(lineage.get("simulator", "embedded simulator"))),
    ]
    parts += ["## Results", _results(results), "## Use", _use(), "## The body", _body(body)]
    parts += ["Actions, in the order of the policy's head:", _actions(body)]
    if plan is not None:
        parts += ["## What was carried over", _carried(plan)]
    parts += ["## How it was made", _lineage(lineage)]
    return "\n\n".join(parts) + "\n"


def _front_matter(name: str, body: Embodiment, task: Mapping[str, Any]) -> str:
    data = {
        "license": "apache-2.0",
        "library_name": "flare-core",
        "pipeline_tag": "robotics",
        "tags": ["flare", "embodiment-transfer", "reinforcement-learning", body.name, str(task.get("name", "task"))],
        "model_name": name,
    }
    return f"---\n{yaml.safe_dump(data, sort_keys=False).strip()}\n---"


def _opening(body: Embodiment, policy: Mapping[str, Any], task: Mapping[str, Any], plan: Plan | None, simulator: str) -> str:
    origin = f"carried over from {plan.source}" if plan is not None else "trained on this body from the start"
    return (
        f"A `{policy['family']}` policy for the robot **{body.name}** and the task **{task.get('name', 'task')}**, {origin}. "
        f"{_figures(simulator)}"
    )


def _figures(simulator: str) -> str:
    if "embedded simulator" in simulator:
        through = "" if simulator == "embedded simulator" else " (through the ai2thor client and flare thor-engine)"
        return f"Its figures are from flare's embedded simulator{through}, not from AI2-THOR and not from a real robot."
    return f"Its figures are from {simulator}, not from a real robot."


def _results(results: Mapping[str, Any] | None) -> str:
    if results is None:
        return "None yet: `flare evaluate` measures it."
    if "before" in results and "after" in results:
        rows = comparison_table(results)
    else:
        rows = table({label: summary for label, summary in results.items() if isinstance(summary, Mapping) and "episodes" in summary})
    note = "Means over held-out episodes with 95 % intervals: Wilson for success, bootstrap for the rest, paired for differences."
    return f"{markdown(rows)}\n\n{note}"


def _use() -> str:
    commands = "flare evaluate .\nflare train --policy . --embodiment mybot.yaml --task objectnav_short --out runs/mybot"
    return f"In this folder, with `mybot.yaml` for a robot of yours:\n\n```bash\n{commands}\n```"


def _body(body: Embodiment) -> str:
    foot = body.footprint
    if foot.radius_m is not None:
        shape = f"radius {foot.radius_m:.3f} m"
    else:
        shape = f"{2 * foot.half_width_m:.3f} m wide, {2 * foot.half_length_m:.3f} m long"
    rows = [("camera", "view", "height", "pitch down", "field of view", "turns")]
    for camera in body.cameras:
        turns = [name for name, joint in (("pan", camera.pan), ("tilt", camera.tilt)) if joint is not None]
        fov = f"{math.degrees(camera.horizontal_fov):.0f}° x {math.degrees(camera.vertical_fov):.0f}°"
        pitch = f"{math.degrees(camera.pitch):.0f}°"
        rows.append((camera.name, camera.role or "-", f"{camera.up_m:.2f} m", pitch, fov, ", ".join(turns) or "fixed"))
    arm = "an arm" if body.arm is not None else "no arm"
    senses = f"; senses: {', '.join(body.senses)}" if body.senses else ""
    return f"Base: {shape}, {foot.height_m:.2f} m high; {arm}; gripper: {body.gripper}{senses}.\n\n{markdown(rows)}"


def _actions(body: Embodiment) -> str:
    rows = [("row", "action", "effect", "allowed")]
    for at, action in enumerate(body.actions):
        allowed = f"never: {action.masked}" if action.masked else "when " + " and ".join(action.needs) if action.needs else "always"
        rows.append((str(at), f"`{action.name}`", f"`{describe(action.effect)}`", allowed))
    return markdown([tuple(cell.replace("|", "\\|") for cell in row) for row in rows])


def _carried(plan: Plan) -> str:
    head = [("action", "effect", "how", "from", "size ratio", "start probability", "why"), *plan.head.rows()]
    views = [("view", "size", "camera", "fit", "source camera", "why"), *plan.views.rows()]
    dropped = ", ".join(f"`{name}`" for name in plan.head.dropped) or "none"
    return f"{markdown(head)}\n\nSource actions left behind: {dropped}.\n\n{markdown(views)}"


def _lineage(lineage: Mapping[str, Any]) -> str:
    """The last command with its facts, and the commands that came before it, each with the commit whose files it means."""
    lines = [f"- commit: {lineage['commit']}", f"- seed: {lineage['seed']}"]
    rest = {name: value for name, value in lineage.items() if name not in ("command", "commit", "seed")}
    lines += [f"- {name}: {value}" for name, value in sorted(rest.items()) if not isinstance(value, dict | list)]
    made = f"```bash\n{lineage['command']}\n```\n\n" + "\n".join(lines)
    before, source = list[str](), lineage.get("source_lineage")
    while isinstance(source, Mapping):
        command, commit, seed = (source.get(name, "not known") for name in ("command", "commit", "seed"))
        before.append(f"- `{command}` (commit {commit}, seed {seed})")
        source = source.get("source_lineage")
    return made + ("\n\nIt began with what these had made, the latest first:\n\n" + "\n".join(before) if before else "")
