"""Pictures are made as small as the policy needs them without skipping what the camera sees, or are refused by name."""

from typing import Any

import numpy as np
import pytest

from flare_core.acting.pictures import CameraNeed, pictures_for
from flare_core.errors import ActingError

NEEDS = {"front": CameraNeed(name="front", width_px=16, height_px=8, used_width_px=4, used_height_px=2)}
CAMERAS = ("front", "hand")


def prepared(image: Any) -> Any:
    return pictures_for(NEEDS, CAMERAS, {"front": image}, "mybot")["front"]


def draws(*shape: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_a_picture_of_the_used_size_is_not_touched() -> None:
    image = draws(2, 4, 3)
    assert prepared(image) is image


def test_a_larger_picture_is_averaged_over_areas() -> None:
    image = draws(8, 16, 3)
    means = image.reshape(2, 4, 4, 4, 3).astype(float).mean(axis=(1, 3))  # by hand: every used pixel is a block of 4 x 4
    assert np.abs(prepared(image).astype(float) - means).max() < 1.0  # Pillow rounds twice: across, then down


def test_a_fine_line_does_not_vanish() -> None:
    image = np.zeros((8, 16, 3), dtype=np.uint8)
    image[:, 6] = 255  # one column of four: picking every fourth pixel would show all of it or nothing
    assert prepared(image)[:, 1].min() == prepared(image)[:, 1].max() == 64


def test_a_smaller_picture_of_the_same_proportions_is_interpolated() -> None:
    assert prepared(np.full((1, 2, 3), 9, dtype=np.uint8)).tolist() == np.full((2, 4, 3), 9).tolist()


def test_mirrored_and_read_only_pictures_are_copied() -> None:
    image = draws(2, 4, 3)
    image.setflags(write=False)
    got = prepared(image[:, :, ::-1])
    assert got.flags.writeable
    assert got.flags.c_contiguous
    assert got.tolist() == image[:, :, ::-1].tolist()


def test_pictures_of_other_cameras_of_the_robot_are_left_out() -> None:
    assert set(pictures_for(NEEDS, CAMERAS, {"front": draws(2, 4, 3), "hand": None}, "mybot")) == {"front"}


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ([[0]], "is list, not a numpy array"),
        (np.zeros((8, 16, 3)), "has dtype float64"),
        (np.zeros((8, 16, 3), dtype=np.int8), "has dtype int8"),
        (np.zeros((8, 16), dtype=np.uint8), "has shape (8, 16)"),
        (np.zeros((8, 16, 4), dtype=np.uint8), "has shape (8, 16, 4)"),
        (np.zeros((3, 8, 16), dtype=np.uint8), "has shape (3, 8, 16)"),
        (np.zeros((0, 16, 3), dtype=np.uint8), "has shape (0, 16, 3)"),
        (np.zeros((1, 8193, 3), dtype=np.uint8), "has shape (1, 8193, 3)"),
        (np.zeros((12, 16, 3), dtype=np.uint8), "is 16x12, 1.333 to 1 instead of 2.000 to 1"),
    ],
)
def test_what_is_no_picture_of_the_camera_is_refused(image: Any, message: str) -> None:
    with pytest.raises(ActingError) as caught:
        prepared(image)
    assert str(caught.value).startswith("images: front: ")
    assert message in str(caught.value)
    assert "expected is uint8 (8, 16, 3), RGB" in str(caught.value)


def test_missing_and_unknown_cameras_are_named() -> None:
    with pytest.raises(ActingError, match=r"the picture of camera 'front' is missing\. mybot needs 'front' \(16x8\)"):
        pictures_for(NEEDS, CAMERAS, {"hand": draws(8, 16, 3)}, "mybot")
    with pytest.raises(ActingError, match=r"mybot has no camera 'frnt'.*Did you mean 'front'"):
        pictures_for(NEEDS, CAMERAS, {"frnt": draws(8, 16, 3)}, "mybot")
    with pytest.raises(ActingError, match="must be a mapping from cameras to pictures, not ndarray"):
        pictures_for(NEEDS, CAMERAS, draws(8, 16, 3), "mybot")
