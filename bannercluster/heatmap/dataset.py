"""Heatmaps as an xarray Dataset: ``counts(sample, y, x)`` and what is known of each sample."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from bannercluster.errors import DataError
from bannercluster.heatmap.binning import CENTRES, MARGIN, N_BINS, Counts
from bannercluster.store.heatmaps import VERSION

Column = npt.NDArray[np.generic]

TEXT = ("domain", "grid_id", "label", "fault", "split")
"""Coordinates that are names; where one is not known it is empty."""

LABELS = ("", "healthy", "broken")


def heatmap_dataset(
    counts: Counts,
    domain: Sequence[str] | Column,
    grid_id: Sequence[str] | Column,
    coords: Mapping[str, Column] | None = None,
) -> xr.Dataset:
    """Return heatmaps as a Dataset.

    Parameters
    ----------
    counts : ndarray of shape (n_samples, 64, 64), uint32
        Row y, column x.
    domain, grid_id : sequence of n_samples str
    coords : mapping of str to ndarray of shape (n_samples,), optional
        What else is known, such as ``n_beyond``, ``visits``, ``label`` or ``fault``.

    Returns
    -------
    Dataset
        With the coordinates ``x`` and ``y`` (centres of the bins, in widths and heights of the
        slot) and ``n_clicks``, and the attributes ``version``, ``bins``, ``margin`` and
        ``fingerprint``.
    """
    n = len(counts)
    if counts.shape != (n, N_BINS, N_BINS) or counts.dtype != np.uint32:
        raise DataError(
            f"the counts have the shape {counts.shape} and the type {counts.dtype}; expected "
            f"(n, {N_BINS}, {N_BINS}) of uint32, as bin_clicks makes them"
        )
    given = {
        "domain": np.asarray(domain, object),
        "grid_id": np.asarray(grid_id, object),
        "n_clicks": counts.sum(axis=(1, 2), dtype=np.int64),
        **(coords or {}),
    }
    columns = {
        name: np.asarray(values, object if name in TEXT else None) for name, values in given.items()
    }
    wrong = [name for name, values in columns.items() if values.shape != (n,)]
    if wrong:
        raise DataError(
            f"{', '.join(wrong)} of the heatmaps: expected one value for each of {n:,} heatmaps"
        )
    dataset = xr.Dataset(
        {"counts": (("sample", "y", "x"), counts, {"long_name": "clicks of each bin"})},
        {
            "y": ("y", CENTRES, {"long_name": "centre of the bin", "units": "slot height"}),
            "x": ("x", CENTRES, {"long_name": "centre of the bin", "units": "slot width"}),
            **{name: ("sample", values) for name, values in columns.items()},
        },
    )
    attributes = {"version": VERSION, "bins": N_BINS, "margin": MARGIN}
    return dataset.assign_attrs(**attributes, fingerprint=_fingerprint(counts, columns))


def read_back(dataset: xr.Dataset) -> xr.Dataset:
    """Return heatmaps that were read from a store as :func:`heatmap_dataset` made them."""
    names = {name: dataset[name].astype(object) for name in TEXT if name in dataset.coords}
    return dataset.assign_coords(names)


def _fingerprint(counts: Counts, columns: Mapping[str, Column]) -> str:
    """Return the SHA-256 of the heatmaps and of all that is known of them."""
    digest = hashlib.sha256(f"heatmaps {VERSION} {len(counts)}".encode())
    digest.update(np.ascontiguousarray(counts, "<u4").data.cast("B") if len(counts) else b"")
    for name in sorted(columns):
        values = columns[name]
        if values.dtype == object:
            data = "\0".join(values.tolist()).encode()
        else:
            data = np.ascontiguousarray(values).tobytes()
        digest.update(f"\n{name} {values.dtype.str} {len(data)}\n".encode() + data)
    return digest.hexdigest()
