import math

import numpy as np
import pytest
import torch

from bannercluster.errors import UsageError
from bannercluster.heatmap.networks.contrastive import (
    masked_loss,
    nt_xent,
    supervised_contrastive,
    unit_vectors,
)


def by_hand(z, positive, compared, temperature):
    """Khosla et al. 2020, eq. 2, term by term in Python's own floats."""
    units = []
    for row in np.asarray(z, np.float64):
        norm = math.sqrt(sum(v * v for v in row))
        units.append([v / norm if norm else 0.0 for v in row])
    losses = []
    for i in range(len(units)):
        own = [p for p in range(len(units)) if positive(i, p)]
        if not own:
            continue
        total = 0.0
        for p in own:
            below = 0.0
            for a in range(len(units)):
                if compared(i, a):
                    dot = sum(x * y for x, y in zip(units[i], units[a], strict=True))
                    below += math.exp(dot / temperature)
            dot = sum(x * y for x, y in zip(units[i], units[p], strict=True))
            total += math.log(math.exp(dot / temperature) / below)
        losses.append(-total / len(own))
    return sum(losses) / len(losses)


def views(n, width=5, seed=0, dtype=torch.float64):
    return torch.tensor(np.random.default_rng(seed).normal(size=(n, width)), dtype=dtype)


SOURCES = [0, 0, 1, 1, 2, 2, -1, -1, -1, 3]
GROUPS = [0, 0, 1, 1, 0, 0, -1, -1, -1, 1]


@pytest.mark.parametrize("temperature", [0.07, 0.5, 2.0])
def test_nt_xent_is_the_double_loop(temperature):
    z, source = views(10), torch.tensor(SOURCES)

    def positive(i, p):
        return i != p and SOURCES[i] == SOURCES[p] >= 0

    expected = by_hand(z, positive, lambda i, a: i != a, temperature)
    assert float(nt_xent(z, source, temperature)) == pytest.approx(expected, rel=1e-12)
    single = nt_xent(z.float(), source, temperature)
    assert single.dtype == torch.float32
    assert float(single) == pytest.approx(expected, rel=1e-5)


def test_nt_xent_compares_no_two_sources_of_one_group():
    z, source, group = views(10), torch.tensor(SOURCES), torch.tensor(GROUPS)

    def positive(i, p):
        return i != p and SOURCES[i] == SOURCES[p] >= 0

    def compared(i, a):
        return i != a and (positive(i, a) or GROUPS[i] != GROUPS[a] or GROUPS[i] < 0)

    expected = by_hand(z, positive, compared, 0.2)
    assert float(nt_xent(z, source, 0.2, group=group)) == pytest.approx(expected, rel=1e-12)
    assert float(nt_xent(z, source, 0.2)) > expected  # fewer in the denominator


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_supervised_is_the_double_loop(temperature):
    label = [0, 1, 0, 2, 1, 0, 3, 1, -1, -1]  # 2 and 3 are alone, -1 is no class
    z = views(10)
    expected = by_hand(
        z, lambda i, p: i != p and label[i] == label[p] >= 0, lambda i, a: i != a, temperature
    )
    found = supervised_contrastive(z, torch.tensor(label), temperature)
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_with_two_instances_of_each_class_both_losses_are_one():
    z, label = views(12), torch.arange(6).repeat(2)
    assert torch.equal(nt_xent(z, label, 0.1), supervised_contrastive(z, label, 0.1))


def test_one_class_has_only_positives():
    z = views(4)
    expected = by_hand(z, lambda i, p: i != p, lambda i, a: i != a, 0.3)
    found = supervised_contrastive(z, torch.zeros(4, dtype=torch.int64), 0.3)
    assert float(found) == pytest.approx(expected, rel=1e-12)
    # Where all are alike nothing is better than log(n - 1).
    alike = supervised_contrastive(torch.ones(4, 3), torch.zeros(4, dtype=torch.int64), 0.3)
    assert float(alike) == pytest.approx(math.log(3), rel=1e-6)


