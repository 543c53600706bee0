"""The comparison network: its lessons, its loss, and that company changes no bit."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from bannercluster.heatmap.networks.comparing import (
    ComparisonConfig,
    Lessons,
    comparison_loss,
    train_comparison,
)
from bannercluster.heatmap.networks.comparison import (
    ComparisonNetwork,
    compare,
    comparison_scores,
)
from bannercluster.heatmap.networks.training import TrainingConfig, seeded
from bannercluster.heatmap.simulator.benchmark import draw_grids, simulate_grid
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.statistics.profile import GridProfile

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


@pytest.fixture(scope="module")
def profile():
    """Of the second grid of the lessons, by all its references."""
    maps = simulate_grid(CONFIG.lessons, draw_grids(CONFIG.lessons), 1)
    return GridProfile.of(maps.counts[maps.reference])


def test_lessons_are_half_faults_and_no_references(lessons):
    n_faulty = CONFIG.n_grids * len(CONFIG.clicks) * len(FAULTS)
    n_healthy = CONFIG.n_grids * len(CONFIG.clicks) * CONFIG.healthy
    assert np.bincount(lessons.label).tolist() == [
        n_healthy,
        *[n_faulty // len(FAULTS)] * len(FAULTS),
    ]
    assert set(lessons.counts.sum(axis=(1, 2)).tolist()) == {50, 2_000}


def test_each_heatmap_has_the_densities_of_its_grid(lessons, profile):
    assert lessons.density.shape == (4, 64, 64)  # of two grids, by 2 and by 20 references
    assert lessons.density.sum(axis=(1, 2)) == pytest.approx(1, abs=1e-4)
    assert lessons.density.min() > 0
    assert set(lessons.place.tolist()) == {0, 1, 2, 3}
    own = lessons.own.astype(float) / 64**2
    assert own.sum(axis=(1, 2)) == pytest.approx(1, abs=2e-3)
    assert own.min() > 0
    assert lessons.density[3] == pytest.approx(profile.density, rel=1e-4)
    distance = [np.abs(own - density).sum(axis=(1, 2)) for density in lessons.density]
    of_other_grid = np.where(
        lessons.place < 2, np.minimum(*distance[2:]), np.minimum(*distance[:2])
    )
    nearest = np.choose(lessons.place, distance)
    assert (nearest < of_other_grid).mean() > 0.9


def test_healthy_heatmaps_of_many_clicks_lie_on_their_own_density(lessons):
    rows = (lessons.label == 0) & (lessons.counts.sum(axis=(1, 2)) == 2_000)
    log_own = np.log(lessons.own[rows].astype(float) / 64**2)
    log_profile = np.log(lessons.density[lessons.place[rows]].astype(float))
    gain = (lessons.counts[rows] * (log_own - log_profile)).sum(axis=(1, 2))
    assert gain.mean() > 10  # nats


def test_who_simulates_the_lessons_changes_no_bit(lessons):
    with ThreadPoolExecutor(2) as pool:
        again = Lessons.simulated(CONFIG, each=pool.map)
    for one in fields(Lessons):
        assert np.array_equal(getattr(lessons, one.name), getattr(again, one.name))


def test_a_fault_can_be_left_out():
    without = Lessons.simulated(replace(CONFIG, n_grids=1, without=("overlay",)))
    assert 1 + FAULTS.index("overlay") not in without.label
    assert len(np.unique(without.label)) == len(FAULTS)


def test_a_batch_is_a_function_of_its_step(lessons):
    first, again, other = (lessons.batch(CONFIG, step) for step in (4, 4, 5))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_heatmap_and_densities_are_turned_together(lessons):
    """However they are turned, a heatmap of many clicks lies on its own grid's densities."""
    counts, density, own, _, label = lessons.batch(replace(CONFIG, n_batch=200), 0)
    many = (label == 0) & (counts.sum(dim=(1, 2)) > 1_000)
    shares = counts[many] / counts[many].sum(dim=(1, 2), keepdim=True)
    blurred = torch.nn.functional.avg_pool2d(shares, 8)
    for healthy in (density[many], own[many]):
        as_they_are, *mirrored = (
            (blurred * torch.nn.functional.avg_pool2d(turned, 8)).sum(dim=(1, 2)).mean()
            for turned in (healthy, healthy.flip(1), healthy.flip(2))
        )
        assert all(as_they_are > other for other in mirrored)


