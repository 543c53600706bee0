"""How much healthy domains differ, estimated from the references of all grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.statistics.domains import KINDS, DomainModel
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.spread import VariationSpread

Array = npt.NDArray[np.float64]

_ROUNDS = 4
_LEAST_SD = 1e-3


@dataclass(frozen=True, eq=False)
class SpreadCase:
    """A grid that the spread is estimated from.

    Parameters
    ----------
    profile : GridProfile
    references : ndarray of shape (r, 64, 64), uint32
        Some of those that its profile was made of.
    """

    profile: GridProfile
    references: Counts


def estimate_spread(cases: Sequence[SpreadCase]) -> VariationSpread:
    """Estimate the five standard deviations by EM.

    What each reference's domain deviates by is its posterior law about the mode (D. J. C. MacKay,
    "Information Theory, Inference, and Learning Algorithms", 2003, chapter 27), and the variances
    are the means of its squares. The model is that of the fit, ``DomainModel``: a linear one takes
    what a shift does to a narrow spot for a change of its weight.
    """
    spread = VariationSpread()
    for _ in range(_ROUNDS):
        total, number = np.zeros(len(KINDS)), np.zeros(len(KINDS))
        for case in cases:
            profile = case.profile
            # References deviate from their own mean by less than from the grid's.
            left = 1 - 1 / profile.n_references
            model = DomainModel.of(
                profile.density,
                profile.elements,
                spread,
                bandwidth=profile.bandwidth,
                inflation=left,
            )
            squares = model.squared_deviations(case.references) / left
            # The background is a share, whose log the model has.
            squares[model.kind == KINDS.index("background")] *= model.background**2
            np.add.at(total, model.kind, squares)
            np.add.at(number, model.kind, len(case.references))
        found = np.maximum(np.sqrt(total / number), _LEAST_SD)
        by_kind = dict(zip(KINDS, found.tolist(), strict=True))
        spread = VariationSpread(**{one.name: by_kind[one.name] for one in fields(spread)})
    return spread
