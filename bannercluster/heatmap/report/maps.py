"""Heatmaps as pictures of 64 x 64 px, each with its scale and in words."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from PIL import Image

from bannercluster.heatmap.binning import CENTRES, N_BINS
from bannercluster.heatmap.report.ramps import DIVERGING, N_LEVELS, SEQUENTIAL, ramp
from bannercluster.heatmap.report.views import AlertView
from bannercluster.render.text import MINUS, figure, signed
from bannercluster.render.thumbnails import Thumbnail

Array = npt.NDArray[np.float64]

_SHAPE = (N_BINS, N_BINS)
_SUM_TOLERANCE = 1e-3

_PEAKS, _FEW = 4.0, 4.0
"""The scale of clicks ends at so many times the reference's peak, but not below a few clicks."""


@dataclass(frozen=True, slots=True)
class DrawnMap:
    """A picture of a heatmap.

    Parameters
    ----------
    title : str
    uri : Markup
        PNG of 64 x 64 px as a ``data:`` address.
    told : str
        What it shows, in words.
    scale : {"sequential", "diverging"}
    marks : tuple of str
        What the left end, the middle and the right end of the scale are.
    unit : str
    """

    title: str
    uri: Markup
    told: str
    scale: str
    marks: tuple[str, str, str]
    unit: str


def alert_maps(alert: AlertView, limit_sd: float) -> tuple[DrawnMap, DrawnMap, DrawnMap]:
    """Draw what was clicked, what a healthy banner would show with as many clicks, and evidence.

    The first two share a scale, which goes with the root of the clicks: chance then looks alike
    in full and in empty bins. It ends where a hot spot would leave all else dark. The third has
    the same scale for all alerts.

    Raises
    ------
    ValueError
        If a heatmap has another shape, values that are not finite or below zero, or the reference
        does not sum to one.
    """
    counts = _checked(alert, "counts", alert.counts, least=0.0)
    reference = _checked(alert, "reference", alert.reference, least=0.0)
    evidence = _checked(alert, "evidence", alert.evidence, least=-np.inf)
    if abs(reference.sum() - 1.0) > _SUM_TOLERANCE:
        raise ValueError(
            f"the reference of {alert.domain!r} on {alert.grid_id!r} sums to {reference.sum():.4g},"
            " expected a density that sums to 1"
        )
    if not limit_sd > 0:
        raise ValueError(f"the evidence ends at {limit_sd} standard deviations, expected above 0")
    expected = reference * counts.sum()
    most, is_cut = _end_of_scale(counts, expected)
    cut = "≥ " if is_cut else ""
    marks = ("0", figure(most / 4, "significant"), cut + figure(most, "significant"))
    shown = (("This banner", counts), ("Healthy reference", expected))
    first, second = (
        DrawnMap(title, _png(_rising(values, most), SEQUENTIAL, N_LEVELS), _told_clicks(values),
                 "sequential", marks, "clicks a bin")
        for title, values in shown
    )  # fmt: skip
    levels = np.rint((np.clip(evidence / limit_sd, -1, 1) + 1) * (N_LEVELS - 2) / 2)
    end = f"{limit_sd:g}"
    third = DrawnMap(
        "Evidence",
        _png(levels.astype(np.uint8), DIVERGING, N_LEVELS - 1),
        _told_evidence(evidence),
        "diverging",
        (f"{MINUS}{end}", "0", f"+{end}"),
        "standard deviations",
    )
    return first, second, third


def _checked(alert: AlertView, name: str, values: npt.NDArray[np.generic], least: float) -> Array:
    found: Array = np.asarray(values, np.float64)
    if found.shape != _SHAPE or not np.isfinite(found).all() or (found < least).any():
        raise ValueError(
            f"the {name} of {alert.domain!r} on {alert.grid_id!r} have the shape {found.shape} and "
            f"values from {found.min(initial=np.inf):.3g} to {found.max(initial=-np.inf):.3g}; "
            f"expected {_SHAPE}, finite{', at least 0' if least == 0 else ''}"
        )
    return found


def _end_of_scale(counts: Array, expected: Array) -> tuple[float, bool]:
    """Return the clicks that are brightest, and whether bins with more of them are as bright."""
    fullest = float(counts.max())
    room = max(_PEAKS * float(expected.max()), _FEW)
    if fullest > room:
        return float(np.ceil(room)), fullest > np.ceil(room)
    return max(fullest, float(expected.max()), _FEW / _PEAKS), False


def _rising(values: Array, most: float) -> npt.NDArray[np.uint8]:
    levels: npt.NDArray[np.uint8] = np.rint(
        np.sqrt(np.minimum(values / most, 1)) * (N_LEVELS - 1)
    ).astype(np.uint8)
    return levels


def _told_clicks(values: Array) -> str:
    total, inside = values.sum(), (CENTRES >= 0) & (CENTRES <= 1)
    if not total:
        return "no clicks"
    ring = 1.0 - float(values[np.ix_(inside, inside)].sum() / total)
    most = figure(float(values.max()), "significant")
    return (
        f"most in one bin: {most}, {_place(values.argmax())}; "
        f"{figure(ring, 'percent')} of the clicks outside the slot"
    )


def _told_evidence(evidence: Array) -> str:
    high, low = float(evidence.max()), float(evidence.min())
    told = [
        f"{what}: {signed(float(f'{value:.3g}'), 'significant')}, {_place(where)}"
        for what, value, where in (
            ("most too many", high, evidence.argmax()),
            ("most too few", low, evidence.argmin()),
        )
        if (value > 0) == (what == "most too many") and value
    ]
    return "; ".join(told) or "no difference from the reference"


def _place(cell: np.intp) -> str:
    """Say where a bin is; the ring has places below 0 and above 100 %."""
    y, x = divmod(int(cell), N_BINS)
    across, down = (figure(100 * float(CENTRES[one]), "count") for one in (x, y))
    return f"{across} % across and {down} % down"


def _png(levels: npt.NDArray[np.uint8], anchors: tuple[str, ...], n_levels: int) -> Markup:
    image = Image.fromarray(levels)
    image.putpalette(ramp(anchors, n_levels).tobytes())
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    # Base64, and longer than any text that is shown: not to be cleaned.
    return Markup(Thumbnail(out.getvalue(), N_BINS, N_BINS).data_uri)  # noqa: S704
