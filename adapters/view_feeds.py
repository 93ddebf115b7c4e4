"""Which target camera feeds each image of the policy."""

import math
from collections.abc import Mapping
from typing import Final, Literal

from flare_core.adapters.pairing import SAME_SIZE
from flare_core.adapters.plan import ViewEntry, ViewPlan
from flare_core.adapters.refusals import Fault, Where, did_you_mean
from flare_core.adapters.spec import ViewChoice
from flare_core.adapters.view import coverage
from flare_core.embodiments.body import Camera, Embodiment

ENOUGH: Final = 0.5  # of a view that a camera should cover; below, LoCoBot and TurtleBot did better with all of their image (results/)
Views = Mapping[str, tuple[int, int]]
"""Width and height in pixels of every image that the policy expects, by name."""
ViewChoices = Mapping[str, ViewChoice | Literal["absent"]]


def feed_views(source: Embodiment, target: Embodiment, views: Views, choices: ViewChoices, where: Where) -> tuple[ViewPlan, list[Fault]]:
    """View plan and whatever it refuses; with faults the plan is not whole."""
    faults = [
        _bad(("views", name), f"the policy has no view '{name}'; it has {', '.join(views)}.{did_you_mean(name, views)}", where)
        for name in choices
        if name not in views
    ]
    entries: list[ViewEntry] = []
    for view, size in views.items():
        found = _feed(source, target, view, size, choices.get(view), where)
        if isinstance(found, Fault):
            faults.append(found)
        else:
            entries.append(found)
    used = {entry.camera for entry in entries}
    return ViewPlan(entries=tuple(entries), unused=tuple(c.name for c in target.cameras if c.name not in used)), faults


def _feed(
    source: Embodiment, target: Embodiment, view: str, size: tuple[int, int], choice: ViewChoice | Literal["absent"] | None, where: Where
) -> ViewEntry | Fault:
    trained = _camera_of(source, view)
    name = trained.name if trained is not None else None
    if choice is None:
        return _unasked(source, target, view, size, where)
    if choice == "absent":
        return _entry(view, size, None, None, name, "absent by choice")
    if choice.camera not in [camera.name for camera in target.cameras]:
        known = [camera.name for camera in target.cameras]
        has = f"it has {', '.join(known)}" if known else "it has none"
        hint = did_you_mean(choice.camera, known)
        return _bad(("views", view, "from"), f"{target.name} has no camera '{choice.camera}'; {has}.{hint}", where)
    if choice.fit == "reproject" and trained is None:
        what = f"{source.name} has no camera for this view, so its angles are not known. Use `fit: resize` or `fit: crop`."
        return _bad(("views", view, "fit"), what, where)
    reasons = {
        "reproject": "angles kept; what the camera does not cover is filled",
        "resize": "whole image, angles not kept",
        "crop": "centre of the image, angles not kept",
    }
    return _entry(view, size, choice.camera, choice, name, reasons[choice.fit])


def _unasked(source: Embodiment, target: Embodiment, view: str, size: tuple[int, int], where: Where) -> ViewEntry | Fault:
    """A view without a choice is fed only by a camera that looks the same way through the same lens."""
    old, new = _camera_of(source, view), _camera_of(target, view)
    if old is not None and new is not None and sees_alike(old, new):
        same = ViewChoice.model_validate({"from": new.name, "fit": "resize"})
        return _entry(view, size, new.name, same, old.name, "same direction and field of view")
    stand_in = new or (target.camera_for("navigation") if view == "navigation" else None)
    value = "absent"
    advice = ""
    if stand_in is not None and old is None:
        value = f"{{from: {stand_in.name}, fit: crop}}"
    elif stand_in is not None and old is not None:
        share = coverage(old, stand_in, *size)
        value = f"{{from: {stand_in.name}, fit: {'reproject' if share >= ENOUGH else 'resize'}}}"
        advice = f" (`reproject`, which keeps angles, would fill {100 * share:.0f} % of the view)"
    was = f"{source.name}'s camera '{old.name}', {_lens(old)}" if old is not None else f"a view that {source.name} does not describe"
    now = f"{target.name}'s camera '{stand_in.name}' differs: {_lens(stand_in)}" if stand_in else f"{target.name} has no such camera"
    message = f"adapters: view '{view}' ({was}) is not fed: {now}. Add `{view}: {value}` under `views:` in {where(('views',))}{advice}"
    return Fault(section="views", key=view, value=value, message=message)


def sees_alike(a: Camera, b: Camera) -> bool:
    """Whether two cameras have one direction (joints at home), field of view and aspect ratio, wherever they are mounted."""

    def lens(camera: Camera) -> tuple[float, ...]:
        w, h = camera.width_px, camera.height_px
        return camera.yaw, camera.pitch, camera.fx / w, camera.fy / h, camera.cx / w, camera.cy / h

    return all(abs(x - y) <= SAME_SIZE for x, y in zip(lens(a), lens(b), strict=True))


def _camera_of(body: Embodiment, view: str) -> Camera | None:
    """The camera with that role, or of that name."""
    by_role = [camera for camera in body.cameras if camera.role == view]
    by_name = [camera for camera in body.cameras if camera.name == view]
    return next(iter(by_role or by_name), None)


def _lens(camera: Camera) -> str:
    across, upright = math.degrees(camera.horizontal_fov), math.degrees(camera.vertical_fov)
    return f"{across:.0f}x{upright:.0f} deg, {math.degrees(camera.pitch):.0f} deg down"


def _entry(view: str, size: tuple[int, int], camera: str | None, choice: ViewChoice | None, source: str | None, reason: str) -> ViewEntry:
    fit = choice.fit if choice is not None else None
    return ViewEntry(view=view, width=size[0], height=size[1], camera=camera, fit=fit, source_camera=source, reason=reason)


def _bad(path: tuple[str, ...], what: str, where: Where) -> Fault:
    return Fault(section="views", key=path[1], value="", message=f"{where(path)}: {'.'.join(path)}: {what}")
