"""Clustering, evaluation and prediction on images, texts and both; models know what they take."""

import dataclasses
import pickle

import numpy as np
import pyarrow.parquet as pq
import pytest
from models.fitted import run_stage, settings_of
from sklearn.metrics import adjusted_mutual_info_score

from bannercluster import cluster, evaluate, predict
from bannercluster.errors import DataError, UsageError
from bannercluster.evaluate.splits import split
from bannercluster.fusion.store import FusedStore, recipe_of
from bannercluster.models.folder import load_model
from bannercluster.models.inputs import modality_of, open_rows, text_groups
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.runtime.progress import SilentProgress
from bannercluster.traverse.sources import StoreSource

from .pairs import write_ads

N, K = 400, 4


def make(folder, n=N, n_without=100, seed=0):
    """Groups that images and texts show; texts say it better."""
    rng = np.random.default_rng(seed)
    groups = np.arange(n) % K
    centres = np.random.default_rng(99)
    images = centres.normal(size=(K, 24))[groups] + 2.0 * rng.normal(size=(n, 24))
    texts = centres.normal(size=(K, 10))[groups] + 0.6 * rng.normal(size=(n, 10))
    banners = [
        (f"b{row:04d}", row, row - n_without if row >= n_without else None) for row in range(n)
    ]
    return write_ads(
        folder,
        images.astype(np.float16),
        texts[n_without:].astype(np.float16),
        banners,
        [f"advertiser {group}" for group in groups],
    )


def settings_for(folder, modality, **config):
    own = settings_of(folder).replace("paths", texts=str(folder / "texts.zarr"))
    own = own.replace("cluster", k=(K,), n_init=4, modality=modality, **config)
    return own.replace("evaluate", bootstrap=20).replace("paths", label="advertiser")


def fitted(folder, modality, **config):
    settings = settings_for(folder, modality, **config)
    (name,) = (one.name for one in run_stage(cluster, settings).models)
    return settings, load_model(settings.paths.models, name)


@pytest.mark.parametrize("modality", ["image", "text", "both"])
def test_stages(tmp_path, modality):
    make(tmp_path)
    settings, model = fitted(tmp_path, modality)
    assert modality_of(model.card) == modality
    n_rows = N - 100 if modality == "text" else N
    found = run_stage(evaluate, settings)
    assert found.n_rows == n_rows
    assert sum(model.card.sizes) == n_rows
    result = run_stage(predict, settings)
    table = pq.read_table(result.table)
    assert len(table) == n_rows
    groups = [int(name[1:]) % K for name in table["banner_id"].to_pylist()]
    agreement = adjusted_mutual_info_score(groups, table["cluster_id"].to_numpy())
    assert agreement > {"image": 0.2, "text": 0.9, "both": 0.5}[modality]
    # Nothing is left to do, and nothing changes.
    assert not any(one.new for one in run_stage(cluster, settings).models)
    again = run_stage(predict, settings)
    assert (again.n_new, again.n_changed) == (0, 0)


def test_both_are_better_than_images(tmp_path):
    make(tmp_path, n_without=0)
    agreements = {}
    for modality in ("image", "both"):
        folder = tmp_path / modality
        settings, _ = fitted(tmp_path, modality)
        settings = settings.replace("paths", evaluation=str(folder))
        (metrics,) = run_stage(evaluate, settings).models
        agreements[modality] = metrics.metrics["ami"]
    assert agreements["both"] > agreements["image"] + 0.3


def test_workers_and_chunks_do_not_matter(tmp_path):
    make(tmp_path)
    _, one = fitted(tmp_path, "both")
    settings = settings_for(tmp_path, "both").replace("paths", models=str(tmp_path / "m2"))
    with ThreadExecutor(3) as executor:
        found = cluster.run(settings, executor=executor, progress=SilentProgress())
    other = load_model(settings.paths.models, found.models[0].name)
    np.testing.assert_array_equal(one.centres, other.centres)
    store = open_rows(settings.paths, [one])
    whole = StoreSource(store).read(0, N)
    rows = np.array([3, 50, 51, 399])
    np.testing.assert_array_equal(store.gather(rows), whole[rows])
    np.testing.assert_array_equal(store.read(120, 121), whole[120:121])


def test_worker_processes_read_the_same_rows(tmp_path):
    ads = make(tmp_path)
    _, model = fitted(tmp_path, "both")
    store = open_rows(settings_for(tmp_path, "both").paths, [model])
    sent = pickle.dumps(store)
    there = pickle.loads(sent)
    np.testing.assert_array_equal(there.read(0, N), store.read(0, N))
    assert len(sent) < ads.ids.nbytes + 20_000


