"""Does it generalise: seen and held-out grids, faults and numbers of clicks, each with each."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.simulator.faults import FAULTS
from benchmarks.heatmap.outcomes import Outcomes, ranked
from benchmarks.heatmap.resampling import Resampled
from benchmarks.heatmap.teaching import IN_RANGE

Mask = npt.NDArray[np.bool_]


def generalisation(held_out: Outcomes, seen: Outcomes) -> list[dict[str, Any]]:
    """Return the eight cells of the matrix, by the final p of the statistics alone.

    All combinations are taught 50 to 5,000 clicks. The network is left out: it was taught all
    faults and 20 to 50,000 clicks. A seen grid is one that combinations were taught on; its
    heatmaps here are of other domains, and its layout family was taught. Each held-out fault is
    judged by a combination that was taught the ten others, beside healthy heatmaps judged by the
    same; the figure is the mean over faults, as that of seen faults is, each having as many
    heatmaps. Limits of recall are set on the heatmaps of the cell.
    """
    return [
        {
            "held_out_grid": grid,
            "held_out_fault": fault,
            "other_clicks": other,
            "clicks": sorted(set(own.n_clicks[chosen].tolist())),
            "n_grids": len(np.unique(own.grid)),
            **ranked(_cell(own, chosen, held_out_fault=fault)),
        }
        for grid, own in ((False, seen), (True, held_out))
        for fault in (False, True)
        for other in (False, True)
        if (chosen := np.isin(own.n_clicks, IN_RANGE) != other).any()
    ]


def _cell(own: Outcomes, chosen: Mask, *, held_out_fault: bool) -> Resampled:
    return Resampled.mean(
        [
            own.resampled(
                f"in_range_p_without:{fault}" if held_out_fault else "in_range_p",
                chosen & own.against_healthy(fault),
            )
            for fault in FAULTS
        ]
    )
