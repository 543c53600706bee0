"""Silhouettes in linear time from per-cluster sums.

For squared Euclidean distance the mean distance of a row to the rows of a cluster needs only the
mean ``m`` and the variance ``V`` of the cluster: ``|x - m|^2 + V``. For cosine distance with the
mean ``u`` of the unit rows: ``1 - <x / |x|, u>``. The own cluster's mean leaves the row itself out
(factor ``n / (n - 1)``, its distance to itself is 0).

Source: Rousseeuw (1987) for the score; the closed form is the one of Spark MLlib's
``ClusteringEvaluator``.

What it costs is the product of the rows with the means, so its precision is chosen by what the
scores need (:class:`ClusterMeans`). Rows and means are taken from the global mean ``g``. Rounding
an operand by a relative ``u`` (root mean square) in each of F features changes ``<x - g, m - g>``
by about ``u |x - g| |m - g| / sqrt(F)``: the roundings of single features are unrelated, and add
like a random walk (Higham and Mary, 2019), not like their bound. Two products with two operands
each make that twice as much, and a score ``(b - a) / max(a, b)`` changes by that over half of
``max(a, b)``, which for a row of cluster C is about the larger of V_C and its least mean distance
to another cluster. With these figures of each cluster:

- ``float64`` where there are few rows, or where float32 would change the score of a row by more
  than :data:`TOLERANCE` (clusters that are tight against their distance from the global mean);
- ``split`` where the processor multiplies bfloat16 and that is cheaper: means of similar runs
  span few directions, so ``m - g = Q t + r`` with few columns Q and a short rest r. The product
  with Q and t is taken in float32, the one with r in bfloat16. The algebra is exact for any Q. The
  number of columns is the least for which bfloat16 changes a score by less than ``TOLERANCE``;
- ``float32`` else.

``TOLERANCE`` is that of one row; errors of different rows have no common sign, so that the mean
over the rows is much nearer than that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
import torch

from bannercluster.kernels.native import silhouette as native
from bannercluster.kernels.products import float32_product

Precision = Literal["float64", "float32", "split"]

TOLERANCE = 1e-6
"""Largest error of a row's score, root mean square by the model above."""

_FLOAT64_ROWS = 16_384  # up to here float64 costs nothing that anybody would notice
# Relative rounding of a value, root mean square over all significands.
_UNIT_FLOAT32 = 0.42 * 2.0**-24
_UNIT_BFLOAT16 = 0.42 * 2.0**-9
_RANK = 1e-10
_NOISE = {"float64": 2.0**-46, "float32": 2.0**-22, "split": 2.0**-20}
_COLUMNS = 16  # the number of columns of Q is a multiple
_MOST_COLUMNS = 0.4  # of the number of means: with more, float32 costs as much
_BLOCK_ROWS = 512


@dataclass(frozen=True)
class Scores:
    """Scores of a tile.

    Parameters
    ----------
    euclidean, cosine : (n_runs, n) float32 array
        In [-1, 1]; 0 for the only row of a cluster; NaN in runs with one occupied cluster. The
        same array where the rows are unit rows.
    euclidean_sums, cosine_sums : (n_runs,) float64 array
        Their sums, before they were rounded to float32.
    own_distance : (n_centres,) float64 array
        Sum of the Euclidean distances of the rows to the mean of their own cluster.
    """

    euclidean: np.ndarray
    cosine: np.ndarray
    euclidean_sums: np.ndarray
    cosine_sums: np.ndarray
    own_distance: np.ndarray