def test_new_banners_meet_the_fusion_of_the_model(tmp_path):
    """Not one that is fitted on the rows that are there now."""
    make(tmp_path / "old")
    settings, model = fitted(tmp_path / "old", "both")
    make(tmp_path / "new", n=40, n_without=10, seed=1)
    paths = settings_for(tmp_path / "new", "both").paths
    rows = open_rows(paths, [model]).read(0, 40)
    refit = fitted(tmp_path / "new", "both")[1]
    assert not np.array_equal(open_rows(paths, [refit]).read(0, 40), rows)
    moved = dataclasses.replace(
        paths, models=settings.paths.models, assignments=str(tmp_path / "a")
    )
    moved_settings = settings_of(tmp_path).replace("paths", **dataclasses.asdict(moved))
    result = run_stage(predict, moved_settings.replace("predict", model=model.card.name))
    table = pq.read_table(result.table)
    np.testing.assert_array_equal(
        np.sort(table["cluster_id"].to_numpy()), np.sort(model.assign(rows).cluster_id)
    )


def test_settings_of_the_fusion_are_part_of_the_name(tmp_path):
    make(tmp_path)
    names = {fitted(tmp_path, "both", **own)[1].card.name for own in (
        {}, {"text_weight": 2.0}, {"image_components": 5}, {"text_components": 5},
    )}  # fmt: skip
    names.add(fitted(tmp_path, "image")[1].card.name)
    assert len(names) == 5


def test_components(tmp_path):
    make(tmp_path)
    _, model = fitted(tmp_path, "both", image_components=6, text_components=3)
    assert model.card.n_features == 9
    with pytest.raises(DataError, match="25 components of the image vectors"):
        fitted(tmp_path, "both", image_components=25)


def test_no_texts(tmp_path):
    make(tmp_path)
    for modality in ("text", "both"):
        settings = settings_for(tmp_path, modality).replace("paths", texts=str(tmp_path / "no"))
        with pytest.raises(UsageError, match=r"no texts at .*run `bc text` first"):
            run_stage(cluster, settings)


def test_no_banner_has_both(tmp_path):
    make(tmp_path, n=40, n_without=40)
    with pytest.raises(DataError, match="no banner has both"):
        fitted(tmp_path, "both")


def test_models_of_different_rows_are_not_measured_together(tmp_path):
    make(tmp_path)
    settings, image = fitted(tmp_path, "image")
    _, both = fitted(tmp_path, "both")
    names = (image.card.name, both.card.name)
    with pytest.raises(UsageError, match=r"take different rows \(image, both\)"):
        run_stage(evaluate, settings.replace("evaluate", models=names))


def test_models_that_take_something_else_than_asked(tmp_path):
    make(tmp_path)
    settings, model = fitted(tmp_path, "image")
    refused = rf"--modality both was asked for, and the model {model.card.name} takes image"
    with pytest.raises(UsageError, match=refused):
        run_stage(evaluate, settings.replace("evaluate", modality="both"))
    with pytest.raises(UsageError, match=refused):
        run_stage(predict, settings.replace("predict", modality="both"))


def test_banners_of_one_text_stay_together(tmp_path):
    """Ten banners say each text; images of the same text would otherwise be in both halves."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(N, 12)).astype(np.float16)
    texts = rng.normal(size=(N // 10, 6)).astype(np.float16)
    banners = [(f"b{row}", row, row // 10 if row >= 50 else None) for row in range(N)]
    banners.append(("again", 399, 3))  # an image with two texts
    ads = write_ads(tmp_path, images, texts, banners)
    settings = settings_for(tmp_path, "image")
    expected = np.repeat(np.arange(N // 10), 10)
    expected[:50] = -1
    expected[399] = 3
    found = text_groups(settings.paths, ads.images)
    np.testing.assert_array_equal(found, expected)
    fused = FusedStore.over(ads, recipe_of(ads, settings.cluster))
    np.testing.assert_array_equal(text_groups(settings.paths, fused), ads.text_rows)
    np.testing.assert_array_equal(text_groups(settings.paths, ads.texts), np.arange(N // 10))


def test_splits_by_text(tmp_path, monkeypatch):
    make(tmp_path)
    settings, _ = fitted(tmp_path, "both")
    settings = settings.replace("evaluate", split_by="text")
    seen = []
    monkeypatch.setattr(
        "bannercluster.evaluate.stability.split",
        lambda n, owner, seed: seen.append(owner) or split(n, owner, seed),
    )
    run_stage(evaluate, settings)
    assert seen
    assert all(np.array_equal(np.sort(own)[:100], np.full(100, -1)) for own in seen)
    nothing = settings.replace("paths", texts=str(tmp_path / "no")).replace("cluster")
    with pytest.raises(UsageError, match="no texts at"):
        run_stage(evaluate, nothing)
