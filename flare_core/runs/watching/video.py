"""Frames to an H.264 video in an MP4 file that browsers play."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from flare_core.errors import SimError

NEEDS_EXTRA: Final = "watch: a video needs the package 'av': pip install 'flare-core[video]'"
BT709: Final = 1  # in every one of its three enumerations; what a browser takes for granted at this size
LIMITED: Final = 1  # range of the values
KEY_EVERY_S: Final = 2  # so that one can jump to nearly any step


class Video:
    """A video under way; frames are added in order."""

    def __init__(self, container: Any, fps: float, width: int, height: int) -> None:
        """Args: container: of PyAV, open for writing."""
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()
        rate = Fraction(fps).limit_denominator(1000)
        self._container = container
        self._stream = container.add_stream("libx264", rate=rate)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.options = {"preset": "superfast", "crf": "23"}
        context = self._stream.codec_context
        context.gop_size = max(1, round(KEY_EVERY_S * fps))
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED
        self.frames = 0

    def add(self, image: Image.Image) -> None:
        """The next frame."""
        from av import VideoFrame

        frame = VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
        frame = self._reformatter.reformat(frame, format="yuv420p", dst_colorspace=BT709, dst_color_range=LIMITED)
        frame.pts = self.frames
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def end(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))


@contextmanager
def writing(path: Path, fps: float, width: int, height: int) -> Iterator[Video]:
    """A video that is at `path` once all of it is there; a fault or Ctrl-C before that leaves nothing.

    Raises:
        SimError: the package av is missing.
    """
    check_extra()
    import av

    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    fresh = Path(name)
    try:
        with av.open(str(fresh), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            video = Video(container, fps, width, height)
            yield video
            video.end()
        fresh.chmod(0o644)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def check_extra() -> None:
    """Refuse at once, before anything is computed.

    Raises:
        SimError: the package av is missing.
    """
    try:
        import av  # noqa: F401
    except ImportError:
        raise SimError(NEEDS_EXTRA) from None
