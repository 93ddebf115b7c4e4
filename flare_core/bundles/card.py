"""The card of a bundle: a README for people, with the front matter that the Hugging Face Hub reads.

Everything in it comes from the other files of the bundle; nothing is typed by hand.
"""

import math
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from flare_core.adapters.pairing import describe
from flare_core.adapters.plan import HeadEntry, Plan
from flare_core.bundles.card_data import UNKNOWN, about_results, front_matter, summaries
from flare_core.embodiments.body import Arm, Camera, Embodiment
from flare_core.embodiments.needs import Need, described, needs_of
from flare_core.evaluation.report import comparison_table, markdown, table, turned

JOINTED: Final = ("turn_camera", "move_arm", "turn_wrist")  # kinds of effect that a joint's limit may forbid
HIDDEN: Final = ("command", "commit", "seed", "licence", "policy")  # of a lineage: told elsewhere on the card
TITLES: Final[Mapping[str, str]] = MappingProxyType({"feasible_share": "share of houses and targets that this robot can solve"})
_FRONT: Final = re.compile(r"\A\s*---[ \t]*\r?\n(?P<inner>(?:.*\n)*?)---[ \t]*\r?(?:\n|\Z)")
_LICENCE_LINE: Final = re.compile(
    r"""^(?P<key>(?P<quote>["']?)license(?P=quote)[ \t]*:)[^\n#]*?(?P<comment>[ \t]+\#[^\r\n]*)?(?=\r?$)"""
    r"""(?:\r?\n(?:[ \t]+\S|-[ \t])[^\r\n]*)*""",
    re.MULTILINE,
)
"""The front matter's licence with what belongs to it on the lines below, as in a list."""
FEW: Final = 5  # rows of a table that are better read as columns


def write_card(
    *,
    name: str,
    body: Embodiment,
    policy: Mapping[str, Any],
    task: Mapping[str, Any],
    lineage: Mapping[str, Any],
    plan: Plan | None,
    results: Mapping[str, Any] | None,
    recipe: Mapping[str, Any] | None = None,
    pictures: Sequence[str] = (),
    has_licence_text: bool = False,
    repo: str | None = None,
) -> str:
    """Markdown text of the card.

    Args:
        name: of the bundle.
        body: the robot that the policy drives.
        policy, task, lineage, plan, results, recipe: as in `Bundle`.
        pictures: bare names of those that lie in pictures/.
        has_licence_text: there is a file LICENSE.
        repo: repository of the Hub that the card is for, or None: then its commands are for the folder that it lies in.
    """
    title = str(task.get("name", "task"))
    front = front_matter(name=name, body=body, task=title, lineage=lineage, results=results)
    parts = [f"---\n{front}\n---", f"# {name}", _opening(body, policy, title, plan, lineage, results)]
    if "robot" in pictures:
        parts += [f"![{body.name} from its side and from above, with what its cameras take in](pictures/robot.png)"]
    parts += ["## Results", _results(results, lineage), "## Use", _use(body, task, repo)]
    parts += ["## The body", _body(body, pictures), "## Actions", _actions(body, plan)]
    if plan is not None:
        parts += ["## What was carried over", _carried(plan)]
    parts += ["## Limits", _limits(body, lineage.get("simulator"))]
    parts += ["## How it was made", _lineage(lineage, recipe), "## Licence", _licence(lineage, has_licence_text)]
    text = "\n\n".join(parts) + "\n"
    return f"{text}\n{_mark(text)}\n"


def is_untouched(text: str) -> bool:
    """Whether a card is as some version of flare wrote it, so that it may be written anew."""
    body, _, mark = text.rstrip("\n").rpartition("\n")
    return mark == _mark(body)


def with_licence(text: str, licence: str) -> str:
    """A card, of which the front matter states this licence and all else is as it was; front matter is put before one that has none."""
    front = _FRONT.match(text)
    if front is None:
        return f"---\nlicense: {licence}\n---\n\n{text}"
    start, end = front.span("inner")
    end_of_line = "\r\n" if text[:start].endswith("\r\n") else "\n"
    inner, count = _LICENCE_LINE.subn(lambda line: f"{line['key']} {licence}{line['comment'] or ''}", text[start:end], count=1)
    return text[:start] + ("" if count else f"license: {licence}{end_of_line}") + inner + text[end:]


def _mark(text: str) -> str:
    """The last line of a card, which the browser hides."""
    return f"<!-- Written by flare; once edited it stays as it is. {sha256(text.encode()).hexdigest()[:16]} -->"


