"""What is random in training and in evaluation: taken from a recipe or from the command line, and told in words."""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from flare_core.embodiments.body import Embodiment, Jitter, Noise
from flare_core.envs.augmentation import Augmentation
from flare_core.errors import SimError
from flare_core.learning.spec import AugmentSpec, BlurSpec, ColourSpec, CropSpec, RandomisationSpec, RecipeSpec
from flare_core.runs.stages import EMBEDDED, Randomisation

KINDS: Final = ("materials", "light", "augment")
FULL: Final = AugmentSpec(colour=ColourSpec(), crop=CropSpec(), blur=BlurSpec())
"""Every augmentation with the ranges that it has by default, which are FLaRe's."""
_UNSEEDED: Final = (
    "AI2-THOR's RandomizeMaterials and RandomizeLighting take no seed, so that an episode could not be played again: its houses keep "
    "their own colours and light here."
)


def of_recipe(recipe: RecipeSpec) -> Randomisation:
    """What a recipe's training episodes have."""
    augment = None if recipe.augment is None else recipe.augment.values()
    return Randomisation(materials=recipe.randomise_materials, light=recipe.randomise_light, augment=augment)


def of_pretraining(spec: RandomisationSpec) -> Randomisation:
    """What the episodes have that are imitated."""
    augment = None if spec.augment is None else spec.augment.values()
    return Randomisation(materials=1.0 - spec.plain, light=spec.light, augment=augment)


def in_evaluation(kinds: Collection[str], simulator: str) -> Randomisation:
    """What `--randomise KIND` asks for, in every episode.

    Args:
        kinds: of KINDS.
        simulator: what it is of kind, `embedded` or `thor`.

    Raises:
        SimError: the simulator cannot do it.
    """
    refused = [kind for kind in ("materials", "light") if kind in kinds and simulator != "embedded"]
    if refused:
        raise SimError(f"--randomise {refused[0]}: {_UNSEEDED} Leave it out, or evaluate in the embedded simulator")
    return Randomisation(
        materials=float("materials" in kinds), light=float("light" in kinds), augment=FULL.values() if "augment" in kinds else None
    )


def unheeded(randomised: Randomisation, simulator: str) -> str:
    """What a simulator, by what it calls itself, does not do of what is asked for; nothing if it does all."""
    return _UNSEEDED if simulator != EMBEDDED and (randomised.materials or randomised.light) else ""


def declared(body: Embodiment, randomised: Randomisation, bodies: Sequence[Embodiment] = ()) -> str:
    """One sentence on what is random in an evaluation, whose episodes have these bodies if there are any."""
    if not bodies:
        return f"Evaluation: {_told(body, randomised)}."
    widest = _widest(bodies)
    own = any((one.jitter, one.noise) != (widest.jitter, widest.noise) for one in bodies)
    most = ", each with its own jitter and noise, at most these" if own else ""
    return f"Evaluation: {len(bodies)} held-out bodies drawn from the robot's ranges{most}; {_told(widest, randomised)}."


def _widest(bodies: Sequence[Embodiment]) -> Embodiment:
    """The first of them with as much jitter and noise as any has."""
    jitters, noises = [one.jitter for one in bodies], [one.noise for one in bodies]
    jitter = Jitter(
        pitch=max(one.pitch for one in jitters), yaw=max(one.yaw for one in jitters), fov=max(one.fov for one in jitters),
        position_m=max(one.position_m for one in jitters), other_mounts=jitters[0].other_mounts,
    )  # fmt: skip
    noise = Noise(move_m=max(one.move_m for one in noises), turn=max(one.turn for one in noises))
    return replace(bodies[0], jitter=jitter, noise=noise)


def in_training(recipe: RecipeSpec, body: Embodiment) -> str:
    """One sentence on what is random in training."""
    return f"Training: {_told(body, of_recipe(recipe))}."


def _told(body: Embodiment, randomised: Randomisation) -> str:
    return "; ".join((_mounts(body), _motion(body), _house(randomised), _pictures(randomised.augment)))


def _mounts(body: Embodiment) -> str:
    jitter, said = body.jitter, list[str]()
    for angle, name in ((jitter.pitch, "pitch"), (jitter.yaw, "yaw"), (jitter.fov, "field of view")):
        if angle:
            said.append(f"±{math.degrees(angle):.3g}° {name}")
    said += [f"±{1000 * jitter.position_m:.3g} mm position"] if jitter.position_m else []
    other = jitter.other_mounts
    more = "" if other is None else f"cameras mounted elsewhere in {_share(other.share)} episodes"
    first = f"camera mounts jittered by {', '.join(said)}" if said else "" if more else "camera mounts exact"
    return ", ".join(part for part in (first, more) if part)


def _motion(body: Embodiment) -> str:
    noise = body.noise
    said = [f"{1000 * noise.move_m:.3g} mm a move"] if noise.move_m else []
    said += [f"{math.degrees(noise.turn):.3g}° a turn"] if noise.turn else []
    return f"motion noise of {' and '.join(said)} (standard deviation)" if said else "no motion noise"


def _house(randomised: Randomisation) -> str:
    materials, light = randomised.materials, randomised.light
    if not materials and not light:
        return "houses in their own colours and light"
    colours = f"random colours in {_share(materials)} episodes" if materials else "houses in their own colours"
    return f"{colours}, random light in {_share(light)} episodes" if light else f"{colours}, houses in their own light"


def _pictures(augment: Augmentation | None) -> str:
    said = list[str]()
    if augment is not None and (colour := augment.colour) is not None:
        amounts = [
            f"{name} ±{amount:g}" for name in ("brightness", "contrast", "saturation", "hue") if (amount := getattr(colour, name)) > 0
        ]
        said.append(f"colour ({', '.join(amounts)}{_in(colour.share)})")
    if augment is not None and augment.crop is not None:
        said.append(f"crop ({augment.crop.scale[0]:g} to {augment.crop.scale[1]:g} of the area{_in(augment.crop.share)})")
    if augment is not None and augment.blur is not None:
        said.append(f"blur (sigma {augment.blur.sigma[0]:g} to {augment.blur.sigma[1]:g} px of 384{_in(augment.blur.share)})")
    return f"pictures augmented by {', '.join(said)}" if said else "no augmentation"


def _share(share: float) -> str:
    return "all" if share == 1 else f"{100 * share:.3g} % of"


def _in(share: float) -> str:
    return "" if share == 1 else f", in {_share(share)} episodes"
