"""Grammar of a recipe: how to train. Every stabiliser is a switch."""

from typing import Annotated, Literal, Self

import pydantic
from pydantic import Field

from flare_core.envs.augmentation import Augmentation, BlurChange, ColourChange, CropChange
from flare_core.reading import Spec


class KlSpec(Spec):
    """KL(source policy || policy) over shared actions, weight falling linearly to 0."""

    weight: float = Field(gt=0, description="Coefficient at the start, per nat.")
    decay_steps: int = Field(gt=0, description="Environment steps until the coefficient is 0.")


class ExploreSpec(Spec):
    """Exploration of new actions only, folded into the distribution."""

    epsilon: float = Field(gt=0, lt=1, description="Share of probability spread over the new actions at the start.")
    decay_steps: int = Field(gt=0, description="Environment steps until it is 0.")


class LagrangeSpec(Spec):
    """How the learner weighs the costs of a task's constraints `by: lagrange`."""

    start: float = Field(default=0.0, ge=0, description="Multiplier at the start.")
    rate: float = Field(
        default=0.02, gt=0, description="Change of a multiplier at an update, for a cost of twice the limit (or of the limit plus 1)."
    )
    most: float = Field(default=10.0, gt=0, description="Greatest multiplier.")


Factor = Annotated[float, Field(ge=0, le=1)]
Range = Annotated[tuple[float, float], Field(description="Least and most.")]


def _rising(limits: tuple[float, float], name: str, least: float, most: float) -> None:
    if not least <= limits[0] <= limits[1] <= most:
        raise ValueError(f"{name} is {list(limits)}; give [least, most], from {least:g} to {most:g}")


class ColourSpec(Spec):
    """Colour of the pictures. Each amount is the most that a factor differs from 1, drawn evenly, once an episode and camera."""

    brightness: Factor = Field(default=0.4, description="Plus or minus; FLaRe has 0.4.")
    contrast: Factor = Field(default=0.4, description="Plus or minus, about the picture's mean grey; FLaRe has 0.4.")
    saturation: Factor = Field(default=0.2, description="Plus or minus; FLaRe has 0.2.")
    hue: float = Field(default=0.05, ge=0, le=0.5, description="Plus or minus, in turns of the colour circle; FLaRe has 0.05.")
    share: float = Field(default=1.0, gt=0, le=1, description="Share of episodes that have it.")


class CropSpec(Spec):
    """A part of the picture of the same aspect, anywhere in it, stretched over all of it."""

    scale: Range = Field(default=(0.9, 1.0), description="Share of the picture's area that is kept; FLaRe has 0.9 to 1.")
    share: float = Field(default=1.0, gt=0, le=1, description="Share of episodes that have it.")

    @pydantic.model_validator(mode="after")
    def _is_part(self) -> Self:
        _rising(self.scale, "scale", 0.1, 1.0)
        return self


class BlurSpec(Spec):
    """A picture out of focus."""

    sigma: Range = Field(
        default=(0.1, 2.0),
        description="Standard deviation in pixels of a picture 384 wide, of others in proportion; FLaRe has 0.1 to 2 at that width.",
    )
    share: float = Field(default=1.0, gt=0, le=1, description="Share of episodes that have it.")

    @pydantic.model_validator(mode="after")
    def _is_blur(self) -> Self:
        _rising(self.sigma, "sigma", 0.0, 10.0)
        return self


class AugmentSpec(Spec):
    """What is done to the cameras' pictures in training, drawn once an episode; what is left out is not done."""

    colour: ColourSpec | None = None
    """Brightness, contrast, saturation and hue; `{}` for FLaRe's amounts."""
    crop: CropSpec | None = None
    """A part of the picture, enlarged to all of it; `{}` for FLaRe's sizes."""
    blur: BlurSpec | None = None
    """Out of focus; `{}` for FLaRe's widths."""

    def values(self) -> Augmentation:
        """The same for the environments."""
        colour, crop, blur = self.colour, self.crop, self.blur
        return Augmentation(
            colour=None if colour is None else ColourChange(**colour.model_dump()),
            crop=None if crop is None else CropChange(scale=crop.scale, share=crop.share),
            blur=None if blur is None else BlurChange(sigma=blur.sigma, share=blur.share),
        )


