"""The plots of the report: ROC curves, distributions of p-values, realised false positives."""

from __future__ import annotations

import math
from typing import Final

from bannercluster.heatmap.report import frames
from bannercluster.heatmap.report.frames import X_PIXELS, Y_PIXELS, Axis
from bannercluster.heatmap.report.quality import CalibrationView, Estimate, RocCurve
from bannercluster.heatmap.report.views import N_P_BINS, PValues
from bannercluster.render.axes import Scale, nice_ticks, tick_labels
from bannercluster.render.svg import add, text_of
from bannercluster.render.text import figure

ROC_POINT_CAP: Final = 300
_LEAST_RATE: Final = 1e-3
_DECADES: Final = ((-3.0, "0.1 %"), (-2.0, "1 %"), (-1.0, "10 %"), (0.0, "100 %"))


def roc_plot(curves: tuple[RocCurve, ...], budget: float, uid: str) -> str:
    """Draw ROC curves; false positives are logarithmic, because alerts live below 1 %.

    Parameters
    ----------
    curves : tuple of RocCurve
        Of at least one; of each, up to `ROC_POINT_CAP` points are drawn.
    budget : float
        A false positive rate that is marked.
    uid : str
        Unique on the page.

    Raises
    ------
    ValueError
        If a curve has no point, or one outside [0, 1], or its rates do not rise.
    """
    for curve in curves:
        _check(curve)
    told = "; ".join(
        f"{one.name}: {figure(_at(one, budget), 'percent')} found at {figure(budget, 'percent')} "
        f"false positives" + (f", AUROC {figure(one.auroc.value)}" if one.auroc else "")
        for one in curves
    )
    root = frames.start("ROC curves", told, uid)
    x, y = Scale(-3.0, 0.0, *X_PIXELS), Scale(0.0, 1.0, *Y_PIXELS)
    ticks = [(nth / 5, f"{20 * nth} %") for nth in range(6)]
    frames.frame(
        root,
        Axis("false positives (logarithmic)", x, _DECADES),
        Axis("broken ones found", y, ticks),
    )
    if _LEAST_RATE <= budget <= 1:
        at = x(math.log10(budget))
        add(root, "line", "budget", x1=at, x2=at, y1=Y_PIXELS[0], y2=Y_PIXELS[1])
    for number, curve in reversed(list(enumerate(curves))):  # the first lies on top
        group = frames.series(root, number)
        frames.line(group, "best", [(x(math.log10(f)), y(t)) for f, t in _visible(curve)])
    return text_of(root)


def _check(curve: RocCurve) -> None:
    rates = [rate for rate, _ in curve.points]
    inside = all(0 <= value <= 1 for point in curve.points for value in point)
    if not rates or not inside or rates != sorted(rates):
        raise ValueError(
            f"the curve {curve.name!r} has {len(rates)} points, expected some, within 0 and 1, by "
            "ascending false positive rate"
        )


def _at(curve: RocCurve, rate: float) -> float:
    """Return the true positive rate at the last point that is within a false positive rate."""
    return max((found for false, found in curve.points if false <= rate), default=0.0)


def _visible(curve: RocCurve) -> list[tuple[float, float]]:
    """Return the points from the least rate shown on; below it only the last one counts."""
    shown = [(f, t) for f, t in curve.points if f > _LEAST_RATE]
    step = max(1, math.ceil(len(shown) / (ROC_POINT_CAP - 2)))
    thinned = shown[::step] + (shown[-1:] if shown and (len(shown) - 1) % step else [])
    first = (_LEAST_RATE, _at(curve, _LEAST_RATE))
    return [first, *thinned] if thinned else [first, (1.0, first[1])]