def _opening(
    body: Embodiment, policy: Mapping[str, Any], task: str, plan: Plan | None, lineage: Mapping[str, Any], results: Mapping[str, Any] | None
) -> str:
    first = f"A `{policy['family']}` policy for the robot **{body.name}** and the task **{task}**, {_origin(plan, lineage)}."
    if results is None:
        return f"{first} It has not been measured yet, and never drove a real robot as far as this bundle knows."
    return f"{first} {_figures(str(about_results(lineage, results)['simulator']))}"


def _origin(plan: Plan | None, lineage: Mapping[str, Any]) -> str:
    parent = lineage.get("parent")
    if plan is not None:
        return f"carried over from {plan.source}"
    if "checkpoint" in lineage and isinstance(parent, Mapping):
        return f"taken over from {parent['reference']}"
    return "trained on this body from the start"


def _figures(simulator: str) -> str:
    if "embedded simulator" in simulator:
        through = "" if simulator == "embedded simulator" else " (through the ai2thor client and flare thor-engine)"
        return f"Its figures are from flare's embedded simulator{through}, not from AI2-THOR and not from a real robot."
    return f"Its figures are from {simulator}, not from a real robot."


def _results(results: Mapping[str, Any] | None, lineage: Mapping[str, Any]) -> str:
    if results is None:
        return "None yet: `flare evaluate` measures it."
    is_comparison = "before" in results and "after" in results
    rows = comparison_table(results) if is_comparison else table(summaries(results))
    about = about_results(lineage, results)
    where = f"{about['simulator']}, {about['split']} houses" if "split" in about else str(about["simulator"])
    what = "Before: the carried policy as it stood. After: fine-tuned. The same episodes both times. " if is_comparison else ""
    note = f"{what}Means over held-out episodes with 95 % intervals: Wilson for success, bootstrap for the rest, paired for differences."
    random = f" {about['randomness']}" if "randomness" in about else ""
    return f"{markdown(turned(rows) if len(rows) < FEW else rows)}\n\n{note} Simulator: {where}.{random}"


def _use(body: Embodiment, task: Mapping[str, Any], repo: str | None) -> str:
    said = _instruction(task)
    if repo is None:
        intro, folder, reference = "In this folder, with `photos/` for pictures that the robot took:", ".", "."
        fetch: list[str] = []
    else:
        folder, reference = repo.rpartition("/")[2], f"hub://{repo}"
        intro, fetch = "With `photos/` for pictures that the robot took:", [f"flare pull {repo} --out {folder}"]
    commands = [
        *fetch, f"flare evaluate {folder}", f'flare act {folder} --images photos --instruction "{said}" --at-home', f"flare serve {folder}",
    ]  # fmt: skip
    needs = needs_of(body)
    home = ", ".join(f'"{need.name}": {False if need.home is None else need.home}' for need in needs.values())
    python = [
        "import flare_core", "", f'policy = flare_core.load("{reference}")', f'policy.reset("{said}")',
        "# what the robot measures, at every step; here it stands with its joints at home", f"state = {{{home}}}",
        "action = policy.act(images, state)",
    ]  # fmt: skip
    cameras = "; ".join(f"`{camera.name}`, {camera.height_px} x {camera.width_px} x 3" for camera in body.cameras) or "none"
    explained = (
        f"`images`: 8-bit RGB pictures by camera, rows x columns x 3 ({cameras}). `action`: a name and an effect with its unit, as in the "
        f"table below. `state`: what the robot knows of itself that masks and inputs need.\n\n{_state(needs)}{_asked(task)}"
    )
    more = (
        f"flare train --policy {folder if repo is None else reference} --embodiment mybot.yaml --task {task.get('name', 'task')} "
        "--out runs/mybot"
    )
    again = f"To carry it on to a robot of yours, `mybot.yaml`:\n\n```bash\n{more}\n```"
    bash, code = "\n".join(commands), "\n".join(python)
    return f"{intro}\n\n```bash\n{bash}\n```\n\nFrom Python:\n\n```python\n{code}\n```\n\n{explained}\n\n{again}"


def _state(needs: Mapping[str, Need]) -> str:
    if not needs:
        return "This robot's state has no fields: `{}`.\n\n"
    rows = [(f"`{need.name}`", described(need)) for need in needs.values()]
    return f"{markdown([('field of the state', 'meaning'), *rows])}\n\n"


