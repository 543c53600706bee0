"""How much healthy domains differ: standard deviations that all grids share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VariationSpread:
    """Standard deviations of the five kinds of healthy variation.

    Parameters
    ----------
    weight : float
        Relative, of the share of clicks of an element.
    shift : float
        Of the common shift, in widths of the slot.
    own_shift : float
        Of each element's own.
    width : float
        Relative, of the standard deviation of an element.
    background : float
        Of the share of clicks spread over the slot.
    """

    weight: float = 0.40
    shift: float = 0.011
    own_shift: float = 0.006
    width: float = 0.10
    background: float = 0.10
