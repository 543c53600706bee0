"""From cells to counts, against enumeration."""

import itertools

import numpy as np
import pytest
import torch

from bannercluster.heatmap.networks.evidence import (
    FAR_PER_PX,
    N_COINS,
    claim_loss,
    claimed_cells,
    count_log_probabilities,
)


def test_counts_are_poisson_binomial():
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(2, 3, 3)))
    found = count_log_probabilities(logits, 9).exp().numpy()
    for row, some in enumerate(1 / (1 + np.exp(-logits.numpy().reshape(2, 9)))):
        slow = np.zeros(10)
        for heads in itertools.product((0, 1), repeat=9):
            slow[sum(heads)] += np.prod(np.where(heads, some, 1 - some))
        np.testing.assert_allclose(found[row], slow, rtol=1e-6, atol=1e-9)


def test_counts_beyond_the_most_are_left_out():
    logits = torch.full((1, 2, 2), 0.4, dtype=torch.float64)
    whole = count_log_probabilities(logits, 4).exp()[0]
    cut = count_log_probabilities(logits, 2).exp()[0]
    np.testing.assert_allclose(cut, whole[:3] / whole[:3].sum(), rtol=1e-6)


def test_the_surest_cells_are_the_coins():
    logits = torch.full((1, 10, 10), -9.0)
    logits.view(-1)[:N_COINS] = 30.0
    assert int(count_log_probabilities(logits, 99).argmax()) == N_COINS


def test_claims_against_all_ways():
    rng = np.random.default_rng(4)
    for _ in range(5):
        logits = rng.normal(0, 2, (6, 6)).astype(np.float32)
        centres = rng.uniform(5, 14, (3, 2))  # close to one another: they compete
        middles = (np.arange(6) + 0.5) * 4

        def cost(cell, centre, logits=logits, middles=middles):
            y, x = divmod(cell, 6)
            if abs(y - centre[1] // 4) > 1 or abs(x - centre[0] // 4) > 1:
                return np.inf
            return (
                FAR_PER_PX * np.hypot(middles[x] - centre[0], middles[y] - centre[1]) - logits[y, x]
            )

        table = np.array([[cost(cell, centre) for cell in range(36)] for centre in centres])
        near = [np.flatnonzero(np.isfinite(row)) for row in table]
        ways = [way for way in itertools.product(*near) if len(set(way)) == 3]
        best = min(ways, key=lambda way: sum(table[i, cell] for i, cell in enumerate(way)))
        assert claimed_cells(logits, centres).tolist() == list(best)


def test_more_clusters_than_cells_around_them():
    centres = np.full((7, 2), 1.0)  # a corner has four cells
    cells = claimed_cells(np.zeros((6, 6), np.float32), centres)
    assert sorted(cells) == [0, 1, 6, 7]


def test_claim_loss_is_the_cross_entropy_of_the_claims():
    logits = torch.tensor([[[2.0, -1.0], [0.5, 0.0]], [[1.0, 1.0], [1.0, 1.0]]])
    found = claim_loss(logits, [np.array([[6.0, 1.0]]), np.zeros((0, 2))])
    # The cluster lies in the cell of logit -1, but the one of logit 2 is 4 px away: 2 - 2 < -1.
    claimed = claimed_cells(logits[0].numpy(), np.array([[6.0, 1.0]]))
    target = np.zeros(8)
    target[claimed] = 1
    p = 1 / (1 + np.exp(-logits.numpy().ravel()))
    slow = -np.log(np.where(target == 1, p, 1 - p)).sum() / 2
    assert float(found) == pytest.approx(slow, rel=1e-6)