@dataclass(frozen=True, eq=False)
class ClusterMeans:
    """What the clusters of all runs are, in the form that scoring needs.

    Parameters
    ----------
    starts : (n_runs + 1,) int64 array
    counts : (n_centres,) int64 array
        An empty cluster is no neighbour of any row.
    means : (n_centres, n_features) float64 array
    spread : (n_centres,) float64 array
        Mean of the squared distances of the rows of a cluster to its mean.
    unit_means : (n_centres, n_features) float64 array or None
        Means of the rows divided by their norms. None where the rows are unit rows: then half the
        squared distance is the cosine distance, and both silhouettes are the same.
    precision : {"float64", "float32", "split"} or None
        None chooses.
    """

    starts: np.ndarray
    counts: np.ndarray
    means: np.ndarray
    spread: np.ndarray
    unit_means: np.ndarray | None = None
    precision: Precision | None = None

    @cached_property
    def _weights(self) -> np.ndarray:
        """(n_centres,) share of each cluster in the rows of its run."""
        total = self.counts[: self.starts[1]].sum()
        weights: np.ndarray = self.counts / max(int(total), 1)
        return weights

    @cached_property
    def mean(self) -> np.ndarray:
        """(n_features,) float32: the global mean."""
        first = slice(0, self.starts[1])
        mean: np.ndarray = (self._weights[first] @ self.means[first]).astype(np.float32)
        return mean

    @cached_property
    def pole(self) -> np.ndarray:
        """(n_features,) float64: the mean of the unit rows; no values without ``unit_means``."""
        if self.unit_means is None:
            return np.empty(0)
        first = slice(0, self.starts[1])
        pole: np.ndarray = self._weights[first] @ self.unit_means[first]
        return pole

    @cached_property
    def shifted(self) -> np.ndarray:
        """(m, n_features) float64: means from the global mean, then unit means from the pole."""
        away = np.where(self.counts[:, None] > 0, self.means - self.mean.astype(np.float64), 0.0)
        if self.unit_means is None:
            return away
        turned = np.where(self.counts[:, None] > 0, self.unit_means - self.pole, 0.0)
        both: np.ndarray = np.concatenate([away, turned])
        return both

    @cached_property
    def offset(self) -> np.ndarray:
        """(m,) float64: what a mean distance holds that depends on the cluster only."""
        away = self.shifted[: len(self.counts)]
        euclidean: np.ndarray = 0.5 * (np.square(away).sum(axis=1) + self.spread)
        if self.unit_means is None:
            return euclidean
        turned = self.shifted[len(self.counts) :]
        return np.concatenate([euclidean, -(turned @ self.mean.astype(np.float64))])

    @cached_property
    def longest(self) -> np.ndarray:
        """(2,) float64: largest norm of the shifted means of each kind."""
        lengths = np.sqrt(np.square(self.shifted).sum(axis=1))
        n_centres = len(self.counts)
        return np.array([lengths[:n_centres].max(), lengths[n_centres:].max(initial=0.0)])

    @cached_property
    def _size(self) -> float:
        """Root mean square of the norms of the rows from the global mean."""
        first = slice(0, self.starts[1])
        sq = np.square(self.shifted[first]).sum(axis=1) + self.spread[first]
        return float(np.sqrt(self._weights[first] @ sq))

    @cached_property
    def _rows_over_distance(self) -> tuple[float, ...]:
        """Of each run: norm of a row from ``mean`` over its larger mean distance, both metrics.

        The mean over the rows of a run, from the figures of its clusters; infinite where there
        are rows without a distance to anything.
        """
        n_centres = len(self.counts)
        away = self.shifted[:n_centres]
        norm = float(np.sqrt(np.square(self.mean.astype(np.float64)).sum() + self._size**2))
        found = []
        for low, high in pairwise(self.starts):
            own = slice(int(low), int(high))
            used = self.counts[own] > 0
            share = self._weights[own][used]
            rows = np.sqrt(np.square(away[own][used]).sum(axis=1) + self.spread[own][used])
            half = 0.5 * self.spread[own][used]
            between = 0.5 * _sq_distances(away[own][used]) + half[None, :]
            found.append(_mean_ratio(share, rows, np.maximum(half, _least(between))))
            if self.unit_means is not None:
                unit = self.unit_means[own][used]
                cosine = np.maximum(1.0 - unit @ unit.T, 0.0)
                nearest = np.maximum(np.diagonal(cosine), _least(cosine))
                found.append(_mean_ratio(share, rows, norm * nearest))
        return tuple(found)

    def _error(self, vectors: np.ndarray, unit: float) -> float:
        """Model of the change of a score when products with ``vectors`` round by ``unit``."""
        lengths = np.sqrt(np.square(vectors).sum(axis=1))
        worst = 0.0
        n_metrics = 1 if self.unit_means is None else 2
        for slot, ratio in enumerate(self._rows_over_distance):
            run, metric = divmod(slot, n_metrics)
            first = metric * len(self.counts)
            longest = lengths[first + self.starts[run] : first + self.starts[run + 1]].max()
            if longest > 0.0:
                # Two roundings (row and mean) of two products (own and other cluster).
                worst = max(worst, 2 * unit * ratio * float(longest) / vectors.shape[1] ** 0.5)
        return worst

    @cached_property
    def plan(self) -> tuple[Precision, int]:
        """The precision of the product, and the columns of Q where it is split."""
        if self.precision is not None and self.precision != "split":
            return self.precision, 0
        few = self.counts[: self.starts[1]].sum() <= _FLOAT64_ROWS
        # The operands are float32; but a sum of F terms rounds F times.
        wide = _UNIT_FLOAT32 * self.shifted.shape[1] ** 0.5
        if self.precision is None and (few or not self._error(self.shifted, wide) < TOLERANCE):
            return "float64", 0
        if self.precision is None and not _multiplies_bfloat16():
            return "float32", 0
        most = len(self.shifted) if self.precision else int(_MOST_COLUMNS * len(self.shifted))
        for n_columns in range(_COLUMNS, most + 1, _COLUMNS):
            if self._error(self._rest(n_columns), _UNIT_BFLOAT16) < TOLERANCE:
                return "split", n_columns
        return ("split", most) if self.precision else ("float32", 0)

    @cached_property
    def _directions(self) -> np.ndarray:
        """(n_features, m) float32: directions of the means, the longest first."""
        # Both kinds of means to one scale: by what they add to a score.
        scaled = self.shifted / np.maximum(self._scales, np.finfo(np.float64).tiny)[:, None]
        values, vectors = np.linalg.eigh(scaled @ scaled.T)
        columns = scaled.T @ vectors[:, ::-1]
        lengths = np.sqrt(np.maximum(values[::-1], 0.0))
        # Beyond the rank they are noise, which may as well be left out.
        solid = lengths > _RANK * lengths[0]
        found: np.ndarray = np.where(solid, columns / np.where(solid, lengths, 1.0), 0.0)
        return found.astype(np.float32)

    @cached_property
    def _scales(self) -> np.ndarray:
        """(m,) float64: root mean square length of the means of the same kind."""
        n_centres = len(self.counts)
        kinds = self.shifted.reshape(-1, n_centres, self.shifted.shape[1])
        lengths = np.sqrt(np.square(kinds).sum(axis=2).mean(axis=1))
        return np.repeat(lengths, n_centres)

    def _coefficients(self, n_columns: int) -> np.ndarray:
        """(m, n_columns) float32: the means by the columns of Q."""
        columns = self._directions[:, :n_columns].astype(np.float64)
        return (self.shifted @ columns).astype(np.float32)

    def _rest(self, n_columns: int) -> np.ndarray:
        """(m, n_features) float64: what the columns leave of the means, whatever they are."""
        columns = self._directions[:, :n_columns].astype(np.float64)
        rest: np.ndarray = (
            self.shifted - self._coefficients(n_columns).astype(np.float64) @ columns.T
        )
        return rest

    @cached_property
    def operands(self) -> tuple[torch.Tensor, ...]:
        """The matrices that rows are multiplied with: means, or Q', t and r."""
        precision, n_columns = self.plan
        if precision != "split":
            return (torch.from_numpy(self.shifted).to(getattr(torch, precision)),)
        columns = np.ascontiguousarray(self._directions[:, :n_columns].T)
        rest = torch.from_numpy(self._rest(n_columns)).to(torch.bfloat16)
        return (
            torch.from_numpy(columns),
            torch.from_numpy(self._coefficients(n_columns)),
            rest,
        )

    def __getstate__(self) -> dict[str, object]:
        names = ("starts", "counts", "means", "spread", "unit_means")
        # What is chosen here holds for every process: a result does not depend on who computes it.
        return {**{name: getattr(self, name) for name in names}, "precision": self.plan[0]}


