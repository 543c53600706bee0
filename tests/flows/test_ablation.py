"""What images and texts each add, against slow references."""

import json

import numpy as np
import pytest
from fusion.pairs import write_ads
from models.fitted import run_stage, settings_of
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    homogeneity_completeness_v_measure,
)
from sklearn.metrics.cluster import contingency_matrix

from bannercluster.errors import DataError, StoreError, UsageError
from bannercluster.flows import ablation
from bannercluster.models.ablations import Ablation

N, GROUPS = 240, 4


def make(folder, n_without=20, n_unlabelled=10):
    """Images say little of the groups, texts much."""
    rng = np.random.default_rng(0)
    groups = np.arange(N) % GROUPS
    images = rng.normal(size=(GROUPS, 20))[groups] + 3.0 * rng.normal(size=(N, 20))
    texts = rng.normal(size=(GROUPS, 8))[groups] + 0.7 * rng.normal(size=(N, 8))
    banners = [
        (f"b{row:03d}", row, row - n_without if row >= n_without else None) for row in range(N)
    ]
    names = [f"group {group}" for group in groups]
    names[N - n_unlabelled :] = [""] * n_unlabelled
    write_ads(
        folder, images.astype(np.float16), texts[n_without:].astype(np.float16), banners, names
    )


def settings_for(folder, **config):
    own = settings_of(folder).replace("paths", texts=str(folder / "texts.zarr"))
    own = own.replace("paths", label="advertiser").replace("cluster", k=(4, 6), n_init=3)
    return own.replace("ablation", **{"seeds": 5, "bootstrap": 30, **config})


def by_name(found):
    return {(one.shown, one.k): one for one in found.ablation.compared}


def test_texts_add_more(tmp_path):
    make(tmp_path)
    found = run_stage(ablation, settings_for(tmp_path))
    told = found.ablation
    assert (told.n_rows, told.n_labels, told.n_without_text) == (N - 30, GROUPS, 20)
    assert list(by_name(found)) == [
        (shown, k) for k in (4, 6) for shown in ("image", "text", "both, text weight 1")
    ]
    text, image = by_name(found)["text", 4], by_name(found)["image", 4]
    gain = text.gain["ami"]
    assert gain.value == pytest.approx(text.metrics["ami"].value - image.metrics["ami"].value)
    assert 0 < gain.low < gain.value < gain.high
    assert image.gain == {}
    folder = tmp_path / "evaluation"
    assert Ablation.load_if_any(str(folder)) == told
    written = json.loads((folder / "ablation.json").read_text())
    del written["compared"][0]["metrics"]
    (folder / "ablation.json").write_text(json.dumps(written))
    with pytest.raises(StoreError, match=r"damaged.*run `bc ablation` again"):
        Ablation.load_if_any(str(folder))


def test_metrics_are_those_of_scikit_learn(tmp_path, monkeypatch):
    make(tmp_path)
    seen = {}
    compare = ablation._compare

    def spy(clusterings, codes, *rest):
        seen.update(clusterings=clusterings, codes=codes)
        return compare(clusterings, codes, *rest)

    monkeypatch.setattr(ablation, "_compare", spy)
    found = by_name(run_stage(ablation, settings_for(tmp_path, bootstrap=0)))
    codes = seen["codes"]
    of = {variant.shown: by_k for variant, by_k in seen["clusterings"].items()}
    for (shown, k), one in found.items():
        labels = of[shown][k]
        assert labels.shape == (5, len(codes))
        slow = {
            "ami": [adjusted_mutual_info_score(codes, own) for own in labels],
            "ari": [adjusted_rand_score(codes, own) for own in labels],
            "v_measure": [homogeneity_completeness_v_measure(codes, own)[2] for own in labels],
            "purity": [
                contingency_matrix(codes, own).max(axis=0).sum() / len(codes) for own in labels
            ],
        }
        for name, values in slow.items():
            assert one.metrics[name].value == pytest.approx(np.mean(values), abs=1e-12)
            assert one.metrics[name].low is None
        assert one.spread == pytest.approx(np.std(slow["ami"]), abs=1e-12)


