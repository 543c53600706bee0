"""Colours of heatmaps: dark is nothing, and lightness alone tells how much.

Both scales start at the same near-black, so that they look alike on a light and on a dark page; the
two arms of the diverging one are blue and orange, which stay apart without full colour vision
(`tests/heatmap/report/test_ramps.py` measures it).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

SEQUENTIAL: Final = ("#101318", "#123f52", "#1f7d78", "#7fc06b", "#f7f6c5")
"""From no clicks to the most."""

EXCESS: Final = ("#101318", "#6d2a10", "#d4731c", "#fbdc95")
"""From as many clicks as expected to too many."""

LACK: Final = ("#101318", "#193c78", "#3b86d2", "#b5e0fa")
"""From as many clicks as expected to too few."""

DIVERGING: Final = (*LACK[::-1], *EXCESS[1:])

N_LEVELS: Final = 64
"""Colours of the sequential scale; the diverging one has one less, so that zero is one of them."""


def ramp(anchors: tuple[str, ...], n_levels: int) -> npt.NDArray[np.uint8]:
    """Return colours evenly spaced along anchors, shape (n_levels, 3)."""
    rgb = np.array([[int(one[i : i + 2], 16) for i in (1, 3, 5)] for one in anchors], float)
    place = np.linspace(0, len(anchors) - 1, n_levels)
    columns = [np.interp(place, np.arange(len(anchors)), column) for column in rgb.T]
    return np.stack(columns, axis=1).round().astype(np.uint8)


def ramp_css() -> str:
    """Write the classes ``sequential`` and ``diverging``: a bar of each scale."""
    return "\n".join(
        f".ramp.{name}{{background-image:linear-gradient(90deg,{','.join(anchors)})}}"
        for name, anchors in (("sequential", SEQUENTIAL), ("diverging", DIVERGING))
    )
