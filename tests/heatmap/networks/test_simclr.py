from dataclasses import replace

import numpy as np
import pytest
import torch

from bannercluster.errors import UsageError
from bannercluster.heatmap.binning import bin_clicks
from bannercluster.heatmap.networks.embedding import N_BATCH, encode, simclr_block
from bannercluster.heatmap.networks.encoder import HeatmapEncoder
from bannercluster.heatmap.networks.simclr import (
    FULL,
    SMALL,
    SimclrConfig,
    banner_batches,
    build,
    heatmap_batches,
    train_on_banners,
    train_on_heatmaps,
)
from bannercluster.heatmap.networks.training import TrainingConfig
from bannercluster.heatmap.networks.views import (
    CHANGES,
    ViewConfig,
    negatives,
    positives,
)
from bannercluster.store.points import watched

TINY = SimclrConfig(
    n_features=16,
    n_projection=8,
    n_sources=4,
    views=ViewConfig(most_clicks=500),
    training=TrainingConfig(n_steps=6, n_warmup=2, checkpoint_every=2, history_every=2),
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def heatmaps(n_grids=6, n_each=2, n_clicks=1000, seed=0):
    """Grids of four spots at their own places, with weights that vary from heatmap to heatmap."""
    rng = np.random.default_rng(seed)
    counts, grid = [], []
    for number in range(n_grids):
        centre = rng.uniform(0.1, 0.9, (4, 2))
        for _ in range(n_each):
            spot = centre[rng.choice(4, n_clicks, p=rng.dirichlet(np.full(4, 8.0)))]
            counts.append(bin_clicks(spot + 0.03 * rng.normal(size=spot.shape)))
            grid.append(10 * number)
    return np.stack(counts), np.array(grid)


def test_a_batch_is_a_function_of_seed_and_step():
    counts, grid = heatmaps()
    for make in (lambda c: heatmap_batches(counts, grid, c), banner_batches):
        first, again = make(TINY), make(TINY)
        for step in (5, 0, 3):
            for a, b in zip(first(step), again(step), strict=True):
                assert torch.equal(a, b)
        assert not torch.equal(first(0)[0], first(1)[0])
        other = make(replace(TINY, training=replace(TINY.training, seed=1)))
        assert not torch.equal(first(0)[0], other(0)[0])


def test_batches_of_nt_xent():
    counts, grid = heatmaps()
    views, source, group = heatmap_batches(counts, grid, TINY)(0)
    assert views.shape == (4 * 5, 64, 64)
    assert views.dtype == torch.float32
    assert source.tolist() == [n for k in range(4) for n in (k, k, -1, -1, -1)]
    assert (group[source < 0] == -1).all()
    own = group[source >= 0].reshape(4, 2)
    assert (own[:, 0] == own[:, 1]).all()
    assert len(set(own[:, 0].tolist())) == 4  # each of another grid


def test_batches_of_the_supervised_loss():
    counts, grid = heatmaps()
    config = replace(TINY, loss="supervised", n_changes=2)
    _, source, label = heatmap_batches(counts, grid, config)(0)
    assert len(label) == 4 * 6
    _, sizes = torch.unique(label, return_counts=True)
    assert sizes.tolist() == [2] * 12  # 4 grids, and 8 changed heatmaps of a class each
    assert torch.equal(source[source >= 6], label[label >= 6])


def test_grids_come_again_where_there_are_few():
    counts, grid = heatmaps(n_grids=3)
    _, source, group = heatmap_batches(counts, grid, replace(TINY, n_sources=5))(0)
    assert source.max() == 4
    _, sizes = torch.unique(group[group >= 0], return_counts=True)
    assert sorted(sizes.tolist()) == [2, 4, 4]


def test_what_cannot_be_trained_on_is_refused():
    counts, grid = heatmaps()
    with pytest.raises(UsageError, match="of 1 grids"):
        heatmap_batches(counts, np.zeros_like(grid), TINY)
    with pytest.raises(UsageError, match="one each"):
        heatmap_batches(counts, grid[:3], TINY)
    with pytest.raises(UsageError, match="uint32"):
        heatmap_batches(counts.astype(float), grid, TINY)
    with pytest.raises(UsageError, match="2 heatmaps or more"):
        SimclrConfig(n_sources=1)
    with pytest.raises(UsageError, match="0 to 3 changes"):
        SimclrConfig(n_changes=4)


@pytest.mark.parametrize("loss", ["nt_xent", "supervised"])
def test_a_killed_training_ends_in_the_same_bits(loss, tmp_path):
    counts, grid = heatmaps()
    config = replace(TINY, loss=loss)
    whole = train_on_heatmaps(counts, grid, config)

    class Killed(BaseException):
        pass

    seen = []

    def kill(point, phase, where):
        seen.append(point)
        if phase == "after" and len(seen) > 3:
            raise Killed

    folder = str(tmp_path)
    with pytest.raises(Killed), watched(kill):
        train_on_heatmaps(counts, grid, config, folder=folder)
    assert [path.name for path in tmp_path.glob("*/*")] == ["checkpoint.safetensors"]
    steps = []
    resumed = train_on_heatmaps(
        counts, grid, config, folder=folder, on_step=lambda step, _: steps.append(step)
    )
    assert steps[0] > 2  # it did go on
    loaded = train_on_heatmaps(counts, grid, config, folder=folder)
    for other in (resumed, loaded):
        assert other.fingerprint == whole.fingerprint
        for a, b in zip(
            whole.network.state_dict().values(), other.network.state_dict().values(), strict=True
        ):
            assert torch.equal(a, b)
    assert loaded.history == resumed.history == whole.history


def test_data_and_settings_name_the_network():
    counts, grid = heatmaps()
    short = replace(TINY, training=replace(TINY.training, n_steps=1))
    marks = [
        train_on_heatmaps(counts, grid, short),
        train_on_heatmaps(counts, grid + 1, short),
        train_on_heatmaps(counts[::-1].copy(), grid, short),
        train_on_heatmaps(counts, grid, replace(short, temperature=0.2)),
        train_on_heatmaps(counts, grid, replace(short, views=ViewConfig(most_clicks=400))),
        train_on_heatmaps(counts, grid, replace(short, loss="supervised")),
        train_on_banners(short),
    ]
    assert len({one.fingerprint for one in marks}) == len(marks)


@pytest.mark.parametrize("kind", ["small", "resnet50"])
def test_features_alone_and_among_others(kind):
    counts, _ = heatmaps(n_grids=N_BATCH + 3, n_each=1)
    counts[4] = 0
    if kind == "resnet50":  # a batch of eight takes half a second
        counts = counts[: N_BATCH + 1]
    encoder = HeatmapEncoder(kind, 12)
    together = encode(encoder, counts, threads=2)
    assert together.shape == (len(counts), 12)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    assert encoder.training
    for i in (0, 4, N_BATCH):
        np.testing.assert_array_equal(encode(encoder, counts[i : i + 1])[0], together[i])
    np.testing.assert_array_equal(encode(encoder, counts[::-1].copy())[::-1], together)
    assert len(np.unique(together, axis=0)) == len(counts)
    assert encode(encoder, counts[:0]).shape == (0, 12)


def test_the_number_of_clicks_is_taken_out():
    counts, _ = heatmaps(n_grids=2, n_each=1)
    encoder = HeatmapEncoder("small", 12)
    np.testing.assert_allclose(encode(encoder, 4 * counts), encode(encoder, counts), atol=1e-5)


def test_the_input_is_float32_under_autocast():
    encoder = HeatmapEncoder("small", 12)
    counts = torch.from_numpy(heatmaps(n_grids=2, n_each=1)[0].astype(np.float32))
    with torch.autocast("cpu", torch.bfloat16):
        inside = encoder.inputs(counts)
        assert encoder(counts).dtype == torch.bfloat16
    assert torch.equal(inside, encoder.inputs(counts))
    # The smoothed density is a Gaussian filter of the density.
    from scipy.ndimage import gaussian_filter

    density, smooth = (inside[:, i].expm1().numpy() for i in (0, 1))
    expected = np.stack([gaussian_filter(one, 1.5, truncate=20) for one in density])
    np.testing.assert_allclose(smooth[:, 8:-8, 8:-8], expected[:, 8:-8, 8:-8], atol=1e-3)
    assert density.sum() == pytest.approx(2 * 64**2, rel=1e-5)


def cosine_distance(a, b):
    return 1 - (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def distances(encoder, counts):
    """From one thinning of each heatmap to another, and to one of the same heatmap changed."""
    rng = np.random.default_rng(9)
    views = ViewConfig(most_clicks=500)
    pairs = [positives(one, views, rng) for one in counts]
    first, second = (encode(encoder, np.stack([pair[i] for pair in pairs])) for i in (0, 1))
    changed = {
        change: np.stack([negatives(one, change, 1, views, rng)[0] for one in counts])
        for change in CHANGES
    }
    far = {change: cosine_distance(first, encode(encoder, x)) for change, x in changed.items()}
    return cosine_distance(first, second), far


def test_training_pulls_thinnings_together_and_pushes_changes_away():
    """On grids that it has not seen."""
    counts, grid = heatmaps(n_grids=24, n_each=1)
    unseen, _ = heatmaps(n_grids=30, n_each=1, seed=1)
    training = TrainingConfig(n_steps=40, n_warmup=5, learning_rate=2e-3, ema_decay=None)
    config = replace(TINY, n_features=32, n_projection=16, n_sources=8, training=training)
    trained = train_on_heatmaps(counts, grid, config)
    assert trained.history[-1].loss < 0.6 * trained.history[0].loss
    near_before, far_before = distances(build(config).encoder, unseen)
    near, far = distances(trained.network.encoder, unseen)
    for change in CHANGES:
        assert (near < far[change]).mean() >= 0.95, change
        # Untrained 0.35 to 0.38; trained 0.04 to 0.06, with other seeds too.
        before = near_before.mean() / far_before[change].mean()
        assert near.mean() / far[change].mean() < before / 3, change


def test_the_users_recipe_trains_and_gives_a_block():
    trained = train_on_banners(TINY)
    counts, _ = heatmaps(n_grids=3)
    block = simclr_block(trained, counts, threads=2)
    assert block.name == "simclr"
    assert block.features.shape == (6, 16)
    assert block.config_sha256 == trained.fingerprint
    assert len(block.weights_sha256) == 64
    np.testing.assert_array_equal(simclr_block(trained, counts[2:3]).features[0], block.features[2])
    other = train_on_banners(replace(TINY, training=replace(TINY.training, seed=1)))
    assert simclr_block(other, counts).weights_sha256 != block.weights_sha256


def test_profiles():
    assert (SMALL.encoder, SMALL.training.device) == ("small", "cpu")
    assert (FULL.encoder, FULL.training.precision) == ("resnet50", "bfloat16")
