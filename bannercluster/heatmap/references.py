"""References of grids out of a Dataset, their profiles, and scores against them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from bannercluster.errors import DataError
from bannercluster.heatmap.binning import N_BINS, Counts
from bannercluster.heatmap.statistics.estimation import SpreadCase, estimate_spread
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.scores import Blocks, Scorecard
from bannercluster.heatmap.statistics.spread import VariationSpread
from bannercluster.heatmap.thinning import content_key

Array = npt.NDArray[np.float64]

_MOST_OTHERS = 24
"""Other grids whose densities a wrong layout may show."""

_MOST_CASES = 40
_REFERENCES_OF_A_CASE = 6
_LEAST_CASES = 10
"""References, of all grids, from which on their variation is estimated rather than assumed."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def counts_of(heatmaps: xr.Dataset) -> Counts:
    """Return the counts of a Dataset, checked."""
    if "counts" not in heatmaps or heatmaps["counts"].dims != ("sample", "y", "x"):
        raise DataError(
            f"the Dataset has the variables {sorted(map(str, heatmaps.data_vars))}; expected "
            "counts(sample, y, x), as `bc heatmap features` makes them"
        )
    counts: Counts = heatmaps["counts"].to_numpy()
    if counts.shape[1:] != (N_BINS, N_BINS) or counts.dtype != np.uint32:
        raise DataError(
            f"the counts have the shape {counts.shape} and type {counts.dtype}; expected "
            f"(n, {N_BINS}, {N_BINS}) of uint32"
        )
    return counts


def names_of(heatmaps: xr.Dataset, coordinate: str) -> npt.NDArray[np.object_]:
    """Return a coordinate of names, such as ``grid_id``."""
    if coordinate not in heatmaps.coords:
        raise DataError(
            f"the Dataset has the coordinates {sorted(map(str, heatmaps.coords))}, and no "
            f"{coordinate}: expected a name for each heatmap"
        )
    # A store read back has strings of variable width, which cast to no other kind of string.
    return np.array([str(one) for one in heatmaps[coordinate].to_numpy().tolist()], object)


def references_of(
    counts: Counts, grid_id: npt.NDArray[np.object_], healthy: npt.NDArray[np.bool_]
) -> dict[str, Counts]:
    """Return the references of each grid in the order of their content.

    Those without clicks do not count, equal ones count once; a grid left without any is left out.
    """
    found = {}
    for name in sorted(set(grid_id[healthy].tolist())):
        own = counts[healthy & (grid_id == name)]
        distinct = {content_key(one): one for one in own if one.any()}
        if distinct:
            found[name] = np.stack([distinct[key] for key in sorted(distinct)])
    return found


def profiles_of(references: dict[str, Counts]) -> dict[str, GridProfile]:
    """Return the profile of each grid, with the variation that all grids' references show."""
    plain = {name: GridProfile.of(own) for name, own in references.items()}
    spread = _spread_of(references, plain)
    step = max(1, len(plain) // _MOST_OTHERS)
    shown = dict(list(plain.items())[::step][: _MOST_OTHERS + 1])
    return {
        name: replace(
            profile,
            spread=spread,
            others=tuple(one.density for other, one in shown.items() if other != name)[
                :_MOST_OTHERS
            ],
        )
        for name, profile in plain.items()
    }


def _spread_of(references: dict[str, Counts], profiles: dict[str, GridProfile]) -> VariationSpread:
    cases = [
        SpreadCase(profile, references[name][profile.kept][:_REFERENCES_OF_A_CASE])
        for name, profile in list(profiles.items())[:_MOST_CASES]
        if profile.n_references > 1
    ]
    if sum(len(case.references) for case in cases) < _LEAST_CASES:
        return VariationSpread()
    return estimate_spread(cases)


def fold_scorer(whole: GridProfile, blocks: Blocks) -> Callable[[Counts, Counts], Array]:
    """Return what scores heatmaps against some of a grid's references."""

    def score(references: Counts, counts: Counts) -> Array:
        profile = GridProfile.of(
            references, spread=whole.spread, others=whole.others, elements=whole.elements
        )
        return Scorecard.of(profile, blocks).scores(counts).values

    return score


def mapped(function: Callable[[_In], _Out], items: Sequence[_In], n_workers: int) -> list[_Out]:
    """Return the results for all items, in their order, made by so many threads."""
    if n_workers == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(n_workers) as pool:
        return list(pool.map(function, items))
