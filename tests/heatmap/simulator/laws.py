"""Whether counts come from probabilities: a chi-square test over pooled bins."""

import numpy as np
from scipy.stats import chi2


def p_value(counts, probabilities, least=20.0):
    """Pearson's chi-square; bins with few expected clicks are taken together."""
    expected = counts.sum() * probabilities.ravel()
    order = np.argsort(expected)[::-1]
    expected, found = expected[order], counts.ravel()[order].astype(float)
    n_single = int((expected >= least).sum())
    rest = expected[n_single:].sum()
    single = ((found[:n_single] - expected[:n_single]) ** 2 / expected[:n_single]).sum()
    # What must not happen at all has not happened.
    assert not found[expected < 1e-9].any()
    if rest < least:
        return chi2.sf(single, max(n_single - 1, 1))
    return chi2.sf(single + (found[n_single:].sum() - rest) ** 2 / rest, n_single)
