"""How well an episode went, from its account alone."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def spl(success: npt.ArrayLike, shortest_m: npt.ArrayLike, path_m: npt.ArrayLike) -> Floats:
    """Success weighted by path length, for every episode.

    Reference: Anderson et al. 2018, "On evaluation of embodied navigation agents", section 3.2.

    Args:
        success: (N,) 0 or 1.
        shortest_m: (N,) geodesic distance from the start to where the target can be seen.
        path_m: (N,) length of the way that was gone.

    Returns:
        (N,) success * shortest / max(path, shortest); success itself where the shortest way is 0.
    """
    return _weighted(success, shortest_m, path_m)


def sel(success: npt.ArrayLike, expert_steps: npt.ArrayLike, steps: npt.ArrayLike) -> Floats:
    """Success weighted by episode length, for every episode.

    Reference: Eftekhar et al. 2023, "Selective visual representations", as FLaRe reports it.

    Args:
        success: (N,) 0 or 1.
        expert_steps: (N,) actions that the expert needs from the same start.
        steps: (N,) actions that were taken.

    Returns:
        (N,) success * expert / max(steps, expert).
    """
    return _weighted(success, expert_steps, steps)


def _weighted(success: npt.ArrayLike, best: npt.ArrayLike, taken: npt.ArrayLike) -> Floats:
    won, least, most = (np.asarray(array, dtype=np.float64) for array in (success, best, taken))
    most = np.maximum(most, least)
    return np.asarray(won * np.divide(least, most, out=np.ones_like(most), where=most > 0.0))