@pytest.mark.parametrize("loss", [nt_xent, supervised_contrastive])
def test_a_batch_without_positives_is_refused(loss):
    with pytest.raises(UsageError, match="none of 4 views has a positive"):
        loss(views(4), torch.arange(4), 0.1)
    with pytest.raises(UsageError, match="none of 2 views"):
        loss(views(2), torch.tensor([-1, -1]), 0.1)


@pytest.mark.parametrize("loss", [nt_xent, supervised_contrastive])
def test_what_does_not_fit_is_refused(loss):
    with pytest.raises(UsageError, match="expected \\(n_views, width\\)"):
        loss(views(4), torch.arange(3), 0.1)
    with pytest.raises(UsageError, match="temperature is 0"):
        loss(views(4), torch.zeros(4, dtype=torch.int64), 0)


def test_gradients_are_those_of_finite_differences():
    z = views(8, width=3).requires_grad_()
    source = torch.tensor([0, 0, 1, 1, 2, 2, -1, -1])
    group = torch.tensor([0, 0, 1, 1, 0, 0, -1, -1])
    label = torch.tensor([0, 0, 0, 1, 1, 2, -1, 1])
    assert torch.autograd.gradcheck(lambda x: nt_xent(x, source, 0.2, group=group), (z,))
    assert torch.autograd.gradcheck(lambda x: supervised_contrastive(x, label, 0.2), (z,))


def test_a_zero_vector_is_far_from_all_and_gets_no_gradient():
    z = views(6, dtype=torch.float32)
    z[2] = 0
    z.requires_grad_()
    label = torch.tensor([0, 0, 1, 1, 2, 2])
    loss = supervised_contrastive(z, label, 0.1)
    expected = by_hand(
        z.detach(), lambda i, p: i != p and label[i] == label[p], lambda i, a: i != a, 0.1
    )
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert torch.isfinite(z.grad).all()
    assert torch.equal(z.grad[2], torch.zeros(5))
    assert z.grad[3].abs().sum() > 0
    all_zero = supervised_contrastive(torch.zeros(6, 5), label, 0.1)
    assert float(all_zero) == pytest.approx(math.log(5), rel=1e-6)


@pytest.mark.parametrize("scale", [1e-10, 1e-30, 1e19, 1e37])
def test_float32_keeps_the_direction_at_any_length(scale):
    x = torch.tensor([[3.0, 4.0]]) * scale
    expected = [[0.6, 0.8]] if scale > 1e-12 else [[0.0, 0.0]]
    torch.testing.assert_close(unit_vectors(x), torch.tensor(expected))


def test_a_low_temperature_does_not_overflow():
    z = views(8, dtype=torch.float32).requires_grad_()
    label = torch.arange(4).repeat(2)
    loss = nt_xent(z, label, 1e-3)  # exp(1000) is no float64 either
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(z.grad).all()


def test_half_precision_is_widened_before_the_product():
    z = views(16, width=32, dtype=torch.float32).bfloat16()
    label = torch.arange(8).repeat(2)
    assert torch.equal(nt_xent(z, label, 0.1), nt_xent(z.float(), label, 0.1))
    assert nt_xent(z, label, 0.1).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        inside = nt_xent(z.float(), label, 0.1)
    assert torch.equal(inside, nt_xent(z.float(), label, 0.1))


def test_order_of_the_views_does_not_matter():
    z, label = views(10), torch.tensor(SOURCES)
    order = torch.tensor(np.random.default_rng(1).permutation(10))
    found = nt_xent(z[order], label[order], 0.1)
    torch.testing.assert_close(found, nt_xent(z, label, 0.1), rtol=1e-12, atol=0)


def test_nothing_is_compared_that_the_mask_leaves_out():
    z = views(4)
    positive = torch.zeros(4, 4, dtype=torch.bool)
    positive[0, 1] = True
    assert float(masked_loss(z, positive, positive, 0.1)) == pytest.approx(0, abs=1e-12)