def p_plot(distributions: tuple[PValues, ...], uid: str) -> str:
    """Draw distributions of p-values as steps: even where healthy, high at the left where not.

    Raises
    ------
    ValueError
        If one has not `N_P_BINS` bins.
    """
    for one in distributions:
        if len(one.n_rows) != N_P_BINS:
            raise ValueError(f"{one.name!r} has {len(one.n_rows)} bins of p, expected {N_P_BINS}")
    shares = [[n / max(1, sum(one.n_rows)) for n in one.n_rows] for one in distributions]
    told = "; ".join(
        f"{one.name}: {sum(one.n_rows):,} heatmaps, {figure(own[0], 'percent')} of them below "
        f"{1 / N_P_BINS:g}"
        for one, own in zip(distributions, shares, strict=True)
    )
    root = frames.start("p-values", told, uid)
    most = max(0.1, *(max(own) for own in shares)) * 1.05
    x, y = Scale(0.0, 1.0, *X_PIXELS), Scale(0.0, most, *Y_PIXELS)
    y_ticks = [(tick, f"{100 * tick:.3g} %") for tick in nice_ticks(0.0, most, 4)]
    x_ticks = nice_ticks(0.0, 1.0, 5)
    named = list(zip(x_ticks, tick_labels(x_ticks), strict=True))
    frames.frame(root, Axis("p-value", x, named), Axis("share of the heatmaps", y, y_ticks))
    even = y(1 / N_P_BINS)
    add(root, "line", "even", x1=X_PIXELS[0], x2=X_PIXELS[1], y1=even, y2=even)
    for number, own in reversed(list(enumerate(shares))):
        ends = [(x((nth + end) / N_P_BINS), y(share)) for nth, share in enumerate(own)
                for end in (0, 1)]  # fmt: skip
        frames.line(frames.series(root, number), "best", ends)
    return text_of(root)


def calibration_plot(view: CalibrationView, uid: str) -> str:
    """Draw realised false positive rates with intervals, the goal's band and the nominal rate.

    Raises
    ------
    ValueError
        If there is no row.
    """
    if not view.rows:
        raise ValueError("a calibration plot needs a row for each number of clicks, got none")
    rates = [row.false_positive_rate for row in view.rows]
    told = ", ".join(
        f"{row.clicks} clicks: {rate_text(row.false_positive_rate.value)}" for row in view.rows
    )
    root = frames.start("Realised false positives by number of clicks", told, uid)
    most = 1.1 * max(view.band[1], *(end for one in rates for end in _ends(one)))
    x = Scale(-0.5, len(rates) - 0.5, *X_PIXELS)
    y = Scale(0.0, most, *Y_PIXELS)
    low, high = y(view.band[0]), y(view.band[1])
    add(root, "rect", "band", x=X_PIXELS[0], y=high, width=X_PIXELS[1] - X_PIXELS[0],
            height=round(low - high, 2))  # fmt: skip
    x_ticks = [(float(nth), row.clicks) for nth, row in enumerate(view.rows)]
    y_ticks = [(tick, f"{100 * tick:.3g} %") for tick in nice_ticks(0.0, most, 4)]
    frames.frame(root, Axis("clicks", x, x_ticks), Axis("healthy ones above", y, y_ticks))
    nominal = y(view.nominal)
    add(root, "line", "even", x1=X_PIXELS[0], x2=X_PIXELS[1], y1=nominal, y2=nominal)
    group = frames.series(root, 0)
    for nth, (row, rate) in enumerate(zip(view.rows, rates, strict=True)):
        at, tip = x(float(nth)), f"{row.clicks} clicks: {rate_text(rate.value)}"
        if rate.low is not None and rate.high is not None:
            add(group, "line", "interval", x1=at, x2=at, y1=y(rate.low), y2=y(rate.high))
            tip += f" ({rate_text(rate.low)} to {rate_text(rate.high)})"
        frames.dot(group, at, y(rate.value), tip)
    return text_of(root)


def rate_text(rate: float) -> str:
    """Write a rate of about a percent: a percentage with two decimals.

    >>> rate_text(0.0105)
    '1.05 %'
    """
    return f"{100 * rate:.2f} %"


def _ends(one: Estimate) -> tuple[float, ...]:
    return (one.value,) if one.high is None else (one.value, one.high)
