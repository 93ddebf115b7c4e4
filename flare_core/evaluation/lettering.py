"""How wide letters are on a figure, and text broken into lines by that."""

from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path


@lru_cache(maxsize=4096)
def width_in(text: str, size: float, weight: str = "normal") -> float:
    """Width of one line in inches, in matplotlib's own font."""
    width, _, _ = text_to_path.get_text_width_height_descent(
        text, FontProperties(family="DejaVu Sans", size=size, weight=weight), ismath=False
    )
    return float(width) / 72.0


def wrapped(text: str, most_in: float, size: float, weight: str = "normal") -> list[str]:
    """The text in as few lines as fit into a width, all about as long, so that no word stands alone on the last one."""
    lines = _broken(text, most_in, size, weight)
    low, high = 0.0, most_in
    while high - low > 0.02:
        middle = (low + high) / 2
        tried = _broken(text, middle, size, weight)
        if len(tried) == len(lines) and max(width_in(line, size, weight) for line in tried) <= middle:
            high, lines = middle, tried
        else:
            low = middle
    return lines


def _broken(text: str, most_in: float, size: float, weight: str) -> list[str]:
    """Lines of words; a name too long for a line is broken after an underscore, or where it must be."""

    def fits(part: str) -> bool:
        return width_in(part, size, weight) <= most_in

    lines = [""]
    for word in text.split():
        gap = " " if lines[-1] else ""
        if not lines[-1] or fits(lines[-1] + gap + word):
            lines[-1] += gap + word
        else:
            lines.append(word)
        while len(lines[-1]) > 1 and not fits(lines[-1]):
            whole = max((at for at in range(1, len(lines[-1])) if fits(lines[-1][:at])), default=1)
            cut = lines[-1].rfind("_", 0, whole) + 1 or whole
            lines[-1:] = [lines[-1][:cut], lines[-1][cut:]]
    return lines