def test_several_weights_are_those_of_single_runs(tmp_path):
    make(tmp_path)
    settings = settings_for(tmp_path, text_weights=(0.25, 4, 0.25))
    several = run_stage(ablation, settings)
    assert Ablation.load_if_any(str(tmp_path / "evaluation")) == several.ablation
    shown = ["image", "text", "both, text weight 0.25", "both, text weight 4"]
    assert [one.shown for one in several.ablation.compared] == 2 * shown
    for weight in (0.25, 4.0):
        alone = settings_for(tmp_path).replace("cluster", text_weight=weight)
        single = by_name(run_stage(ablation, alone))
        assert list(single) == [
            (name, k) for k in (4, 6) for name in ("image", "text", f"both, text weight {weight:g}")
        ]
        assert all(by_name(several)[key] == one for key, one in single.items())
    both = [one for one in several.ablation.compared if one.k == 4][2:]
    assert both[0].metrics["ami"].value != both[1].metrics["ami"].value
    (table,) = several.tables()
    assert table.columns[1:3] == ("from", "text weight")
    assert [row[1:3] for row in table.rows[:4]] == [
        ("image", None), ("text", None), ("both", 0.25), ("both", 4.0)
    ]  # fmt: skip


def test_the_first_weight_is_what_gains_are_over(tmp_path):
    make(tmp_path)
    found = run_stage(ablation, settings_for(tmp_path, modalities=("both",), text_weights=(0.1, 3)))
    first, second = (one for one in found.ablation.compared if one.k == 4)
    assert first.gain == {}
    value = second.metrics["ami"].value - first.metrics["ami"].value
    assert second.gain["ami"].value == pytest.approx(value)
    assert value != 0
    assert "gain over both, text weight 0.1" in found.tables()[0].title


def test_weights_of_rows_that_are_not_compared(tmp_path):
    make(tmp_path)
    settings = settings_for(tmp_path, modalities=("image", "text"), text_weights=(1,))
    with pytest.raises(UsageError, match="--modalities names image, text: add both"):
        ablation.plan(settings)


def test_a_file_of_version_1_has_one_weight_for_all(tmp_path):
    make(tmp_path)
    told = run_stage(ablation, settings_for(tmp_path)).ablation
    path = tmp_path / "evaluation" / "ablation.json"
    old = json.loads(path.read_text())
    assert old["format_version"] == 2
    for one in old["compared"]:
        del one["text_weight"]
    path.write_text(json.dumps({**old, "format_version": 1, "text_weight": 1.0}))
    assert Ablation.load_if_any(str(path.parent)) == told


def test_threads_do_not_matter(tmp_path):
    make(tmp_path)
    settings = settings_for(tmp_path)
    one, other = (run_stage(ablation, settings, n_workers=n).ablation for n in (1, 3))
    assert one == other


def test_a_sample_of_banners(tmp_path):
    make(tmp_path)
    found = run_stage(ablation, settings_for(tmp_path, rows=50))
    assert found.ablation.n_rows == 50


def test_labels_with_few_banners_are_left_out(tmp_path):
    make(tmp_path, n_unlabelled=0)
    with pytest.raises(DataError, match="fewer than 61 banners"):
        run_stage(ablation, settings_for(tmp_path, min_banners=61))


def test_what_is_missing_is_named(tmp_path):
    settings = settings_for(tmp_path)
    with pytest.raises(UsageError, match="run `bc embed` first"):
        run_stage(ablation, settings)
    make(tmp_path)
    with pytest.raises(UsageError, match="name their column with --label"):
        run_stage(ablation, settings.replace("paths", label=None))
    nothing = settings.replace("paths", texts=str(tmp_path / "none.zarr"))
    with pytest.raises(UsageError, match="run `bc text` first"):
        ablation.plan(nothing)


def test_k_above_the_banners(tmp_path):
    make(tmp_path)
    with pytest.raises(DataError, match="k = 60 is larger than the number of rows, 50"):
        run_stage(ablation, settings_for(tmp_path, rows=50).replace("cluster", k=(60,)))
