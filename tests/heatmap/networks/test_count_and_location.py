"""Count and location networks: what they say of hard heatmaps, alone and among others."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bannercluster.errors import UsageError
from bannercluster.heatmap.networks.clusters import ClusterConfig, cluster_images
from bannercluster.heatmap.networks.count import CountConfig, train_count_network
from bannercluster.heatmap.networks.detector import Detector, DetectorConfig
from bannercluster.heatmap.networks.location import (
    LocationConfig,
    cell_slots,
    slot_points,
    train_location_network,
)
from bannercluster.heatmap.networks.training import TrainingConfig

EASY = ClusterConfig(
    max_clusters=3, n_clicks=(3000, 6000), n_pixels=64, sd_px=(1.0, 3.0), margin_px=8
)
TINY = DetectorConfig(n_pixels=64, widths=(16, 16, 16), depths=(1, 1, 1, 0, 0))
STEPS = TrainingConfig(n_steps=120, learning_rate=1e-2, n_warmup=5, ema_decay=0.9)
COUNT = CountConfig(clusters=EASY, detector=TINY, training=STEPS, n_batch=8)
LOCATION = LocationConfig(clusters=EASY, detector=TINY, training=STEPS, n_batch=8)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def images():
    return cluster_images(EASY, 99, 0, 40)


@pytest.fixture(scope="module")
def heatmaps(images):
    return np.stack([image.counts for image in images])


@pytest.fixture(scope="module")
def counter():
    return train_count_network(COUNT)


@pytest.fixture(scope="module")
def locator():
    return train_location_network(LOCATION)


def hard():
    """No click, one click, all clicks in a corner pixel, all in the edge ring."""
    found = np.zeros((4, 64, 64), np.uint32)
    found[1, 30, 40] = 1
    found[2, 0, 0] = 4_000_000_000
    found[3, 0], found[3, -1] = 50, 50
    return found


def test_a_little_training_counts_better_than_chance(counter, images, heatmaps):
    truth = np.array([image.n_clusters for image in images])
    found = counter.predict(heatmaps)
    assert (found.counts == truth).mean() >= 0.4  # chance is 0.25
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (found.probabilities.argmax(axis=1) == found.counts).all()
    assert found.evidence.shape == (40, 16, 16)


def test_a_count_is_the_same_alone_and_among_others(counter, heatmaps):
    among = counter.predict(heatmaps, threads=2)
    for index in (0, 7, 39):
        alone = counter.predict(heatmaps[index : index + 1])
        assert np.array_equal(alone.probabilities[0], among.probabilities[index])
        assert np.array_equal(alone.evidence[0], among.evidence[index])


def test_counts_of_hard_heatmaps(counter):
    found = counter.predict(hard())
    assert found.counts[0] == 0
    assert found.probabilities[0].tolist() == [1, 0, 0, 0]
    assert not found.evidence[0].any()
    assert np.isfinite(found.probabilities).all()
    assert ((found.counts >= 0) & (found.counts <= 3)).all()


def test_nothing_to_count_or_locate(counter, locator):
    found = counter.predict(np.zeros((0, 64, 64), np.uint32))
    assert found.counts.shape == (0,)
    assert found.probabilities.shape == (0, 4)
    assert locator.predict(np.zeros((0, 64, 64), np.uint32)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 64, 32), np.uint32),
        np.zeros((64, 64), np.uint32),
        np.zeros((2, 64, 64), np.float32),
        np.full((2, 64, 64), -1),
    ],
)
def test_other_arrays_are_refused(counter, locator, wrong):
    for network in (counter, locator):
        with pytest.raises(UsageError, match=r"expected \(n, side, side\) integers"):
            network.predict(wrong)


def test_a_trained_network_is_found_again(tmp_path):
    config = replace(COUNT, training=replace(STEPS, n_steps=2))
    first = train_count_network(config, folder=str(tmp_path))
    second = train_count_network(config, folder=str(tmp_path))
    assert first.fingerprint == second.fingerprint
    assert (tmp_path / f"count-{first.fingerprint[:12]}" / "card.json").exists()
    heat = hard()
    assert np.array_equal(first.predict(heat).probabilities, second.predict(heat).probabilities)


def test_a_little_training_locates(locator, images, heatmaps):
    """Most clusters are found within 3 px, and the clicks refine them."""
    rough = locator.predict(heatmaps, refine=False)
    fine = locator.predict(heatmaps)
    gaps = []
    for found in (rough, fine):
        nearest = [
            np.hypot(*(one.centres[None] - image.centres[:, None]).transpose(2, 0, 1)).min(axis=1)
            for one, image in zip(found, images, strict=True)
            if len(one.centres) and image.n_clusters
        ]
        gaps.append(np.concatenate(nearest))
    assert (gaps[1] < 3).mean() > 0.6
    assert np.median(gaps[1]) < 0.5 * np.median(gaps[0])


def test_a_location_is_the_same_alone_and_among_others(locator, heatmaps):
    among = locator.predict(heatmaps[:6], threads=2)
    for index in (0, 5):
        (alone,) = locator.predict(heatmaps[index : index + 1])
        assert np.array_equal(alone.centres, among[index].centres)
        assert np.array_equal(alone.log_sd, among[index].log_sd)
        assert np.array_equal(alone.existence, among[index].existence)


def test_locations_of_hard_heatmaps(locator):
    found = locator.predict(hard())
    assert len(found[0].centres) == 0
    for one in found:
        assert len(one.centres) == len(one.log_sd) == len(one.existence) <= 3
        assert np.isfinite(one.centres).all()
        assert np.isfinite(one.log_sd).all()


def test_the_chamfer_baseline_always_says_as_many_points(heatmaps):
    short = replace(LOCATION, loss="chamfer", training=replace(STEPS, n_steps=5))
    network = train_location_network(short)
    assert [len(one.centres) for one in network.predict(hard())] == [0, 3, 3, 3]
    assert all(len(one.centres) == 3 for one in network.predict(heatmaps[:3]))


def test_slots_lie_in_their_cells_and_points_under_their_mass():
    answer = torch.full((1, 4, 3, 3), -6.5)
    slots = cell_slots(answer)
    assert slots.centres[0, 5].tolist() == [10.0, 6.0]  # row 1, column 2
    assert slots.existence.shape == (1, 9)
    maps = torch.full((1, 2, 3, 3), -100.0)
    maps[0, 0, 1, 2] = maps[0, 1, 2, 0] = maps[0, 1, 2, 1] = 100.0
    assert slot_points(maps)[0].tolist() == [[10.0, 6.0], [4.0, 10.0]]


def test_the_detector_moves_with_the_heatmap():
    """The same cluster elsewhere gives the same evidence elsewhere: nothing knows its place."""
    network = Detector(DetectorConfig(n_pixels=128, widths=(8, 8, 8), depths=(1, 1, 1, 1, 1)), 1)
    for parameter in network.parameters():
        torch.nn.init.normal_(
            parameter, std=0.2, generator=torch.Generator().manual_seed(parameter.numel())
        )
    network.eval()
    counts = torch.zeros(2, 1, 192, 192)
    counts[0, 0, 90:94, 91:99] = 30
    counts[1, 0, 106:110, 75:83] = 30  # 16 px down, 16 px to the left
    with torch.inference_mode():
        first, second = network(counts)[:, 0]
    moved = torch.roll(first, (4, -4), (0, 1))
    inner = slice(18, 30)
    torch.testing.assert_close(moved[inner, inner], second[inner, inner], rtol=1e-3, atol=1e-3)
    assert first.std() > 1e-3


def test_sides_that_do_not_fold_are_refused():
    with pytest.raises(UsageError, match="multiple of 16"):
        DetectorConfig(n_pixels=100)
