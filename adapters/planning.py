"""Plan the way from one body to another.

A plan refuses and never guesses. Everything that needs a choice and has none is reported at once, each with the YAML
line that would settle it.
"""

from typing import Literal

import yaml

from flare_core.adapters import pairing
from flare_core.adapters.head_rows import pair_head
from flare_core.adapters.plan import HeadPlan, InputEntry, InputPlan, Plan, ViewPlan
from flare_core.adapters.refusals import Where, nowhere, refuse
from flare_core.adapters.spec import HeadChoices, PlanChoices, RowChoice, ViewChoice
from flare_core.adapters.view_feeds import ViewChoices, Views, feed_views
from flare_core.embodiments.body import Embodiment


def plan_transfer(
    source: Embodiment, target: Embodiment, views: Views, choices: PlanChoices, where: Where = nowhere, eyes: Embodiment | None = None
) -> Plan:
    """Plan head, views and body inputs.

    Args:
        source: the body that the policy was trained on.
        target: the body that it goes to.
        views: every image that the policy expects.
        choices: what the transfer says.
        where: gives `file:line` of a key path in the transfer.
        eyes: the body whose cameras the images are made after, when the policy was carried to the source from there.

    Raises:
        AdapterError: whatever is unpaired or unfed without a choice, and every choice that cannot be followed, all at once.
    """
    head, faults = pair_head(source, target, choices, where)
    fed, more = feed_views(eyes or source, target, views, choices.views, where)
    refuse(faults + more)
    return Plan(source=source.name, target=target.name, head=head, views=fed, inputs=plan_body_inputs(source, target))


def plan_head(source: Embodiment, target: Embodiment, choices: HeadChoices, where: Where = nowhere) -> HeadPlan:
    """The head plan alone; see `plan_transfer`."""
    plan, faults = pair_head(source, target, choices, where)
    refuse(faults)
    return plan


def plan_views(source: Embodiment, target: Embodiment, views: Views, choices: ViewChoices, where: Where = nowhere) -> ViewPlan:
    """The view plan alone; see `plan_transfer`."""
    plan, faults = feed_views(source, target, views, choices, where)
    refuse(faults)
    return plan


def plan_body_inputs(source: Embodiment, target: Embodiment) -> InputPlan:
    """Pair the entries of the `body` observation by meaning: the same joint, `holding`, or the same sense."""
    entries: list[InputEntry] = []
    for name in target.body_inputs:
        column = next((at for at, old in enumerate(source.body_inputs) if pairing.inputs_match(source, old, target, name)), None)
        scale, offset = (1.0, 0.0) if column is None else _rescale_input(source, source.body_inputs[column], target, name)
        entries.append(InputEntry(name=name, source_column=column, scale=scale, offset=offset))
    used = {entry.source_column for entry in entries}
    dropped = tuple((at, _home(source, name)) for at, name in enumerate(source.body_inputs) if at not in used)
    return InputPlan(source_inputs=source.body_inputs, entries=tuple(entries), dropped=dropped)


def missing_choices(
    source: Embodiment, target: Embodiment, views: Views, choices: PlanChoices, eyes: Embodiment | None = None
) -> dict[str, dict[str, str]]:
    """YAML values that settle every refusal that has a remedy, by section and key; empty when nothing is missing.

    One choice may give away a row that another action counted on, so this goes on until nothing new is missing.
    """
    lines: dict[str, dict[str, str]] = {}
    for _ in range(len(target.actions) + 1):
        faults = pair_head(source, target, choices, nowhere)[1] + feed_views(eyes or source, target, views, choices.views, nowhere)[1]
        new = [fault for fault in faults if fault.value]
        if not new:
            break
        for fault in new:
            lines.setdefault(fault.section, {})[fault.key] = fault.value
        head = {fault.key: RowChoice.model_validate(yaml.safe_load(fault.value)) for fault in new if fault.section == "head"}
        fed = {fault.key: _view_choice(fault.value) for fault in new if fault.section == "views"}
        choices = PlanChoices(new_actions=choices.new_actions, head={**choices.head, **head}, views={**choices.views, **fed})
    return lines


def _view_choice(value: str) -> ViewChoice | Literal["absent"]:
    return "absent" if value == "absent" else ViewChoice.model_validate(yaml.safe_load(value))


def _rescale_input(source: Embodiment, old: str, target: Embodiment, new: str) -> tuple[float, float]:
    """Scale and offset that turn a joint position scaled by the target's limits into one scaled by the source's."""
    a, b = pairing.joint_of(source, old), pairing.joint_of(target, new)
    if a is None or b is None or a[0] == b[0] or a[0].high == a[0].low:
        return 1.0, 0.0
    half_a, half_b = (a[0].high - a[0].low) / 2, (b[0].high - b[0].low) / 2
    return half_b / half_a, ((b[0].high + b[0].low) - (a[0].high + a[0].low)) / 2 / half_a


def _home(body: Embodiment, name: str) -> float:
    """Value of a body input with its joint at home: scaled to [-1, 1] by the limits; 0 for an empty gripper."""
    joint = pairing.joint_of(body, name)
    if joint is None or joint[0].high == joint[0].low:
        return 0.0
    limits, home = joint
    return (2 * home - limits.low - limits.high) / (limits.high - limits.low)