def silhouette_scores(x: torch.Tensor, labels: np.ndarray, clusters: ClusterMeans) -> Scores:
    """Squared-Euclidean and cosine silhouettes of each row in each run.

    Parameters
    ----------
    x : (n, n_features) float32 tensor
    labels : (n_runs, n) unsigned integer array
    clusters : ClusterMeans
        Of all rows, under the same labels.

    Returns
    -------
    Scores
        Mean distances that are zero but for rounding count as zero; a row all of whose mean
        distances are zero scores 0.
    """
    n, n_runs, n_centres = len(x), len(labels), len(clusters.counts)
    metrics = 1 if clusters.unit_means is None else 2
    scores = [np.empty((n_runs, n), np.float32) for _ in range(metrics)]
    sums = [np.zeros(n_runs) for _ in range(metrics)]
    own_distance = np.zeros(n_centres)
    for low in range(0, n, _BLOCK_ROWS):
        block = slice(low, low + _BLOCK_ROWS)
        cross, rest, base, noise = _products(x[block], clusters)
        own_labels = np.ascontiguousarray(labels[:, block])
        for metric in range(metrics):
            own = slice(metric * n_centres, (metric + 1) * n_centres)
            found = np.empty(own_labels.shape, np.float32)
            native.score(
                cross[own],
                rest[own],
                base[metric],
                noise[metric],
                own_labels,
                clusters.starts,
                clusters.counts,
                clusters.offset[own].astype(cross.dtype),
                clusters.spread if metric == 0 else np.empty(0),
                found,
                sums[metric],
                own_distance,
            )
            scores[metric][:, block] = found
    return Scores(scores[0], scores[-1], sums[0], sums[-1], own_distance)