def _instruction(task: Mapping[str, Any]) -> str:
    """An instruction that the policy has been trained on, as far as the spec tells it."""
    templates, targets = task.get("templates"), task.get("targets")
    names = list(targets.values()) if isinstance(targets, Mapping) else []
    template = next((text for text in templates or () if str(text).startswith("find")), (templates or ["find {a} {target}"])[0])
    target = "mug" if "mug" in names else str(names[0]) if names else "mug"
    text = _filled(template, target)
    return text if "{" not in text else _filled("find {a} {target}", target)


def _filled(template: object, target: str) -> str:
    """A template about one target, in words."""
    article = "an" if target[:1] in "aeiou" else "a"
    return str(template).replace("{a}", article).replace("{target}", target)


def _asked(task: Mapping[str, Any]) -> str:
    templates, targets = task.get("templates"), task.get("targets")
    lines = []
    if templates:
        lines.append("Instructions that it was trained on: " + ", ".join(f"`{_filled(text, '[target]')}`" for text in templates) + ".")
    if isinstance(targets, Mapping) and targets:
        lines.append(f"Targets: {', '.join(str(name) for name in targets.values())}.")
    if task.get("success"):
        lines.append(f"Success, when it ends an episode: `{task['success']}`. At most {task.get('horizon', 'a few hundred')} steps.")
    return " ".join(lines)


def _body(body: Embodiment, pictures: Sequence[str]) -> str:
    foot = body.footprint
    if foot.radius_m is not None:
        shape = f"radius {foot.radius_m:.3f} m"
    else:
        shape = f"{2 * foot.half_width_m:.3f} m wide, {2 * foot.half_length_m:.3f} m long"
    arm = "an arm" if body.arm is not None else "no arm"
    senses = f"; senses: {', '.join(body.senses)}" if body.senses else ""
    said = f"Base: {shape}, {foot.height_m:.2f} m high; {arm}; gripper: {body.gripper}{senses}."
    rows = [
        ("camera", "view", "height", "ahead of the axis", "pitch down", "field of view", "image", "fx, fy, cx, cy", "turns"),
        *map(_camera, body.cameras),
    ]
    joints = f"Arm: {_arm(body.arm)}." if body.arm is not None else ""
    seen = [camera.name for camera in body.cameras if camera.name in pictures]
    shown = "\n\n".join(f"What `{name}` sees in a house of the embedded simulator:\n\n![{name}](pictures/{name}.png)" for name in seen)
    return "\n\n".join(part for part in (said, joints, markdown(rows), shown) if part)


def _arm(arm: Arm) -> str:
    """Its joints' limits and where they start."""
    low, high, home = (math.degrees(angle) for angle in (arm.wrist.low, arm.wrist.high, arm.home_wrist))
    return (
        f"lift {arm.lift.low:.2f} to {arm.lift.high:.2f} m, from {arm.home_lift:.2f} m; extension {arm.extend.low:.2f} to "
        f"{arm.extend.high:.2f} m, from {arm.home_extend:.2f} m; wrist {-low:.0f}° left to {high:.0f}° right, from {home:.0f}°"
    )


def _camera(camera: Camera) -> tuple[str, ...]:
    pan, tilt = camera.pan, camera.tilt
    turns = [] if pan is None else [f"pan {math.degrees(-pan.low):.0f}° left to {math.degrees(pan.high):.0f}° right"]
    turns += [] if tilt is None else [f"tilt {math.degrees(-tilt.low):.0f}° up to {math.degrees(tilt.high):.0f}° down"]
    fov = f"{math.degrees(camera.horizontal_fov):.0f}° x {math.degrees(camera.vertical_fov):.0f}°"
    lens = ", ".join(f"{number:.1f}" for number in (camera.fx, camera.fy, camera.cx, camera.cy))
    return (
        camera.name, camera.role or "-", f"{camera.up_m:.2f} m", f"{camera.forward_m:.2f} m", f"{math.degrees(camera.pitch):.0f}°", fov,
        f"{camera.width_px} x {camera.height_px} px", lens, ", ".join(turns) or "fixed",
    )  # fmt: skip


def _actions(body: Embodiment, plan: Plan | None) -> str:
    rows = [("row", "action", "effect", "allowed", *(() if plan is None else ("comes from",)))]
    for at, action in enumerate(body.actions):
        needs = [*action.needs, *(["the joint has the way left"] if action.effect.kind in JOINTED else [])]
        allowed = f"never: {action.masked}" if action.masked else "when " + " and ".join(needs) if needs else "always"
        row = (str(at), f"`{action.name}`", f"`{describe(action.effect)}`", allowed)
        rows.append(row if plan is None else (*row, came_from(plan.head.entries[at]) if at < len(plan.head.entries) else "-"))
    note = "In the order of the policy's head. `_m` is metres, `_deg` degrees."
    return f"{note}\n\n" + markdown([tuple(cell.replace("|", "\\|") for cell in row) for row in rows])


