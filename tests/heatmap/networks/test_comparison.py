"""The comparison network: its lessons, its loss, and that company changes no bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bannercluster.heatmap.networks.comparing import (
    ComparisonConfig,
    Lessons,
    comparison_loss,
    train_comparison,
)
from bannercluster.heatmap.networks.comparison import ComparisonNetwork, compare
from bannercluster.heatmap.networks.training import TrainingConfig, seeded
from bannercluster.heatmap.simulator.faults import FAULTS

CONFIG = ComparisonConfig(
    n_grids=2,
    healthy=2,
    clicks=(50, 2_000),
    references=(2, 20),
    width=8,
    n_batch=16,
    training=TrainingConfig(n_steps=3, n_warmup=1, checkpoint_every=2, history_every=1),
)


@pytest.fixture(scope="module")
def lessons():
    return Lessons.simulated(CONFIG)


@pytest.fixture(scope="module")
def network():
    return seeded(lambda: ComparisonNetwork(8), 5).eval().requires_grad_(requires_grad=False)


def test_lessons_are_half_faults_and_no_references(lessons):
    n_faulty = CONFIG.n_grids * len(CONFIG.clicks) * len(FAULTS)
    n_healthy = CONFIG.n_grids * len(CONFIG.clicks) * CONFIG.healthy
    assert np.bincount(lessons.label).tolist() == [
        n_healthy,
        *[n_faulty // len(FAULTS)] * len(FAULTS),
    ]
    assert set(lessons.counts.sum(axis=(1, 2)).tolist()) == {50, 2_000}
    assert lessons.density.shape == (2, 2, 64, 64)
    assert lessons.density.sum(axis=(2, 3)) == pytest.approx(1, abs=1e-4)
    assert lessons.density.min() > 0


def test_a_fault_can_be_left_out():
    without = Lessons.simulated(replace(CONFIG, n_grids=1, without=("overlay",)))
    assert 1 + FAULTS.index("overlay") not in without.label
    assert len(np.unique(without.label)) == len(FAULTS)


def test_a_batch_is_a_function_of_its_step(lessons):
    first, again, other = (lessons.batch(CONFIG, step) for step in (4, 4, 5))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_heatmap_and_density_are_turned_together(lessons):
    """However they are turned, a heatmap of many clicks lies on its own grid's density."""
    counts, density, label = lessons.batch(replace(CONFIG, n_batch=200), 0)
    many = (label == 0) & (counts.sum(dim=(1, 2)) > 1_000)
    shares = counts[many] / counts[many].sum(dim=(1, 2), keepdim=True)
    blurred = torch.nn.functional.avg_pool2d(shares, 8)
    found = [
        torch.stack([(blurred * torch.nn.functional.avg_pool2d(turned, 8)).sum(dim=(1, 2))])
        for turned in (density[many], density[many].flip(1), density[many].flip(2))
    ]
    as_they_are, *mirrored = (one.mean() for one in found)
    assert all(as_they_are > other for other in mirrored)


def test_the_loss_is_both_cross_entropies(network, lessons):
    batch = lessons.batch(CONFIG, 1)
    answer = network(batch[0], batch[1]).double().numpy()
    label = batch[2].numpy()
    odds = np.where(label > 0, answer[:, 0], -answer[:, 0])
    whether = np.mean([np.log1p(np.exp(-one)) for one in odds])
    which = []
    for row, one in zip(answer[:, 1:], label, strict=True):
        if one > 0:
            which.append(np.log(np.exp(row).sum()) - row[one - 1])
    loss, shown = comparison_loss(network, batch)
    assert float(loss) == pytest.approx(whether + 0.2 * np.mean(which), rel=1e-5)
    assert float(shown["which"]) == pytest.approx(np.mean(which), rel=1e-5)
    only_healthy = tuple(part[batch[2] == 0] for part in batch)
    assert torch.isfinite(comparison_loss(network, only_healthy)[0])


def test_a_heatmap_alone_and_in_company(network, lessons):
    counts, density = lessons.counts[:19], lessons.density[lessons.grid[:19], 1].astype(float)
    together = compare(network, counts, density, threads=2)
    for nth in (0, 7, 8, 18):
        alone = compare(network, counts[nth : nth + 1], density[nth])
        assert alone.evidence[0] == together.evidence[nth]
        assert (alone.fault[0] == together.fault[nth]).all()
    assert together.fault.sum(axis=1) == pytest.approx(1)


def test_no_clicks_and_one_click(network, lessons):
    counts = np.zeros((2, 64, 64), np.uint32)
    counts[1, 63, 0] = 1
    found = compare(network, counts, lessons.density[0, 0].astype(float))
    assert np.isfinite(found.evidence).all()
    assert compare(network, counts[:0], lessons.density[0, 0].astype(float)).evidence.shape == (0,)


def test_training_learns_and_is_found_again(tmp_path, lessons):
    config = replace(CONFIG, training=replace(CONFIG.training, n_steps=12, learning_rate=3e-3))
    trained = train_comparison(config, folder=str(tmp_path), lessons=lessons)
    assert trained.history[-1].loss < trained.history[0].loss
    again = train_comparison(config, folder=str(tmp_path), lessons=lessons)
    for a, b in zip(
        trained.network.state_dict().values(), again.network.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)
