"""The pictures of a report: heatmaps as points, near where they are alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xarray as xr
from scipy.ndimage import gaussian_filter

from bannercluster.config import HeatmapReportConfig
from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.pictures.figures import (
    MARK_CAP,
    Heatmaps,
    ScatterView,
    mvu_figure,
    pca_figure,
    similarity_figure,
)
from bannercluster.heatmap.pictures.mvu import unfold
from bannercluster.heatmap.pictures.pca import principal_components
from bannercluster.heatmap.pictures.similarity import cosine_to_anchor, mean_anchor
from bannercluster.heatmap.references import counts_of
from bannercluster.heatmap.report.views import PicturesView

Array = npt.NDArray[np.float64]

_LEAST = 8
"""Heatmaps from which on a picture says something."""

_BLOCK = "roots of the shares of clicks"
_SMOOTH, _PLAIN = "smoothed shares", "shares as they are"
_SMOOTH_BINS = 2.0


def pictures_view(
    found: xr.Dataset, table: pa.Table, config: HeatmapReportConfig
) -> PicturesView | None:
    """Return scatter plots of the heatmaps with clicks; None where there are too few.

    Parameters
    ----------
    found : Dataset
        The heatmaps, loaded.
    table : Table
        Of their scores.
    config : HeatmapReportConfig
    """
    counts = counts_of(found)
    rng = np.random.default_rng(np.random.SeedSequence([config.seed]))
    rows = _sample(rng, np.flatnonzero(found["n_clicks"].to_numpy() > 0), MARK_CAP)
    if len(rows) < _LEAST:
        return None
    said = _heatmaps(found, table, rows)
    roots = _roots(counts[rows])
    pca = pca_figure(principal_components(roots), said, block=_BLOCK)
    mvu = []
    fewer = _sample(rng, np.arange(len(rows)), config.unfolded)
    if len(fewer) >= _LEAST:
        # Distances between points do not change when they are turned into their own components.
        own = principal_components(roots[fewer], len(fewer)).coordinates
        mvu.append(mvu_figure(unfold(own), _heatmaps(found, table, rows[fewer]), block=_BLOCK))
    return PicturesView((pca,), tuple(mvu), _similarity(found, table, counts, rows), _note(found))


def _note(found: xr.Dataset) -> str:
    known = "label" in found.coords and (found["label"].to_numpy().astype(str) == "broken").any()
    cross = "is known to be broken" if known else "is an alert"
    return f"A cross {cross}. Heatmaps of few clicks lie far from others by chance alone."


def _sample(
    rng: np.random.Generator, rows: npt.NDArray[np.int64], most: int
) -> npt.NDArray[np.int64]:
    """Return some rows in their order, all where they are few."""
    if len(rows) <= most:
        return rows
    chosen: npt.NDArray[np.int64] = np.sort(rng.permutation(rows)[:most])
    return chosen


def _roots(counts: Counts) -> Array:
    """Return the roots of the shares of clicks: their differences are Hellinger's distance."""
    shares = _shares(counts)
    roots: Array = np.sqrt(shares).reshape(len(counts), -1)
    return roots


def _shares(counts: Counts) -> Array:
    shares: Array = counts / counts.sum(axis=(1, 2), keepdims=True, dtype=np.float64)
    return shares


def _heatmaps(found: xr.Dataset, table: pa.Table, rows: npt.NDArray[np.int64]) -> Heatmaps:
    label = found["label"].to_numpy().astype(str) if "label" in found.coords else None
    if label is not None and (label == "broken").any():
        broken = label[rows] == "broken"
    else:
        broken = table["alert"].to_numpy(zero_copy_only=False)[rows]
    grid, domain = (found[name].to_numpy().astype(str)[rows] for name in ("grid_id", "domain"))
    names = tuple(f"{one} on {where}" for one, where in zip(domain, grid, strict=True))
    return Heatmaps(tuple(grid.tolist()), tuple(broken.tolist()), names)


def _similarity(
    found: xr.Dataset, table: pa.Table, counts: Counts, rows: npt.NDArray[np.int64]
) -> tuple[ScatterView, ...]:
    """Return the similarity to the mean reference of the grid, plain against smoothed."""
    reference = found["reference"].to_numpy() & (found["n_clicks"].to_numpy() > 0)
    grid = found["grid_id"].to_numpy().astype(str)
    chosen = rows[np.isin(grid[rows], grid[reference]) & ~reference[rows]]
    if len(chosen) < _LEAST:
        return ()
    cosine = np.zeros((2, len(chosen)))
    for name in np.unique(grid[chosen]):
        own, healthy = grid[chosen] == name, reference & (grid == name)
        for nth, sigma in enumerate((0.0, _SMOOTH_BINS)):
            blocks = [_smooth(counts[part], sigma) for part in (chosen[own], healthy)]
            anchor = mean_anchor(blocks[1], np.ones(len(blocks[1]), bool))
            cosine[nth, own] = cosine_to_anchor(blocks[0], anchor)
    said = _heatmaps(found, table, chosen)
    return (similarity_figure(cosine[0], cosine[1], said, x_block=_PLAIN, y_block=_SMOOTH),)


def _smooth(counts: Counts, sigma: float) -> Array:
    shares = _shares(counts)
    if sigma:
        shares = gaussian_filter(shares, (0, sigma, sigma))
    flat: Array = shares.reshape(len(counts), -1)
    return flat
