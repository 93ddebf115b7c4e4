"""What was random is told as it was, and what cannot be had is refused."""

from dataclasses import replace

import numpy as np
import pytest

from flare_core.embodiments.body import Jitter, Noise
from flare_core.embodiments.spec import load_embodiment
from flare_core.envs.augmentation import Augmentation, BlurChange
from flare_core.errors import SimError, SpecError
from flare_core.learning.spec import AugmentSpec, RecipeSpec
from flare_core.runs.evaluating import share_out
from flare_core.runs.randomness import FULL, declared, in_evaluation, in_training, of_recipe, unheeded
from flare_core.runs.stages import NOTHING, Randomisation, Scene, held_out_stages, houses_of, training_stages
from flare_core.tasks.spec import load_task
from flare_core.tasks.words import Vocabulary
from flare_core.world import Images

BODY, _ = load_embodiment("locobot")


def test_an_evaluation_says_what_was_on() -> None:
    jittered = replace(BODY, jitter=Jitter(pitch=np.radians(2), fov=np.radians(1)), noise=Noise())
    assert declared(jittered, NOTHING) == (
        "Evaluation: camera mounts jittered by ±2° pitch, ±1° field of view; no motion noise; houses in their own colours and light; "
        "no augmentation."
    )
    exact = replace(BODY, jitter=Jitter(), noise=Noise(move_m=0.02, turn=np.radians(1)))
    assert declared(exact, in_evaluation(("materials", "light", "augment"), "embedded")) == (
        "Evaluation: camera mounts exact; motion noise of 20 mm a move and 1° a turn (standard deviation); random colours in all "
        "episodes, random light in all episodes; pictures augmented by colour (brightness ±0.4, contrast ±0.4, saturation ±0.2, "
        "hue ±0.05), crop (0.9 to 1 of the area), blur (sigma 0.1 to 2 px of 384)."
    )


def test_a_recipe_without_augment_has_none_and_one_with_it_has_what_it_says() -> None:
    plain = RecipeSpec(name="plain", learning_rate=1e-4)
    assert of_recipe(plain) == Randomisation(materials=0.8)
    assert "no augmentation" in in_training(plain, BODY)
    blurred = plain.model_copy(
        update={"augment": AugmentSpec.model_validate({"blur": {"sigma": [1, 2], "share": 0.5}}), "randomise_light": 0.5}
    )
    assert "blur (sigma 1 to 2 px of 384, in 50 % of episodes)" in in_training(blurred, BODY)
    assert "random light in 50 % of episodes" in in_training(blurred, BODY)


@pytest.mark.parametrize("wrong", [{"crop": {"scale": [1.0, 0.9]}}, {"crop": {"scale": [0.0, 1.0]}}, {"blur": {"sigma": [-1, 2]}}])
def test_a_range_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="give \\[least, most\\]"):
        AugmentSpec.model_validate(wrong)


def test_thor_refuses_what_could_not_be_played_again() -> None:
    with pytest.raises(SimError, match="--randomise light: AI2-THOR's RandomizeMaterials and RandomizeLighting take no seed"):
        in_evaluation(("light",), "thor")
    assert in_evaluation(("augment",), "thor").augment == FULL.values()
    assert unheeded(Randomisation(materials=0.3), "AI2-THOR f0825767").startswith("AI2-THOR's")
    assert unheeded(Randomisation(materials=0.3), "embedded simulator") == ""


def test_only_the_robots_uncertainty_can_be_changed_in_an_evaluation() -> None:
    pairs = (("embodiment.noise.move_m", "0.02"), ("simulator.kind", "thor"))
    assert share_out(pairs) == ((("noise.move_m", "0.02"),), (("simulator.kind", "thor"),))
    with pytest.raises(SpecError, match=r"-o embodiment\.base\.radius_m: a bundle is evaluated on its own robot"):
        share_out((("embodiment.base.radius_m", "0.3"),))


@pytest.fixture(scope="module")
def scene() -> Scene:
    task, _ = load_task("objectnav_short")
    renders = {BODY.cameras[0].name: (64, 36)}
    return Scene(pack=houses_of("train", 4), body=BODY, task=task, renders=renders, vocabulary=Vocabulary.load())


def first_pictures(scene: Scene, randomised: Randomisation) -> Images:
    (stage,) = training_stages(scene, 4, 1, 0, randomised)
    return np.asarray(stage.observe()[f"camera/{BODY.cameras[0].name}"])


def test_each_randomisation_changes_what_training_sees_and_nothing_else_of_an_episode(scene: Scene) -> None:
    plain, whole = first_pictures(scene, NOTHING), FULL.values()
    blur = Augmentation(blur=BlurChange(sigma=(4.0, 9.0)))  # of FLaRe's range little is left in a picture 64 pixels wide
    np.testing.assert_array_equal(plain, first_pictures(scene, Randomisation(augment=Augmentation())))
    for on in (
        Randomisation(materials=1.0), Randomisation(light=1.0), Randomisation(augment=Augmentation(colour=whole.colour)),
        Randomisation(augment=Augmentation(crop=whole.crop)), Randomisation(augment=blur),
    ):  # fmt: skip
        seen = first_pictures(scene, on)
        assert (seen != plain).any(axis=(1, 2, 3)).all(), on
        (one,), (other,) = training_stages(scene, 4, 1, 0, NOTHING), training_stages(scene, 4, 1, 0, on)
        assert [each.start.x for each in one.episodes] == [each.start.x for each in other.episodes]
        assert [each.instruction for each in one.episodes] == [each.instruction for each in other.episodes]


def test_a_restored_stage_goes_on_with_the_same_pictures(scene: Scene) -> None:
    everything = Randomisation(materials=1.0, light=1.0, augment=FULL.values())
    (one,), (other,) = (training_stages(scene, 4, 1, 0, everything) for _ in range(2))
    forward = np.zeros(4, dtype=np.int64)
    one.step(forward)
    other.restore(one.snapshot())
    name = f"camera/{BODY.cameras[0].name}"
    for _ in range(3):
        np.testing.assert_array_equal(one.step(forward)[0][name], other.step(forward)[0][name])


def test_held_out_episodes_are_plain_unless_the_scene_says_otherwise(scene: Scene) -> None:
    (plain,), (lit,) = (
        held_out_stages(scene, [range(4)], 4),
        held_out_stages(replace(scene, randomised=Randomisation(light=1.0)), [range(4)], 4),
    )
    assert not any(each.start.randomise_light or each.start.randomise_materials for each in plain.episodes)
    assert all(each.start.randomise_light for each in lit.episodes)
