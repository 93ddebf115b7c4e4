"""The command from its words to its files, in few houses."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flare_core.houses.generate import generate_house
from flare_core.houses.procthor import parse_house
from flare_core.runs.stages import Ground
from flare_core.runs.watching import watch as watching
from flare_core.runs.watching.action_bars import percent
from flare_core.simulators.embedded.pack import ScenePack
from tests.cli_tools import flare, tiny_bundle

av = pytest.importorskip("av")
SHORT = "kind: task\nextends: {task}\nname: brief\nhorizon: 3\n"


@pytest.fixture(autouse=True)
def few_houses(houses: ScenePack, monkeypatch: pytest.MonkeyPatch) -> None:
    def ground(spec: object, split: str, count: int, body: object) -> Ground:
        return Ground(houses, body, None, lambda at: parse_house(generate_house(at, "train"), str(at)))

    monkeypatch.setattr(watching, "ground_of", ground)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


def brief(folder: Path, task: str = "objectnav_short") -> Path:
    path = folder / "brief.yaml"
    path.write_text(SHORT.format(task=task))
    return path


@pytest.mark.parametrize("task", ["objectnav_short", "objectnav_two", "roomvisit", "gotopoint"])
def test_a_video_has_a_frame_for_each_step_and_a_second_of_each_ending(tiny: Path, tmp_path: Path, task: str) -> None:
    out, poster = tmp_path / "a.mp4", tmp_path / "a.png"
    result = flare("watch", tiny, "--task", brief(tmp_path, task), "--episodes", "1", "--fps", "2", "--out", out, "--poster", poster)
    assert result.exit_code == 0, result.output
    with av.open(str(out)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    told = result.output.splitlines()
    assert f"Wrote {out}: {len(frames)} frames, " in result.output
    assert "Embedded simulator, not AI2-THOR." in result.output
    steps = [int(line.split(" after ")[1].split()[0]) for line in told if line.startswith("episode ")]
    assert len(frames) == sum(steps) + 2
    assert frames[0].shape == (720, 1280, 3)
    assert np.abs(frames[-1].astype(int) - frames[-2]).mean() < 1, "the last card stands still"
    assert Image.open(poster).size == (1280, 720)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "a.png", "brief.yaml"]


def test_files_that_are_there_are_kept(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.mp4"
    out.write_bytes(b"mine")
    refused = flare("watch", tiny, "--task", brief(tmp_path), "--episode", "1", "--out", out)
    assert refused.exit_code == 1
    assert f"{out}: is there already and is not overwritten. Give --replace, or name another file" in refused.output
    assert out.read_bytes() == b"mine"
    assert flare("watch", tiny, "--task", brief(tmp_path), "--episode", "1", "--out", out, "--replace").exit_code == 0
    assert out.read_bytes() != b"mine"


def test_ctrl_c_leaves_no_file(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(fps: float) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(watching, "closing_frames", stop)
    monkeypatch.setattr(watching, "frame_count", lambda recordings, fps: 1)
    result = flare("watch", tiny, "--task", brief(tmp_path), "--episode", "0", "--out", tmp_path / "a.mp4")
    assert result.exit_code == 130
    assert "A video that is not finished is not kept" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["brief.yaml"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "a.gif"], "videos are MP4 files; give a name that ends in .mp4"),
        (["--poster", "a.jpg"], "pictures are PNG files"),
        (["--episodes", "2", "--episode", "1"], "--episodes and --episode do not go together"),
        (["--out", "nowhere/a.mp4"], "there is no folder nowhere"),
        (["--task", "nosuch"], "no task 'nosuch'"),
    ],
)
def test_words_that_cannot_be_meant_are_refused(tiny: Path, words: list[str], message: str) -> None:
    result = flare("watch", tiny, *words)
    assert result.exit_code in (1, 2)
    assert message in result.output


def test_the_missing_extra_is_told_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install 'flare-core[video]'" in flare("watch", "nosuch").output


def test_chances_are_told_as_a_reader_wants_them() -> None:
    assert [percent(chance) for chance in (0.0, 0.004, 0.0051, 0.584, 1.0)] == ["0 %", "<1 %", "1 %", "58 %", "100 %"]
