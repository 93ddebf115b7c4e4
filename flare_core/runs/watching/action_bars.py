"""Every action with its chance as a bar: which one was taken, which ones were masked."""

from collections.abc import Sequence

from flare_core.evaluation.pictures import INK, ORANGE, SKY
from flare_core.runs.watching.ink import GREY, PANEL, PAPER, SOFT, Ink, fitted, font
from flare_core.runs.watching.layout import ACTIONS, action_rows
from flare_core.runs.watching.record import Recording

NUMBER_WIDTH = 66  # that "masked" and "100 %" need
BIGGEST, SMALLEST = 19, 11
HEADING_PX = (26, 22, 18, 16)


class ActionBars:
    """The column of actions."""

    def __init__(self, names: Sequence[str]) -> None:
        """Args: names: of the body's actions, in the order of the policy's head."""
        self._names, self._rows = tuple(names), action_rows(len(names))
        height = self._rows[0][3] - self._rows[0][1]
        room = ACTIONS[2] - ACTIONS[0] - NUMBER_WIDTH - 12
        sizes = range(min(BIGGEST, int(0.66 * height)), SMALLEST - 1, -1)
        self._size = next((size for size in sizes if max(font(size, True).getlength(name) for name in names) <= room), SMALLEST)

    def draw(self, ink: Ink, recording: Recording, step: int) -> None:
        """The chances of one step; after the last action nothing was to be chosen any more."""
        left, top, right, _ = ACTIONS
        over = step >= recording.length
        ink.box((left, top, right, self._rows[0][1]), PAPER)
        ink.text((left, top + 2), "Last action" if over else "Action taken", 16, SOFT)
        at = min(step, recording.length - 1)
        chosen = int(recording.actions[at])
        size, lines = fitted(self._names[chosen], right - left, HEADING_PX, bold=True)
        ink.text((left, top + 24), lines[0], size, bold=True)
        for action, name in enumerate(self._names):
            self._draw_row(ink, action, name, float(recording.probabilities[at, action]), bool(recording.allowed[at, action]), chosen)

    def _draw_row(self, ink: Ink, action: int, name: str, chance: float, is_allowed: bool, chosen: int) -> None:
        left, top, right, bottom = box = self._rows[action]
        middle = top + (bottom - top - self._size) // 2 - self._size // 8
        is_chosen = action == chosen
        ink.box(box, PANEL)
        if not is_allowed:
            width = ink.text((left + 6, middle), name, self._size, GREY)
            line = (top + bottom) // 2
            ink.draw.line([(left + 6, line), (left + 6 + width, line)], fill=GREY, width=2)
            ink.text((right - 6, middle), "masked", self._size - 2, GREY, right=True)
            return
        ink.box((left, top, left + max(1, round(chance * (right - left))), bottom), ORANGE if is_chosen else SKY)
        if is_chosen:
            ink.box(box, outline=INK, width=2)
        ink.text((left + 6, middle), name, self._size, bold=is_chosen)
        ink.text((right - 6, middle), percent(chance), self._size, bold=is_chosen, right=True)


def percent(chance: float) -> str:
    """A probability as a reader wants it: whole per cent, and not nought for what is only rare."""
    if 0.0 < chance < 0.005:
        return "<1 %"
    return f"{100 * chance:.0f} %"