def _products(
    x: torch.Tensor, clusters: ClusterMeans
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Products of rows with the means, the rest of them, and (2, n) what depends on the row only.

    The last two: the row's own part of its mean distances, and what of them is rounding.
    """
    precision, _ = clusters.plan
    n, n_features = x.shape
    sq, norm, along = np.empty(n), np.zeros(n), np.zeros(n)
    if x.device.type != "cpu":
        cross = _products_on_device(x, clusters, sq, norm, along)
        rest = np.empty((0, n), np.float32)
    else:
        y = np.empty((n, n_features), np.float32)
        bits = np.empty((n if precision == "split" else 0, n_features), np.uint16)
        native.centre(x.numpy(), clusters.mean, clusters.pole, y, bits, sq, norm, along)
        rows = torch.from_numpy(y)
        rest = np.empty((0, n), np.float32)
        if precision == "split":
            columns, coefficients, short = clusters.operands
            cross = float32_product(coefficients, float32_product(rows, columns)).numpy()
            low = torch.from_numpy(bits).view(torch.bfloat16)
            rest = torch.mm(short, low.T).float().numpy()
        elif precision == "float32":
            cross = float32_product(clusters.operands[0], rows).numpy()
        else:
            # Not y: the difference of float32 values need not be one.
            wide = x.double() - torch.from_numpy(clusters.mean).double()
            sq = wide.square().sum(dim=1).numpy()
            cross = torch.mm(clusters.operands[0], wide.T).numpy()
    base = np.stack([0.5 * sq, norm - along])
    rounded = np.sqrt(sq)[None, :] * clusters.longest[:, None]
    noise = _NOISE[precision] * np.stack([rounded[0] + sq, rounded[1]])
    return cross, rest, base, noise + _NOISE["float64"] * np.stack([sq, norm])


def _products_on_device(
    x: torch.Tensor, clusters: ClusterMeans, sq: np.ndarray, norm: np.ndarray, along: np.ndarray
) -> np.ndarray:
    """Torch form of the products for CUDA, in float32 or float64; writes sq, norm and along."""
    means = torch.from_numpy(clusters.shifted).to(x.device)
    wide = x.double()
    y = wide - torch.from_numpy(clusters.mean).to(x.device).double()
    sq[:] = y.square().sum(dim=1).cpu().numpy()
    if clusters.unit_means is not None:
        norm[:] = wide.square().sum(dim=1).sqrt().cpu().numpy()
        along[:] = torch.mv(wide, torch.from_numpy(clusters.pole).to(x.device)).cpu().numpy()
    if clusters.plan[0] != "float64":
        means, y = means.float(), y.float()
    found: np.ndarray = torch.mm(means, y.T).cpu().numpy()
    return found


def _multiplies_bfloat16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _sq_distances(points: np.ndarray) -> np.ndarray:
    sq = np.square(points).sum(axis=1)
    found: np.ndarray = np.maximum(sq[:, None] + sq[None, :] - 2 * points @ points.T, 0.0)
    return found


def _least(between: np.ndarray) -> np.ndarray:
    """Least of each row but for its diagonal; 0 where there is nothing else."""
    if len(between) < 2:
        return np.zeros(len(between))
    others = between.copy()
    np.fill_diagonal(others, np.inf)
    least: np.ndarray = others.min(axis=1)
    return least


def _mean_ratio(share: np.ndarray, rows: np.ndarray, distance: np.ndarray) -> float:
    """Mean over the rows of a run of their norm over their distance; runs of one cluster have 0."""
    if len(share) < 2:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(rows > 0.0, rows / distance, 0.0)
    return float(share @ ratio)