def test_the_loss_is_the_cross_entropy_of_what_a_heatmap_is(network, lessons):
    *seen, label = lessons.batch(CONFIG, 1)
    logits = network(*seen).double().numpy()
    wanted = [np.log(np.exp(row).sum()) - row[one] for row, one in zip(logits, label, strict=True)]
    loss, shown = comparison_loss(network, (*seen, label))
    assert float(loss) == pytest.approx(np.mean(wanted), rel=1e-5)
    assert shown == {}


def test_evidence_and_faults_are_the_means_of_eight_answers(network, lessons, profile):
    counts = lessons.counts[-9:]
    fits = profile.domains.fit(counts)
    found = compare(network, counts, profile.density, fits)
    maps = [counts.astype(np.float32), np.broadcast_to(profile.density, counts.shape), fits.density]
    likely = np.zeros((len(counts), 1 + len(FAULTS)))
    for mirrored in (False, True):
        for quarters in range(4):
            shown = [np.rot90(one, quarters, axes=(1, 2)) for one in maps]
            if mirrored:
                shown = [one[:, ::-1] for one in shown]
            seen = [torch.tensor(one.astype(np.float32)) for one in (*shown, fits.deviation)]
            logits = network(*seen).double().numpy()
            likely += np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    broken = likely[:, 1:].sum(axis=1)
    assert found.evidence == pytest.approx(np.log(broken / likely[:, 0]), abs=1e-4)
    assert found.fault == pytest.approx(likely[:, 1:] / broken[:, None], abs=1e-4)
    scores = comparison_scores(network)(profile, counts, fits)
    assert scores[:, 0].tolist() == found.evidence.tolist()
    assert scores[:, 1:].tolist() == found.log_odds.tolist()


def test_a_turned_heatmap_is_as_broken(network, lessons, profile):
    counts = lessons.counts[:3]
    fits = profile.domains.fit(counts)
    found = compare(network, counts, profile.density, fits)
    aside = replace(fits, density=fits.density.transpose(0, 2, 1)[:, ::-1])
    again = compare(network, counts.transpose(0, 2, 1)[:, ::-1], profile.density.T[::-1], aside)
    assert again.evidence == pytest.approx(found.evidence, abs=1e-4)


def test_a_heatmap_alone_and_in_company(network, lessons, profile):
    counts = lessons.counts[:19]
    together = compare(network, counts, profile.density, profile.domains.fit(counts), threads=2)
    for nth in (0, 7, 8, 18):
        one = counts[nth : nth + 1]
        alone = compare(network, one, profile.density, profile.domains.fit(one))
        assert alone.evidence[0] == together.evidence[nth]
        assert (alone.fault[0] == together.fault[nth]).all()
    assert together.fault.sum(axis=1) == pytest.approx(1)


def test_no_clicks_and_one_click(network, profile):
    counts = np.zeros((2, 64, 64), np.uint32)
    counts[1, 63, 0] = 1
    score, fit = comparison_scores(network), profile.domains.fit
    assert np.isfinite(score(profile, counts, fit(counts))).all()
    assert score(profile, counts[:0], fit(counts[:0])).shape == (0, 12)


def test_training_learns_and_is_found_again(tmp_path, lessons):
    config = replace(CONFIG, training=replace(CONFIG.training, n_steps=12, learning_rate=3e-3))
    trained = train_comparison(config, folder=str(tmp_path), lessons=lessons)
    assert trained.history[-1].loss < trained.history[0].loss
    again = train_comparison(config, folder=str(tmp_path), lessons=lessons)
    for a, b in zip(
        trained.network.state_dict().values(), again.network.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)
