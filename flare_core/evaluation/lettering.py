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
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or width_in(longer, size, weight) <= most_in:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