def came_from(entry: HeadEntry) -> str:
    """What an action's row in the head was made of, in words."""
    source = f"`{entry.source}`"
    start = f", at probability {entry.probability:g}" if entry.probability is not None else ""
    if entry.how == "masked":
        return "nothing: never used"
    if entry.how == "keep":
        return source
    if entry.how == "rescale":
        return f"{source}, whose effect is of another size: now {entry.ratio:.3g} times"
    if entry.how == "reuse":
        return f"{source}, with a new meaning"
    begun = {"mean": "the mean of all rows", "zero": "zeros"}.get(entry.how, f"a copy of {source}")
    return f"new: begun with {begun}{start}"


def _limits(body: Embodiment, simulator: object) -> str:
    """What a robot builder has to know before the robot moves."""
    boxes = "embedded simulator" in str(simulator)
    seen = "houses of one simulator, furnished with boxes in plain light" if boxes else f"houses of {simulator or 'a simulator'}"
    lines = [
        "It chooses one action at a time, and expects new pictures after that action has come to rest.",
        "Where a move would touch something, the simulator cancels it. On a robot, stopping is the base's own task: this policy avoids "
        "contact only as far as has been measured.",
        f"It was trained in {seen}. How much of its skill a real house leaves is not known until somebody measures it there.",
        "A camera at another height or with another lens is another robot: describe it in a YAML file and carry the policy over.",
    ]
    moving = [camera.name for camera in body.cameras if camera.pan is not None or camera.tilt is not None]
    if moving:
        lines.append(f"Every episode begins with `{'`, `'.join(moving)}` straight ahead, at the pitch in the table.")
    return "\n".join(f"- {line}" for line in lines)


def _carried(plan: Plan) -> str:
    dropped = ", ".join(f"`{name}`" for name in plan.head.dropped) or "none"
    views = [("view", "size", "camera", "fit", "source camera", "why"), *plan.views.rows()]
    inputs = plan.inputs.rows()
    told = f"\n\n{markdown([('body input', 'from', 'scale'), *inputs])}" if inputs else ""
    where = "`plan.json` accounts for every tensor."
    return f"From {plan.source} to {plan.target}. Source actions left behind: {dropped}. {where}\n\n{markdown(views)}{told}"


def _lineage(lineage: Mapping[str, Any], recipe: Mapping[str, Any] | None) -> str:
    """The last command with its facts, and the commands that came before it, each with the commit whose files it means."""
    lines = [f"- commit: {lineage['commit']}", f"- seed: {lineage['seed']}"]
    rest = {name: value for name, value in lineage.items() if name not in HIDDEN}
    facts = {
        TITLES.get(name, name.replace("_", " ")): value for name, value in sorted(rest.items()) if isinstance(value, str | int | float)
    }
    lines += [f"- {name}: {_short(value)}" for name, value in facts.items()]
    if isinstance(rest.get("machine"), Mapping):
        lines.append("- machine: " + ", ".join(f"{name} {value}" for name, value in sorted(rest["machine"].items())))
    if recipe is not None:
        lines.append(f"- recipe: {recipe.get('name', 'recipe')}, whole in `recipe.yaml`")
    parent = lineage.get("parent")
    if isinstance(parent, Mapping):
        pinned = f", revision {parent['revision']}" if parent.get("revision") else ""
        lines.append(f"- parent: {parent['reference']}{pinned}, weights {str(parent.get('weights') or 'not known')[:12]}")
    made = f"```bash\n{lineage['command']}\n```\n\n" + "\n".join(lines)
    before = []
    for source in lineage.get("ancestors", ()):
        command, commit, seed = (source.get(name, "not known") for name in ("command", "commit", "seed"))
        before.append(f"- `{command}` (commit {commit}, seed {seed})")
    return made + ("\n\nIt began with what these had made, the latest first:\n\n" + "\n".join(before) if before else "")


def _short(value: str | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _licence(lineage: Mapping[str, Any], has_text: bool) -> str:
    licence = lineage.get("licence")
    if licence is None:
        return (
            f"{UNKNOWN.capitalize()}: nobody has said on what terms these weights may be used or passed on. Ask whoever made their parent."
        )
    return f"{licence}, which the weights have from where they began.{' The text is in `LICENSE`.' if has_text else ''}"
