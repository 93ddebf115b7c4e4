"""All warnings about a robot's description, and about its steps beside those of the policy that it gets."""

import math
import re
from collections.abc import Iterator
from typing import Final

from flare_core.adapters.plan import HeadPlan
from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.spec import EmbodimentSpec
from flare_core.reading import Loaded
from flare_core.runs.warnings import actions, bases, cameras, limbs
from flare_core.runs.warnings.subject import Check, Doubt, Subject
from flare_core.yaml_tree import read_text

CHECKS: Final[tuple[Check, ...]] = (
    bases.too_wide_for_doors, bases.too_high_for_doors, bases.too_small, bases.turns_about_a_point_outside,
    cameras.no_sight_of_furniture, cameras.no_sight_of_floor, cameras.steep, cameras.looks_aside, cameras.angle_in_radians, cameras.too_low,
    cameras.above_the_robot, cameras.outside_the_base, cameras.other_field_of_view, cameras.swapped_size, cameras.principal_point,
    cameras.unequal_focal_lengths, cameras.joint_limits,
    limbs.gripper_without_arm, limbs.wrist_in_radians, limbs.arm_beside_its_camera, limbs.unusual_jitter, limbs.unusual_noise,
    actions.no_done, actions.no_way_on, actions.one_way_round, actions.no_full_circle, actions.unusual_size, actions.beyond_the_joint,
    actions.name_and_effect, actions.same_effect_twice,
)  # fmt: skip
_QUESTION: Final = re.compile(r"\s*# QUESTION: ")
STEP_FACTOR: Final = 1.5
"""Steps of a target may be so many times as large as those of its policy, or as small, without a warning."""


def body_warnings(body: Embodiment, loaded: Loaded[EmbodimentSpec]) -> list[str]:
    """Lines `warning: file:line: key: what is odd, and what to do` for one robot."""
    subject = Subject(body=body, spec=loaded.spec, resolved=loaded.resolved)
    return [*questions_left(loaded), *(_line(loaded, doubt) for check in CHECKS for doubt in check(subject))]


def questions_left(loaded: Loaded[EmbodimentSpec]) -> list[str]:
    """A warning for each file of a robot in which questions of `flare new robot` stand that nobody has answered."""
    files = dict.fromkeys((place.path, place.label) for place in loaded.places.values() if place.path is not None and place.line)
    told = []
    for path, label in files:
        at = [number for number, line in enumerate(read_text(path, label).splitlines(), 1) if _QUESTION.match(line)]
        if at:
            count = "1 question is" if len(at) == 1 else f"{len(at)} questions are"
            mend = "Answer each: correct the value below it, and delete the comment"
            told.append(f"warning: {label}:{at[0]}: {count} not answered{', the first here' if len(at) > 1 else ''}. {mend}")
    return told


def step_warnings(head: HeadPlan, body: Embodiment, loaded: Loaded[EmbodimentSpec]) -> list[str]:
    """The same for actions of a target whose size is far from that of the policy's own."""
    subject = Subject(body=body, spec=loaded.spec, resolved=loaded.resolved)
    return [_line(loaded, doubt) for doubt in _far_steps(head, subject)]


def _far_steps(head: HeadPlan, subject: Subject) -> Iterator[Doubt]:
    for at, entry in enumerate(head.entries):
        if entry.how == "masked" or entry.ratio is None or abs(math.log(entry.ratio)) <= math.log(STEP_FACTOR) + 1e-6:
            continue
        what = f"{entry.action}, {entry.effect}, is {entry.ratio:.2g} times the step of the policy's '{entry.source}'"
        mend = f"Take a size within {STEP_FACTOR:g} times, if the robot can; else it has to learn anew how far a step takes it"
        yield subject.place_of(at), f"{what}. {mend}"


def _line(loaded: Loaded[EmbodimentSpec], doubt: Doubt) -> str:
    loc, text = doubt
    return f"warning: {loaded.line_of(loc)}: {'.'.join(map(str, loc))}: {text}"