class RecipeSpec(Spec):
    """One recipe. Rates are Adam's; steps are environment steps over all rows."""

    kind: str = "recipe"
    name: str
    origin: str | None = Field(default=None, description="Where the values come from.")
    steps: int = Field(default=600_000, gt=0, description="Budget of the whole run, warm-up included.")
    rows: int = Field(default=64, gt=0, description="Environments that run side by side, over all workers.")
    rollout: int = Field(default=64, gt=0, description="Steps of every row between two updates.")
    epochs: int = Field(default=4, gt=0, description="Passes over a rollout.")
    minibatches: int = Field(default=1, gt=0, description="Parts of a pass; whole rows go together.")
    clip: float = Field(default=0.1, gt=0, lt=1, description="PPO's clip range of the probability ratio.")
    gamma: float = Field(default=0.99, gt=0, le=1)
    """Discount of a step."""
    lam: float = Field(default=0.95, ge=0, le=1, description="GAE's lambda.")
    learning_rate: float = Field(gt=0, description="Of the actor's carried weights.")
    new_rows_learning_rate: float | None = Field(
        default=None, gt=0, description="Of rows that the plan starts anew; the actor's rate if absent."
    )
    critic_learning_rate: float | None = Field(default=None, gt=0, description="Of a separate critic; the actor's rate if absent.")
    final_rate: float = Field(default=1.0, gt=0, le=1, description="All rates fall evenly to this part of themselves by the last step.")
    critic_warmup_steps: int = Field(default=0, ge=0, description="Steps in which the critic alone learns.")
    separate_critic: bool = Field(default=True, description="A critic of its own instead of a second head on the actor.")
    value_weight: float = Field(default=0.5, gt=0, description="Of the squared value error (times one half).")
    entropy: float = Field(default=0.0, ge=0, description="Weight of the entropy bonus.")
    max_gradient_norm: float = Field(default=0.5, gt=0, description="For actor and critic each on its own.")
    joint_gradient_norm: bool = Field(default=False, description="Clip actor and critic together, as the FLaRe release does.")
    centre_advantages: bool = Field(default=False, description="Take the mean of a rollout's advantages away.")
    normalise_advantages: bool = Field(default=False, description="Take the mean away and divide by the deviation.")
    cold_memory: bool = Field(default=False, description="Forget at every rollout boundary, as the FLaRe release does.")
    arithmetic: Literal["float32", "bfloat16"] = Field(
        default="float32",
        description="Of the update's matrix products. bfloat16 is for large policies on processors that have it; the ratio of unchanged "
        "weights is then 1 to about a hundredth instead of a ten-thousandth, because rollouts stay in float32.",
    )
    kl: KlSpec | None = None
    """Holds the policy near the one that it began as; left out, nothing does."""
    explore: ExploreSpec | None = None
    """Has new actions tried; left out, they are only as likely as the policy makes them."""
    lagrange: LagrangeSpec = LagrangeSpec()
    """For tasks with constraints `by: lagrange`."""
    randomise_materials: float = Field(default=0.8, ge=0, le=1, description="Share of training episodes in random colours; FLaRe has 0.8.")
    randomise_light: float = Field(
        default=0.0, ge=0, le=1, description="Share of training episodes in light of random brightness and warmth; embedded simulator only."
    )
    augment: AugmentSpec | None = Field(default=None, description="What is done to the cameras' pictures in training.")
    houses: int = Field(default=400, gt=0, description="Training houses.")
    horizon: int | None = Field(
        default=None, gt=0, description="Steps after which a training episode is cut off; the task's own if absent."
    )
    evaluation_episodes: int = Field(default=500, gt=0, description="Held-out episodes before and after.")
    evaluate_greedy: bool = Field(default=True, description="Measure with the most probable action too, not with sampled ones alone.")

    @pydantic.model_validator(mode="after")
    def _actor_learns(self) -> Self:
        if self.steps <= self.critic_warmup_steps:
            raise ValueError(
                f"steps ({self.steps:,}) has to be more than critic_warmup_steps ({self.critic_warmup_steps:,}), "
                "or the policy never learns. Raise `steps` or lower `critic_warmup_steps`"
            )
        return self


class ViewSize(Spec):
    """Size of one of the policy's images in pixels."""

    width: int = Field(gt=0)
    """Pixels from left to right."""
    height: int = Field(gt=0)
    """Pixels from top to bottom."""


class PerceptionSpec(Spec):
    """The encoder's lesson: what an image shows, on which side, how near, and how far the walls are."""

    frames: int = Field(gt=0, description="Different frames of every view.")
    passes: int = Field(default=4, gt=0, description="Times that a frame is learned from.")
    batch: int = Field(default=128, gt=0, description="Frames of a step for each worker.")
    buffer: int = Field(default=16384, gt=0, description="Frames that each worker keeps to draw from.")
    learning_rate: float = Field(gt=0)
    """Of the encoder."""
    focus: float = Field(default=0.75, ge=0, le=1, description="Share of frames that look towards something that the task asks for.")
    at_hand: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of these in which the manipulation camera looks at it, from where an arm could reach it.",
    )
    views: tuple[str, ...] = Field(default=(), description="Views that learn; all if none is named.")


