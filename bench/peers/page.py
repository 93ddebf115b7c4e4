"""The tables of docs/peers.md from results/peers.json."""

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

from flare_core.evaluation.report import markdown

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "peers.md"
NAMES: Final = {
    "flare": "flare",
    "flare_own_gru": "flare, GRU of `gru.py`",
    "flare_bfloat16": "flare, `arithmetic: bfloat16`",
    "flare_own_gru_bfloat16": "flare, GRU of `gru.py`, `arithmetic: bfloat16`",
    "allenact": "AllenAct",
    "allenact_own_gru": "AllenAct, GRU of `gru.py`",
    "sample_factory": "Sample Factory",
    "moderngl": "moderngl, software OpenGL",
    "miniworld": "MiniWorld, software OpenGL",
}
PEERS: Final = ("allenact", "sample_factory")  # learners as they come
BARS: Final = "▁▂▃▄▅▆▇█"
SHOWN: Final = 15  # bars of a curve
Answer = Mapping[str, Any]
Found = Mapping[str, Any]


def steps_per_second(answer: Answer, clock: str = "processor_s") -> float:
    """Steps of the environment for each second of rollouts and updates."""
    taken: Sequence[float] = answer[clock]
    return float(answer["steps_an_update"] * len(taken) / sum(taken))


def ranged(values: Sequence[float], digits: int = 0) -> str:
    """Median, and the least and greatest where there is more than one."""
    if len(values) == 1:
        return f"{values[0]:,.{digits}f}"
    return f"{median(values):,.{digits}f} [{min(values):,.{digits}f}, {max(values):,.{digits}f}]"


def curve(rewards: Sequence[float]) -> str:
    """A learning curve as bars from reward 0 to 1, and the mean of its first and last three updates."""
    edges = [len(rewards) * at // min(SHOWN, len(rewards)) for at in range(min(SHOWN, len(rewards)) + 1)]
    means = [sum(rewards[low:high]) / (high - low) for low, high in pairwise(edges)]
    bars = "".join(BARS[min(int(mean * len(BARS)), len(BARS) - 1)] for mean in means)
    first, last = rewards[:3], rewards[-3:]
    return f"{bars} {sum(first) / len(first):.2f} → {sum(last) / len(last):.2f}"


def learners(found: Found, setting: str) -> str:
    """Steps a second of all learners in one setting, beside the fastest peer as it comes in the same rounds, each with its curve."""
    sides: dict[str, list[Answer]] = {}
    for answer in found["learners"]:
        if answer["setting"] == setting:
            sides.setdefault(answer["name"], []).append(answer)
    curves = {answer["name"]: answer["reward"] for answer in found["curves"] if answer["setting"] == setting}
    rates = {name: {answer["round"]: steps_per_second(answer) for answer in mine} for name, mine in sides.items()}
    best = max((name for name in rates if name in PEERS), key=lambda name: median(rates[name].values()), default="")
    beside = f"times {NAMES[best]}" if best else "times a peer"
    rows = [("learner", "steps/s of processor time", "steps/s of wall time", beside, "numbers in the network", "it learns")]
    for name, mine in sides.items():
        known = rates[best] if best not in ("", name) else {}
        ratios = [rate / known[at] for at, rate in rates[name].items() if at in known]
        versions = mine[0]["versions"]
        version = next((versions[key] for key in (name, name.replace("_", "-")) if key in versions), "")
        cells = (ranged([steps_per_second(answer, clock) for answer in mine]) for clock in ("processor_s", "wall_s"))
        times = ranged(ratios, 2) if ratios else ""
        shown = curve(curves[name]) if name in curves else "not measured"
        rows.append((f"{NAMES[name]} {version}".strip(), *cells, times, f"{mine[0]['parameters']:,}", shown))
    return markdown(rows)


def equal_work(found: Found) -> str:
    """What every learner did, as the task itself counted it."""
    rows = [("learner", "steps an update", "episodes", "their lengths: least, mean, greatest")]
    seen = dict.fromkeys((answer["name"], answer["setting"]) for answer in found["learners"])
    for name, setting in seen:
        mine = [answer for answer in found["learners"] if (answer["name"], answer["setting"]) == (name, setting)]
        every = [answer["episodes"] for answer in mine]
        count = sum(one["count"] for one in every)
        mean = sum(one["count"] * one["mean"] for one in every) / count
        lengths = f"{min(one['shortest'] for one in every)}, {mean:.1f}, {max(one['longest'] for one in every)}"
        rows.append((f"{NAMES[name]}, {setting}", f"{mine[0]['steps_an_update']:,}", f"{count:,}", lengths))
    return markdown(rows)


def renderers(found: Found) -> str:
    """Frames a second of the renderers at every size."""
    answers = found["renderers"]
    rows = [("renderer", "size", "frames/s of processor time", "flare is faster by", "scene", "drawn by")]
    for size in dict.fromkeys(answer["setting"] for answer in answers):
        here = [answer for answer in answers if answer["setting"] == size]
        ours = {answer["round"]: answer["frames_per_second"] for answer in here if answer["name"] == "flare"}
        for name in dict.fromkeys(answer["name"] for answer in here):
            mine = [answer for answer in here if answer["name"] == name]
            ratios = [ours[answer["round"]] / answer["frames_per_second"] for answer in mine if answer["round"] in ours]
            times = "" if name == "flare" or not ratios else ranged(ratios, 1)
            rates = ranged([answer["frames_per_second"] for answer in mine])
            rows.append((f"{NAMES[name]} {mine[0]['version']}".strip(), size, rates, times, mine[0]["scene"], mine[0]["device"]))
    return markdown(rows)


def facts(found: Found) -> str:
    """Machine and rounds."""
    machine = found["machine"]
    count = len({answer["round"] for answer in found["learners"]})
    where = f"{machine['cpu']}, one of {machine['cores']} cores for everything (`taskset`), one thread"
    what = f"Python {machine['python']}, torch {machine['torch']}, commit {found['commit'][:9]}"
    how = f"Median of {count} interleaved rounds; in brackets the least and the greatest" if count > 1 else "One round"
    if found.get("busy"):
        how = "**Tried on a busy machine, not yet figures of record.** " + how
    return f"{where}; {what}. {how}. The first update of every run is not timed."


def tables(found: Found) -> dict[str, str]:
    """What stands between `<!-- NAME -->` and `<!-- end of NAME -->`."""
    return {
        "facts": facts(found), "trained": learners(found, "trained"), "frozen": learners(found, "frozen"), "work": equal_work(found),
        "renderers": renderers(found),
    }  # fmt: skip


def filled(page: str, found: Found) -> str:
    """The page with its tables made anew."""
    for name, table in tables(found).items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        head, _, rest = page.partition(begin)
        _, mark, tail = rest.partition(end)
        if not mark:
            raise SystemExit(f"{PAGE.name}: no lines '{begin}' and '{end}' to write the table between")
        page = f"{head}{begin}\n{table}\n{end}{tail}"
    return page


def fill(found: Found) -> None:
    """Write the tables into the page."""
    whole = PAGE.with_suffix(".tmp")
    whole.write_text(filled(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    os.replace(whole, PAGE)
