"""Photographs that can be used, and what is said of those that cannot."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import style
from PIL import Image

from flare_core.embodiments.spec import load_embodiment
from flare_core.errors import PictureError
from flare_core.evaluation import photographs
from flare_core.evaluation.floor_lines import horizon_row
from flare_core.evaluation.lettering import width_in, wrapped
from flare_core.evaluation.photographs import CAPTION_PT, WIDTH_IN, draw_photograph, read_photograph, what_is_wrong, what_to_compare

BODY = load_embodiment("turtlebot4")[0]
CAMERA = BODY.cameras[0]  # 640 x 480


def photograph(path: Path, width: int = 64, height: int = 48, **how: object) -> Path:
    Image.new("RGB", (width, height), (90, 120, 150)).save(path, **how)  # type: ignore[arg-type]
    return path


def test_a_picture_of_the_same_proportions_is_taken_in_any_size(tmp_path: Path) -> None:
    assert read_photograph(photograph(tmp_path / "a.png"), CAMERA).shape == (48, 64, 3)
    assert read_photograph(photograph(tmp_path / "b.jpg", 4000, 3000), CAMERA).shape == (1530, 2040, 3)


def test_a_cut_picture_is_refused_with_both_sizes(tmp_path: Path) -> None:
    path = photograph(tmp_path / "cut.png", 64, 36)
    with pytest.raises(PictureError) as caught:
        read_photograph(path, CAMERA)
    assert str(caught.value) == (
        f"{path}: is 64 x 36 pixels, 1.778 to 1; 'oakd' has 640 x 480, 1.333 to 1. Give a picture that is not cut, of the mode that the "
        "field of view is of, or describe that mode's size and field of view"
    )


def test_a_picture_on_its_side_is_refused_unless_its_exif_turns_it(tmp_path: Path) -> None:
    lying = photograph(tmp_path / "lying.jpg", 48, 64)
    with pytest.raises(PictureError, match="Turn the picture, or swap"):
        read_photograph(lying, CAMERA)
    turned = Image.Exif()
    turned[0x0112] = 6  # to be shown turned by a quarter
    assert read_photograph(photograph(tmp_path / "turned.jpg", 48, 64, exif=turned), CAMERA).shape == (48, 64, 3)


def test_what_is_no_picture_is_said_to_be_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, half, deep = tmp_path / "text.jpg", tmp_path / "half.jpg", tmp_path / "deep.png"
    text.write_text("no picture")
    whole = photograph(tmp_path / "whole.jpg", 640, 480).read_bytes()
    half.write_bytes(whole[: len(whole) // 2])
    Image.fromarray(np.zeros((48, 64), dtype=np.uint16)).save(deep)
    for path, said in (
        (text, "cannot be read as a picture \\(its kind is unknown\\)"), (half, "cannot be read as a picture"),
        (deep, "as depth pictures are"), (tmp_path / "none.png", "no such file"), (tmp_path, "is a folder"),
    ):  # fmt: skip
        with pytest.raises(PictureError, match=said):
            read_photograph(path, CAMERA)
    monkeypatch.setattr(photographs, "MOST_PIXELS", 1000)
    with pytest.raises(PictureError, match="has 64 x 48 pixels; at most 1,000 are taken"):
        read_photograph(photograph(tmp_path / "large.png"), CAMERA)


def test_the_lines_move_with_the_description_and_the_page_is_white_whatever_the_users_style(tmp_path: Path) -> None:
    image = np.full((480, 640, 3), 100, dtype=np.uint8)
    with style.context("dark_background"):
        draw_photograph(BODY, CAMERA, image, tmp_path / "right.png")
    draw_photograph(BODY, replace(CAMERA, pitch=math.radians(5)), image, tmp_path / "wrong.png")
    right, wrong = (np.asarray(Image.open(tmp_path / name).convert("RGB")) for name in ("right.png", "wrong.png"))
    assert (right[-1, -1] == 255).all()
    high = 765  # rows of the photograph on the page, 1020 wide
    row = round(240 / 480 * high)
    assert (right[row, 200] > 200).all()  # the white horizon
    raised = round((240 - CAMERA.fy * math.tan(math.radians(5))) / 480 * high)
    assert (wrong[raised, 200] > 200).all()
    assert not (wrong[row, 200] > 200).all()


def test_the_field_of_view_is_mended_before_the_pitch() -> None:
    """Told as 80 degrees in place of 69, a camera 10 degrees down has horizon and lines lower: its pitch is right all the same."""
    right, wrong = (
        replace(CAMERA, fx=320 / math.tan(math.radians(fov / 2)), fy=320 / math.tan(math.radians(fov / 2)), pitch=math.radians(10))
        for fov in (69, 80)
    )
    assert horizon_row(right) < horizon_row(wrong) - 10
    advice = what_is_wrong()
    assert advice.index("field of view") < advice.index("pitch") < advice.index("height")


def test_no_word_of_a_caption_stands_alone_on_a_line() -> None:
    for text in (what_to_compare(CAMERA), what_is_wrong()):
        lines = wrapped(text, 0.96 * WIDTH_IN, CAPTION_PT)
        assert " ".join(lines) == text
        widths = [width_in(line, CAPTION_PT) for line in lines]
        assert max(widths) <= 0.96 * WIDTH_IN
        assert min(widths) > 0.6 * max(widths)
