"""`flare watch`: a bundle plays held-out episodes in the embedded simulator, and a video shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from flare_core.adapters.plan import ViewEntry
from flare_core.adapters.planning import plan_views
from flare_core.adapters.spec import SimulatorSpec
from flare_core.errors import SimError
from flare_core.runs.candidate import Candidate
from flare_core.runs.evaluating import scene_of
from flare_core.runs.finetune import Watcher
from flare_core.runs.stages import EMBEDDED, HELD_OUT_HOUSES, Scene, Split, ground_of
from flare_core.runs.trails import held_out_house
from flare_core.runs.watching.frames import About, EpisodeFrames
from flare_core.runs.watching.layout import HEIGHT, WIDTH, Feed
from flare_core.runs.watching.record import Recording, record
from flare_core.runs.watching.replay import Replay
from flare_core.runs.watching.video import Video, writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to show.

    Attributes:
        numbers: of the episodes.
        fps: steps a second.
        poster: PNG to write one frame to, or None.
    """

    numbers: tuple[int, ...]
    split: Split
    greedy: bool
    seed: int
    fps: float
    out: Path
    poster: Path | None = None
    replaces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What came of it. `endings`: a sentence on each recording."""

    recordings: tuple[Recording, ...]
    endings: tuple[str, ...]
    frames: int


def watch(candidate: Candidate, wish: Wish, watcher: Watcher) -> Watched:
    """Record the episodes and write their video, and the poster if one is wished for.

    Raises:
        SimError: a file is there already, its folder is not, or the package av is missing.
        TaskError: the houses offer this body nothing to do.
    """
    for path in (wish.out, wish.poster):
        refuse_taken(path, wish.replaces)
    scene = scene_of(candidate, ground_of(SimulatorSpec(), wish.split, HELD_OUT_HOUSES, candidate.bundle.embodiment))
    watcher.stage("playing", len(wish.numbers))
    recordings = record(scene, candidate.policy, candidate.senses, wish.numbers, seed=wish.seed, greedy=wish.greedy, report=watcher.advance)
    watcher.stage("drawing", frame_count(recordings, wish.fps))
    endings, poster_at = list[str](), poster_episode(recordings)
    with writing(wish.out, wish.fps, WIDTH, HEIGHT) as video:
        for at, recording in enumerate(recordings):
            painter = painter_of(candidate, scene, recording, wish)
            endings.append(painter.ending())
            poster = _draw(painter, recording, video, wish.fps, watcher)
            if at == poster_at and wish.poster is not None:
                save_png(poster, wish.poster)
    return Watched(recordings=tuple(recordings), endings=tuple(endings), frames=video.frames)


def painter_of(candidate: Candidate, scene: Scene, recording: Recording, wish: Wish) -> EpisodeFrames:
    """What draws the frames of one recording."""
    body, task = scene.bodies[recording.episode.body] if scene.bodies else scene.body, candidate.task
    about = About(
        policy=candidate.bundle.name, task=task.name, split=wish.split, choice="greedy" if wish.greedy else "sampled", simulator=EMBEDDED,
        ends_with=body.action_names[task.end_action(body)], horizon=task.horizon,
    )  # fmt: skip
    house = (scene.house_of or held_out_house)(recording.episode.start.house)
    return EpisodeFrames(recording, Replay(scene, candidate.senses.views), body, house, about, feeds_of(candidate))


def feeds_of(candidate: Candidate) -> list[Feed]:
    """What feeds every image of the policy."""
    bundle, views = candidate.bundle, candidate.policy.spec.views
    body = bundle.embodiment
    sizes = {view.name: (view.width, view.height) for view in views}
    plan = plan_views(body, body, sizes, {}) if bundle.plan is None else bundle.plan.views
    entries: dict[str, ViewEntry] = {entry.view: entry for entry in plan.entries}
    return [
        Feed(view=view.name, width=view.width, height=view.height, camera=entries[view.name].camera, how=entries[view.name].fit or "")
        for view in views
    ]


def frame_count(recordings: Sequence[Recording], fps: float) -> int:
    """Frames of a video: one for each step, and a second of the closing card for each episode."""
    return sum(recording.length + closing_frames(fps) for recording in recordings)


def closing_frames(fps: float) -> int:
    """Frames that the closing card stays for: a second."""
    return max(1, round(fps))


def poster_episode(recordings: Sequence[Recording]) -> int:
    """The first that succeeded, else the first."""
    return next((at for at, recording in enumerate(recordings) if recording.succeeded), 0)


def refuse_taken(path: Path | None, replaces: bool) -> None:
    """Refuse a place that cannot be written to, before anything is computed.

    Raises:
        SimError: the file is there and is not to be replaced, or its folder is missing.
    """
    if path is None:
        return
    if not path.parent.is_dir():
        raise SimError(f"watch: {path}: there is no folder {path.parent}. Make it, or name another place with --out")
    if path.exists() and not replaces:
        raise SimError(f"watch: {path}: is there already and is not overwritten. Give --replace, or name another file")


def save_png(image: Image.Image, path: Path) -> None:
    """Write a frame whole or not at all."""
    fresh = path.with_name(f".{path.name}.part")
    try:
        image.save(fresh, format="png", optimize=True)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _draw(painter: EpisodeFrames, recording: Recording, video: Video, fps: float, watcher: Watcher) -> Image.Image:
    """Add one episode to the video; the frame before its last action."""
    for step in range(recording.length):
        image = painter.draw(step)
        video.add(image)
        watcher.advance(video.frames)
    before = image.copy()
    card = painter.card(painter.draw(recording.length))
    for _ in range(closing_frames(fps)):
        video.add(card)
    watcher.advance(video.frames)
    return before
