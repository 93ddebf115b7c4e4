"""Any body that the grammar allows loads, means what was written, and survives being saved."""

import math
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flare_core.embodiments.body import Embodiment
from flare_core.embodiments.directions import AXES
from flare_core.embodiments.spec import load_embodiment
from flare_core.reading import dump

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False).map(lambda value: round(value, 6))


@st.composite
def cameras(draw: st.DrawFn) -> dict[str, Any]:
    mount = {"up_m": draw(numbers(0.05, 2.0))}
    for one, other, top in (("forward_m", "back_m", 0.3), ("left_m", "right_m", 0.3), ("pitch_down_deg", "pitch_up_deg", 60)):
        mount[draw(st.sampled_from([one, other]))] = draw(numbers(0, top))
    size = {"width_px": draw(st.integers(240, 2000)), "height_px": draw(st.integers(240, 2000))}
    lens: dict[str, Any] = draw(
        st.one_of(
            st.sampled_from(["spoc", "realsense_d435", "oak_d_pro"]).map(lambda name: {"preset": name}),
            numbers(20, 120).map(lambda fov: {"vertical_fov_deg": fov, **size}),
            numbers(20, 120).map(lambda fov: {"horizontal_fov_deg": fov, **size}),
            numbers(50, 900).map(lambda f: {"intrinsics": {"fx": f, "fy": f, "cx": 7.5, "cy": 8, **size}}),
        )
    )
    joints: dict[str, Any] = {}
    if draw(st.booleans()):
        joints["pan"] = {"left_deg": draw(numbers(0, 180)), "right_deg": draw(numbers(0, 180))}
    if draw(st.booleans()):
        joints["tilt"] = {"up_deg": draw(numbers(0, 80)), "down_deg": draw(numbers(0, 80))}
    return {"mount": mount, **lens, **joints}


@st.composite
def effects(draw: st.DrawFn, cams: dict[str, dict[str, Any]], has_arm: bool) -> dict[str, Any]:
    kinds = ["move_base", "turn_base", *(["move_arm", "turn_wrist", "move_hand"] if has_arm else [])]
    kinds += ["turn_camera"] if any("pan" in cam or "tilt" in cam for cam in cams.values()) else []
    kind = draw(st.sampled_from(kinds))
    names = list(AXES[kind])  # type: ignore[index]  # one of the literals above
    said: dict[str, Any] = {}
    if kind == "turn_camera":
        said["camera"] = draw(st.sampled_from([name for name, cam in cams.items() if "pan" in cam or "tilt" in cam]))
        joints = cams[said["camera"]]
        names = [name for name in names if ("pan" if name in ("left_deg", "right_deg") else "tilt") in joints]
    name = draw(st.sampled_from(names))
    said[name] = draw(numbers(0.01, 2.0) if name.endswith("_m") else numbers(0.5, 180))
    return {kind: said}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    cams = draw(st.dictionaries(NAMES, cameras(), min_size=1, max_size=3))
    has_arm = draw(st.booleans())
    outline = {"radius_m": draw(numbers(0.05, 0.6))} if draw(st.booleans()) else {"width_m": 0.4, "length_m": draw(numbers(0.1, 1.0))}
    names = draw(st.lists(NAMES, min_size=1, max_size=8, unique=True))
    rows: list[dict[str, Any]] = [{name: draw(effects(cams, has_arm))} for name in names if name != "done"]
    document: dict[str, Any] = {
        "kind": "embodiment",
        "name": draw(NAMES),
        "base": {**outline, "height_m": draw(numbers(0.1, 2.0)), "on_contact": draw(st.sampled_from(["cancel", "stop"]))},
        "cameras": cams,
        "actions": [*rows, {"done": {"say": "done"}}],
        "jitter": {"pitch_deg": draw(numbers(0, 10)), "position_m": draw(numbers(0, 0.1))},
        "noise": {"move_m": draw(numbers(0, 0.1)), "turn_deg": draw(numbers(0, 10))},
    }
    if has_arm:
        travel = {"low_m": 0.0, "high_m": draw(numbers(0.1, 1)), "home_m": draw(numbers(0, 0.1))}
        document["arm"] = {
            "lift": travel,
            "extend": travel,
            "wrist": {"left_deg": draw(numbers(0, 360)), "right_deg": draw(numbers(0, 360))},
            "reach": draw(st.sampled_from(["forward", "right", "back", "left"])),
            "shoulder": {"up_m": draw(numbers(0, 1))},
            "hand_radius_m": 0.1,
        }
        document["gripper"] = draw(st.sampled_from(["none", "parallel", "suction"]))
    return document


def loaded(document: dict[str, Any], folder: str) -> tuple[Embodiment, dict[str, Any]]:
    path = Path(folder) / "bot.yaml"
    path.write_text(dump(document), encoding="utf-8")
    body, spec = load_embodiment(path)
    return body, spec.resolved


POSITIVE = ("forward", "right", "lift", "extend")  # and down for a camera, up for a hand


@settings(max_examples=150, deadline=None)
@given(documents())
def test_a_random_valid_body_loads_means_what_was_written_and_survives_saving(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        body, resolved = loaded(document, folder)
        assert loaded(resolved, folder)[0] == body
    assert body.name == document["name"]
    assert list(body.action_names) == [name for row in document["actions"] for name in row]
    for action, row in zip(body.actions, document["actions"], strict=True):
        (kind, said), *_ = row[action.name].items()
        assert action.effect.kind == kind
        if kind == "say":
            continue
        (name, size), *_ = [(key, value) for key, value in said.items() if key != "camera"]
        assert abs(action.effect.amount) == (math.radians(size) if name.endswith("_deg") else size)
        direction = name.rsplit("_", 1)[0]
        is_positive = direction in POSITIVE or (kind, direction) in (("turn_camera", "down"), ("move_hand", "up"))
        assert (action.effect.amount > 0) == is_positive
    for camera in body.cameras:
        assert 0 < camera.vertical_fov < math.pi
        assert 0 < camera.horizontal_fov < math.pi
        for joint in (camera.pan, camera.tilt):
            assert joint is None or joint.low <= 0.0 <= joint.high
    assert body.footprint.swept_radius_m > 0
