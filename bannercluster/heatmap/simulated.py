"""Heatmaps of the simulator's benchmark as a Dataset, with all that is known of them."""

from __future__ import annotations

import numpy as np
import xarray as xr

from bannercluster.heatmap.dataset import heatmap_dataset
from bannercluster.heatmap.simulator.benchmark import Heatmaps, SimulatedGrid


def dataset_of(heatmaps: Heatmaps, grids: list[SimulatedGrid], seed: int) -> xr.Dataset:
    """Return simulated heatmaps as :func:`~bannercluster.heatmap.dataset.heatmap_dataset` does.

    Parameters
    ----------
    heatmaps : Heatmaps
        Of the benchmark; one domain comes with several numbers of clicks, so a domain and a grid
        do not name a heatmap by themselves.
    grids : list of SimulatedGrid
        All grids of the benchmark.
    seed : int
        Of the benchmark.
    """
    names = np.array([grid.layout.grid_id for grid in grids], object)
    return heatmap_dataset(
        heatmaps.counts,
        np.array([f"domain-{number:04d}" for number in heatmaps.domain.tolist()], object),
        names[heatmaps.grid],
        {
            "label": np.where(heatmaps.broken, "broken", "healthy"),
            "reference": heatmaps.reference,
            "fault": heatmaps.fault,
            "share": heatmaps.share,
            "severity": heatmaps.severity,
            "split": heatmaps.split,
            "oracle": heatmaps.oracle,
            "detectability": heatmaps.detectability,
            "seed": np.full(len(heatmaps), seed),
        },
    )
