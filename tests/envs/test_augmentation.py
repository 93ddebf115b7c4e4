"""Pictures are changed by the seed, the episode and the camera alone, within their ranges, and not at all where nothing is asked for."""

import numpy as np
import numpy.typing as npt
import pytest

from flare_core.envs.augmentation import BLUR_WIDTH, MAP, SIGMA, Augmentation, BlurChange, ColourChange, CropChange, draw, key
from flare_core.envs.augmenting import Augmenter, change

Images = npt.NDArray[np.uint8]
ALL = Augmentation(
    colour=ColourChange(brightness=0.4, contrast=0.4, saturation=0.2, hue=0.05), crop=CropChange(scale=(0.5, 0.9)),
    blur=BlurChange(sigma=(4.0, 9.0)),
)  # fmt: skip
MANY = np.arange(2000)


def pictures(count: int = 4, height: int = 36, width: int = 64) -> Images:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def changed(augmentation: Augmentation, images: Images, episodes: list[int], seed: int = 0, camera: str = "head") -> Images:
    out = images.copy()
    Augmenter(augmentation, seed, ["head", "hand"], len(images)).change(camera, out, np.array(episodes))
    return out


def test_a_picture_depends_on_seed_episode_and_camera_and_not_on_the_batch() -> None:
    images, episodes = pictures(), [7, 3, 11, 7]
    together = changed(ALL, images, episodes)
    for row, episode in enumerate(episodes):
        np.testing.assert_array_equal(changed(ALL, images[row : row + 1], [episode])[0], together[row])
    np.testing.assert_array_equal(changed(ALL, images[::-1].copy(), episodes[::-1])[::-1], together)
    for other in (changed(ALL, images, episodes, seed=1), changed(ALL, images, episodes, camera="hand"), changed(ALL, images, [8] * 4)):
        assert (other != together).any(axis=(1, 2, 3)).all()


def test_rows_go_on_to_new_episodes_and_back_as_if_they_had_not() -> None:
    images = pictures()
    augmenter, out = Augmenter(ALL, 0, ["head"], 4), images.copy()
    augmenter.change("head", out, np.array([0, 1, 2, 3]))
    first, some = out.copy(), images[[2]].copy()
    augmenter.change("head", images.copy(), np.array([4, 1, 5, 3]))
    augmenter.change("head", some, np.array([2]), np.array([2]))
    np.testing.assert_array_equal(some[0], first[2])


@pytest.mark.parametrize("nothing", [Augmentation(), Augmentation(colour=ColourChange(), crop=CropChange(scale=(1.0, 1.0)))])
def test_what_asks_for_nothing_leaves_every_bit(nothing: Augmentation) -> None:
    images = pictures()
    np.testing.assert_array_equal(changed(nothing, images, [0, 1, 2, 3]), images)


def test_draws_lie_within_their_ranges_and_reach_both_ends() -> None:
    drawn = draw(ALL, key(0), 0, MANY)
    area = drawn[:, 14] ** 2
    assert area.min() >= 0.5 - 1e-6
    assert area.max() <= 0.9 + 1e-6
    assert np.ptp(area) > 0.39
    assert (drawn[:, 12] >= 0).all()
    assert (drawn[:, 12] + drawn[:, 14] <= 1 + 1e-6).all()
    sigma = drawn[:, SIGMA] * BLUR_WIDTH
    assert sigma.min() >= 4.0 - 1e-5
    assert sigma.max() <= 9.0 + 1e-5
    bright = draw(Augmentation(colour=ColourChange(brightness=0.4)), key(0), 0, MANY)[:, MAP].reshape(-1, 3, 4)
    gain = bright[:, 0, 0]
    np.testing.assert_allclose(bright[:, :, :3], gain[:, None, None] * np.eye(3), atol=1e-6)
    assert (round(float(gain.min()), 2), round(float(gain.max()), 2)) == (0.6, 1.4)


def test_a_share_of_episodes_has_it_and_the_others_are_left_alone() -> None:
    drawn = draw(Augmentation(blur=BlurChange(sigma=(1.0, 2.0), share=0.3)), key(0), 0, MANY)
    assert (drawn[:, SIGMA] > 0).mean() == pytest.approx(0.3, abs=0.03)


def test_grey_stays_grey_under_saturation_and_hue_and_contrast_keeps_the_mean() -> None:
    grey = np.full((1, 8, 8, 3), 90, dtype=np.uint8)
    tinted = Augmentation(colour=ColourChange(contrast=0.4, saturation=0.9, hue=0.5))
    np.testing.assert_array_equal(changed(tinted, grey, [5]), grey)
    mixed = pictures(1, 64, 64) // 2 + 64
    contrast = changed(Augmentation(colour=ColourChange(contrast=0.4)), mixed, [5])
    assert abs(float(contrast.mean()) - float(mixed.mean())) < 0.6
    assert abs(float(contrast.std()) / float(mixed.std()) - 1) > 0.02


def test_a_crop_keeps_the_aspect_and_shows_a_part_of_the_picture() -> None:
    height, width = 90, 160
    ramp = np.zeros((1, height, width, 3), dtype=np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(width), np.arange(height)[:, None]
    crop = Augmentation(crop=CropChange(scale=(0.25, 0.25)))
    left, top, side = draw(crop, key(0), 0, np.array([3]))[0, 12:15]
    out = changed(crop, ramp, [3])[0].astype(float)
    across, down = out[0, -1, 0] - out[0, 0, 0], out[-1, 0, 1] - out[0, 0, 1]
    assert side == pytest.approx(0.5)
    assert across == pytest.approx(side * width, abs=2)
    assert down == pytest.approx(side * height, abs=2)
    assert out[0, 0, 0] == pytest.approx(left * width, abs=1)
    assert out[0, 0, 1] == pytest.approx(top * height, abs=1)


def test_a_blur_spreads_a_point_by_its_deviation() -> None:
    point = np.zeros((1, 65, 129, 3), dtype=np.uint8)
    point[0, 32, 64] = 255
    wide = np.repeat(np.repeat(point, 1, axis=1), 1, axis=2)
    drawn = draw(Augmentation(blur=BlurChange(sigma=(6.0, 6.0))), key(0), 0, np.array([0]))
    change(wide, drawn)
    seen = wide[0, :, :, 0].astype(float)
    line = seen.sum(axis=0) / seen.sum()
    sigma = np.sqrt((line * (np.arange(129) - 64) ** 2).sum())
    assert sigma == pytest.approx(6.0 * 129 / BLUR_WIDTH, rel=0.2)  # 2.0 px; cut off at 2.5 deviations, and rounded to whole colours