class CloningSpec(Spec):
    """How the expert is cloned."""

    steps: int = Field(gt=0, description="Environment steps over all rows.")
    rows: int = Field(default=64, gt=0)
    """Environments that run side by side, over all workers."""
    rollout: int = Field(default=64, gt=0)
    """Steps of every row between two updates."""
    passes: int = Field(default=2, gt=0, description="Times that a rollout is learned from before it is dropped.")
    minibatches: int = Field(default=4, gt=0)
    """Parts of a pass; whole rows go together."""
    learning_rate: float = Field(gt=0)
    """Of everything but the encoder."""
    expert_share: float = Field(
        default=0.35, ge=0, le=1, description="Share of episodes that the expert leads; the policy leads the others."
    )
    expert_only_steps: int = Field(default=0, ge=0, description="Steps at the start in which the expert leads all.")
    segments: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        default=(),
        description="Steps after which it is drawn anew who leads; of several lengths every episode has one, in turn. Left out, whoever "
        "leads does so to the end of the episode.",
    )
    random_actions: float = Field(default=0.05, ge=0, lt=1, description="Chance of a random detour at a step.")


class PracticeSpec(Spec):
    """Reinforcement on the same body after imitation: PPO with the task's own reward."""

    recipe: str = Field(description="Packaged name or path of the recipe.")
    horizon: int | None = Field(
        default=None, gt=0, description="Steps after which an episode of practice is cut off; the task's own if absent."
    )


class EndingSpec(Spec):
    """How readily the policy ends an episode.

    Imitation makes `done` as likely as the expert made it, and a wrong `done` ends the episode where another look costs a step.
    The bias of the action is therefore chosen by success in validation houses.
    """

    biases: tuple[float, ...] = Field(default=(0.0,), min_length=1, description="What is tried on top of the learned bias.")
    episodes: int = Field(default=300, gt=0, description="Validation episodes for each.")


class OtherMountsSpec(Spec):
    """Cameras as smaller robots carry them: what a policy has never seen on one body it cannot carry to another."""

    share: float = Field(gt=0, le=1, description="Share of episodes in which the cameras are mounted elsewhere.")
    lower_m: float = Field(default=0.0, ge=0, description="Lower by up to this.")
    raise_deg: float = Field(default=0.0, ge=0, description="Looking higher by up to this.")
    narrow_deg: float = Field(default=0.0, ge=0, description="Seeing less from top to bottom by up to this.")


class RandomisationSpec(Spec):
    """What differs from episode to episode beyond the robot's own uncertainty, so that other mounts are nothing new."""

    pitch_deg: float = Field(default=0.0, ge=0, description="Camera pitch, plus or minus.")
    yaw_deg: float = Field(default=0.0, ge=0)
    """Camera yaw, plus or minus."""
    fov_deg: float = Field(default=0.0, ge=0)
    """Vertical field of view, plus or minus."""
    position_m: float = Field(default=0.0, ge=0, description="Camera position on each axis, plus or minus.")
    other_mounts: OtherMountsSpec | None = None
    """Cameras as smaller robots carry them, in some episodes."""
    plain: float = Field(default=0.0, ge=0, le=1, description="Share of episodes in the houses' own colours instead of random ones.")
    light: float = Field(default=0.0, ge=0, le=1, description="Share of episodes in light of random brightness and warmth.")
    augment: AugmentSpec | None = Field(
        default=None,
        description="What is done to the cameras' pictures; the lesson in seeing has no `crop`, practice its recipe's own.",
    )
    bodies: int = Field(default=256, gt=0, description="Of a robot with ranges: bodies that are drawn, each for its share of the episodes.")
    border: float = Field(default=0.0, ge=0, le=1, description="Share of episodes in which borders of the views are covered.")
    drop_view: float = Field(default=0.0, ge=0, le=1, description="Share of episodes without the second view.")


class PretrainingSpec(Spec):
    """A policy to be made by cloning an expert on one body."""

    kind: str = "pretraining"
    name: str
    origin: str | None = None
    embodiment: str
    """The robot that it is taught on: a packaged name or a path."""
    task: str
    """What it is taught: a packaged name or a path."""
    further_tasks: tuple[str, ...] = Field(
        default=(),
        description="Tasks that are imitated beside `task`, in as many rows each. What the encoder is taught to see is `task`'s.",
    )
    views: dict[str, ViewSize] = Field(description="The policy's images, by the role of the camera that they come from.")
    features: int = Field(default=192, gt=0, description="Width of one view's feature vector.")
    levels: int = Field(default=0, ge=0, description="Level strips of a view in which a category is said to be there: how high it is.")
    context: int = Field(default=64, gt=1, description="Steps of its own episode that the policy can look back on.")
    start: str | None = Field(
        default=None, description="A policy of the same shape, or of fewer levels, to begin with: shipped:NAME or a bundle's folder."
    )
    perception: PerceptionSpec | None = Field(default=None, description="Left out, the encoder stays as `start` has it.")
    cloning: CloningSpec | None = Field(default=None, description="Left out, nothing is imitated.")
    practice: PracticeSpec | None = None
    """Left out, nothing is practised."""
    ending: EndingSpec = EndingSpec()
    """How readily `done` is said; chosen in validation houses."""
    randomisation: RandomisationSpec = RandomisationSpec()
    """What differs from episode to episode."""
    houses: int = Field(default=1000, gt=0, description="Training houses.")
    evaluation_episodes: int = Field(default=1000, gt=0, description="Held-out episodes in unseen houses.")
