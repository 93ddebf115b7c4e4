"""The file that comes out: what is in it, and that none comes out where something goes wrong."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flare_core.errors import SimError
from flare_core.runs.watching.video import writing

COLOURS = ((213, 94, 0), (0, 114, 178), (240, 200, 8), (255, 255, 255), (30, 30, 30))


def test_every_frame_is_there_in_its_size_and_colours(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    with writing(tmp_path / "a.mp4", 8, 320, 180) as video:
        for colour in COLOURS:
            video.add(Image.new("RGB", (320, 180), colour))
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.format.name, stream.average_rate) == ("h264", "yuv420p", 8)
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert [frame.shape for frame in frames] == [(180, 320, 3)] * len(COLOURS)
    for frame, colour in zip(frames, COLOURS, strict=True):
        assert np.abs(frame.mean(axis=(0, 1)) - colour).max() < 6
    assert (tmp_path / "a.mp4").read_bytes().index(b"moov") < (tmp_path / "a.mp4").read_bytes().index(b"mdat"), "plays while it loads"


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ValueError])
def test_what_is_not_finished_leaves_nothing(tmp_path: Path, fault: type[BaseException]) -> None:
    pytest.importorskip("av")
    (tmp_path / "a.mp4").write_bytes(b"an older one")

    def write() -> None:
        with writing(tmp_path / "a.mp4", 8, 320, 180) as video:
            video.add(Image.new("RGB", (320, 180)))
            raise fault

    with pytest.raises(fault):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"an older one"


def test_a_missing_package_is_named_with_the_command_that_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(SimError) as found, writing(tmp_path / "a.mp4", 8, 320, 180):
        pass
    assert str(found.value) == "watch: a video needs the package 'av': pip install 'flare-core[video]'"
    assert not list(tmp_path.iterdir())
