"""The number of clusters by network and mixtures together.

The network knows what numbers, sizes and overlaps are usual; the likelihood of a mixture knows the
clicks to the last one. What both say of each number k is added with weights, less a penalty for
each component; the weights are those of multinomial logistic regression on images of known k.

What a component adds to the likelihood counts in units of BIC's penalty, and at most twice that:
beyond it the component is certain, and a mixture that got stuck is wrong by thousands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from bannercluster.errors import DataError
from bannercluster.heatmap.mixtures.model import N_PARAMETERS, Array

_LEAST_LOG_PROBABILITY = -20.0
_MOST_GAIN = 2.0
_PRIOR = np.array([0.5, 4.0, 4.0])  # BIC, and half the network's opinion
_PRIOR_SD = np.array([1.0, 4.0, 4.0])
_RIDGE = 0.5


@dataclass(frozen=True)
class Evidence:
    """What is known of n images, for each number of clusters 0 ... m.

    Parameters
    ----------
    log_probabilities : (n, m + 1) float64 array
        The network's.
    gains : (n, m + 1) float64 array
        Sum of what the first k components add to the log likelihood, each in units of BIC's
        penalty of a component and cut to 0 ... 2.
    """

    log_probabilities: Array
    gains: Array

    @classmethod
    def of(
        cls,
        probabilities: npt.NDArray[np.floating],
        log_likelihoods: Sequence[Sequence[float]],
        n_clicks: npt.NDArray[np.floating],
    ) -> Evidence:
        """Bring the network's answers and the paths of mixtures into one form.

        A path that ended before m is taken to gain nothing behind its end.

        Parameters
        ----------
        probabilities : (n, m + 1) float array
        log_likelihoods : n sequences of float
            Of mixtures with 0, 1, 2, ... components; what lies behind m is left out.
        n_clicks : (n,) float array
        """
        m = probabilities.shape[1] - 1
        gains = np.zeros((len(log_likelihoods), m + 1))
        for row, path, n in zip(gains, log_likelihoods, n_clicks, strict=True):
            steps = np.diff(np.asarray(path[: m + 1], np.float64))
            unit = N_PARAMETERS / 2 * np.log(max(float(n), np.e))
            row[1 : len(steps) + 1] = np.clip(steps / unit, 0, _MOST_GAIN)
        with np.errstate(divide="ignore"):  # a probability of 0 is cut off
            logs = np.log(probabilities.astype(np.float64))
        return cls(np.maximum(logs, _LEAST_LOG_PROBABILITY), gains.cumsum(axis=1))

    def terms(self) -> Array:
        """Return (n, m + 1, 3): log probability, gain, and less the number of components."""
        less = np.broadcast_to(-np.arange(self.gains.shape[1], dtype=np.float64), self.gains.shape)
        return np.stack([self.log_probabilities, self.gains, less], axis=2)

    def some(self, which: npt.NDArray[np.bool_]) -> Evidence:
        """Return the evidence of some of the images, by a mask."""
        return Evidence(self.log_probabilities[which], self.gains[which])


@dataclass(frozen=True)
class Stack:
    """Weights of the terms.

    Parameters
    ----------
    network, gain, penalty : float
        BIC is a network weight of 0, and gain and penalty the same.
    """

    network: float
    gain: float
    penalty: float

    def probabilities(self, evidence: Evidence) -> Array:
        """Return the distribution of the number of clusters, (n, m + 1)."""
        scores = evidence.terms() @ np.array([self.network, self.gain, self.penalty])
        scores -= scores.max(axis=1, keepdims=True) if len(scores) else 0.0
        shares: Array = np.exp(scores)
        shares /= shares.sum(axis=1, keepdims=True)
        return shares

    def counts(self, evidence: Evidence) -> npt.NDArray[np.int64]:
        """Return the likeliest number of each image, (n,)."""
        found: npt.NDArray[np.int64] = self.probabilities(evidence).argmax(axis=1)
        return found


def fit_stack(evidence: Evidence, truth: npt.NDArray[np.integer]) -> Stack:
    """Find the weights of least cross entropy on images of known number.

    Parameters
    ----------
    evidence : Evidence
    truth : (n,) integer array

    Raises
    ------
    DataError
        Without images, or if a true number is beyond those that the evidence speaks of.
    """
    terms = evidence.terms()
    if not len(truth) or truth.min() < 0 or truth.max() >= terms.shape[1]:
        raise DataError(
            f"got {len(truth)} images with numbers of clusters beyond 0 ... {terms.shape[1] - 1}, "
            f"expected at least one image and none beyond: give images of the network's range"
        )
    own = terms[np.arange(len(truth)), truth]

    def cost(weights: Array) -> tuple[float, Array]:
        scores = terms @ weights
        top = scores.max(axis=1, keepdims=True)
        shares = np.exp(scores - top)
        total = shares.sum(axis=1, keepdims=True)
        entropy = (top[:, 0] + np.log(total[:, 0]) - own @ weights).sum()
        slope = (np.einsum("nk,nkt->nt", shares / total, terms) - own).sum(axis=0)
        away = (weights - _PRIOR) / _PRIOR_SD
        value = float(entropy + _RIDGE * (away @ away))
        return value, slope + 2 * _RIDGE * away / _PRIOR_SD

    found = minimize(
        cost, _PRIOR, jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None), (0, None)]
    )
    network, gain, penalty = (float(x) for x in found.x)
    return Stack(network, gain, penalty)
