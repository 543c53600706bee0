"""Losses of sets against slow references."""

import itertools
import math

import numpy as np
import pytest
import torch

from bannercluster.heatmap.networks.set_losses import (
    SetWeights,
    Slots,
    Wanted,
    chamfer,
    chamfer_loss,
    hungarian_loss,
)

LONELY = 7.0


def slow_chamfer(first, second):
    if not first or not second:
        return LONELY * (len(first) + len(second))
    there = sum(min(math.dist(a, b) for b in second) for a in first)
    return there + sum(min(math.dist(a, b) for a in first) for b in second)


def slow_hungarian(existence, centres, log_sd, true_centres, true_log_sd, weights):
    """Least over all ways to give the clusters slots; then the loss, term by term."""

    def shape(slot, cluster):
        gap = sum(abs(a - b) for a, b in zip(centres[slot], true_centres[cluster], strict=True))
        spread = abs(log_sd[slot] - true_log_sd[cluster])
        return weights.centre_per_px * gap + weights.log_sd * spread

    k = len(true_centres)
    best = min(
        itertools.permutations(range(len(existence)), k),
        key=lambda slots: sum(shape(s, c) - existence[s] for c, s in enumerate(slots)),
    )
    entropy = 0.0
    for slot, logit in enumerate(existence):
        p = 1 / (1 + math.exp(-logit))
        entropy -= math.log(p if slot in best else 1 - p)
    return entropy + sum(shape(s, c) for c, s in enumerate(best))


@pytest.mark.parametrize("sizes", [(3, 4), (1, 1), (5, 1), (0, 3), (2, 0), (0, 0)])
def test_chamfer(sizes):
    rng = np.random.default_rng(1)
    first, second = (rng.uniform(0, 9, (n, 2)) for n in sizes)
    found = chamfer(torch.from_numpy(first), torch.from_numpy(second), LONELY)
    assert float(found) == pytest.approx(slow_chamfer(first.tolist(), second.tolist()), rel=1e-12)


def test_chamfer_of_equal_sets_is_0_and_has_a_gradient_of_0():
    points = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    value = chamfer(points.detach().clone(), points, LONELY)
    value.backward()
    assert float(value.detach()) == 0
    assert torch.equal(points.grad, torch.zeros(2, 2))


def test_chamfer_cannot_count():
    """What the users' loss does not see: three points on one cluster are as good as one."""
    true = torch.tensor([[10.0, 10.0]])
    assert float(chamfer(true, true.repeat(3, 1), LONELY)) == 0


def wanted_of(sets, most=3):
    centres, log_sd = torch.zeros(len(sets), most, 2), torch.zeros(len(sets), most)
    present = torch.zeros(len(sets), most, dtype=torch.bool)
    for row, (some, spread) in enumerate(sets):
        for column, (centre, value) in enumerate(zip(some, spread, strict=True)):
            centres[row, column] = torch.tensor(centre)
            log_sd[row, column], present[row, column] = value, True
    return Wanted(centres, log_sd, present)


def test_chamfer_loss_is_the_mean_over_heatmaps_with_empty_ones():
    rng = np.random.default_rng(2)
    sets = [(rng.uniform(0, 9, (k, 2)).tolist(), [0.0] * k) for k in (0, 1, 3)]
    points = torch.from_numpy(rng.uniform(0, 9, (3, 2, 2)))
    slow = [slow_chamfer(some, points[i].tolist()) for i, (some, _) in enumerate(sets)]
    assert float(chamfer_loss(points, wanted_of(sets), LONELY)) == pytest.approx(
        np.mean(slow), rel=1e-6
    )


@pytest.mark.parametrize("seed", range(6))
def test_hungarian(seed):
    rng = np.random.default_rng(seed)
    weights = SetWeights(centre_per_px=0.4, log_sd=0.7)
    sets = [(rng.uniform(0, 9, (k, 2)).tolist(), rng.normal(size=k).tolist()) for k in (0, 1, 2, 3)]
    existence = torch.from_numpy(rng.normal(0, 2, (4, 5)))
    centres = torch.from_numpy(rng.uniform(0, 9, (4, 5, 2)))
    log_sd = torch.from_numpy(rng.normal(size=(4, 5)))
    slow = [
        slow_hungarian(
            existence[i].tolist(), centres[i].tolist(), log_sd[i].tolist(), *sets[i], weights
        )
        for i in range(4)
    ]
    found = hungarian_loss(Slots(existence, centres, log_sd), wanted_of(sets), weights)
    assert float(found) == pytest.approx(np.mean(slow), rel=1e-5)


def test_hungarian_knows_no_order_of_clusters():
    rng = np.random.default_rng(3)
    slots = Slots(
        torch.from_numpy(rng.normal(size=(1, 8))),
        torch.from_numpy(rng.uniform(0, 9, (1, 8, 2))),
        torch.from_numpy(rng.normal(size=(1, 8))),
    )
    centres, spread = rng.uniform(0, 9, (3, 2)).tolist(), [0.1, 0.2, 0.3]
    one = hungarian_loss(slots, wanted_of([(centres, spread)]), SetWeights())
    other = hungarian_loss(slots, wanted_of([(centres[::-1], spread[::-1])]), SetWeights())
    assert float(one) == pytest.approx(float(other), rel=1e-12)


def test_hungarian_moves_the_slot_that_is_matched_and_no_other():
    centres = torch.tensor([[[1.0, 1.0], [8.0, 8.0]]], requires_grad=True)
    slots = Slots(torch.zeros(1, 2), centres, torch.zeros(1, 2))
    hungarian_loss(slots, wanted_of([([[2.0, 1.5]], [0.0])]), SetWeights()).backward()
    assert (centres.grad[0, 0] < 0).all()
    assert torch.equal(centres.grad[0, 1], torch.zeros(2))
