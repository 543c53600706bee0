"""The benchmark of feature blocks: what is left out, what is shrunk, and what the gate says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf

from bannercluster.heatmap.networks.contrastive import nt_xent, supervised_contrastive
from bannercluster.heatmap.networks.simclr import banner_batches
from bannercluster.heatmap.simulator.config import SimulatorConfig
from benchmarks.heatmap_blocks.__main__ import main
from benchmarks.heatmap_blocks.features import (
    backbones,
    described,
    main_variants,
    more_references,
    of_variant,
    short_variants,
    smoothed_counts,
)
from benchmarks.heatmap_blocks.gate import PLAIN, Lessons
from benchmarks.heatmap_blocks.material import CLICKS, REPEATS, Thinned, config_of, make_material
from benchmarks.heatmap_blocks.scoring import SCORES, Covariances, Shrunk, anchor, scores, sketched
from benchmarks.heatmap_blocks.showing import table

SIMULATOR = SimulatorConfig(references=5, reference_clicks=(20_000, 60_000))


@pytest.fixture(scope="module")
def lessons() -> Any:
    config = replace(config_of((2, 0, 2), 5, 2), simulator=SIMULATOR)
    return Lessons(make_material(config, [0, 1]), make_material(config, [2, 3]))


def counts_of(n_clicks: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n_clicks, np.full(64 * 64, 1 / 64**2))
    return drawn.reshape(64, 64).astype(np.uint32)


def test_a_shrunk_covariance_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(12, 30)) * np.linspace(0.2, 3, 30)
    other = rng.normal(size=(5, 30))
    inverse = np.linalg.inv(LedoitWolf(assume_centered=True).fit(rows).covariance_)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", other, inverse, other))
    np.testing.assert_allclose(Shrunk.of(rows).distance(other), expected, rtol=1e-8)


def test_references_are_thinned_to_each_level_and_short_ones_stay() -> None:
    thin = Thinned.of([np.stack([counts_of(30_000, 0), counts_of(5_000, 1)])])
    n_clicks = thin.counts.sum(axis=(1, 2))
    for level, n in enumerate(CLICKS):
        long = (thin.level == level) & (thin.reference == 0)
        short = (thin.level == level) & (thin.reference == 1)
        assert n_clicks[long].tolist() == [n] * REPEATS[level]
        assert thin.repeat[long].tolist() == list(range(REPEATS[level]))
        assert n_clicks[short].tolist() == ([n] * REPEATS[level] if n <= 5_000 else [5_000])
        assert thin.whole[short].all() == (n <= 5_000)
    assert not (thin.counts[0] == thin.counts[1]).all(), "two thinnings of one reference differ"


def test_each_reference_counts_once_in_an_anchor() -> None:
    thin = Thinned.of([np.stack([counts_of(30_000, seed) for seed in range(3)])])
    rows = np.flatnonzero(thin.level == 0)
    features = np.zeros((len(thin.counts), 1), np.float32)
    features[rows, 0] = [1, 3, 10, 20, 100, 100]
    chosen = thin.level == 0
    chosen[rows[1]] = False  # One thinning of the first reference alone.
    assert anchor(features, thin, chosen) == pytest.approx((1 + 15 + 100) / 3)


def test_a_left_out_reference_is_compared_with_the_others_only(lessons: Any) -> None:
    material = lessons.taught
    rng = np.random.default_rng(0)
    thin = rng.normal(size=(len(material.thin.counts), 8)).astype(np.float32)
    maps = rng.normal(size=(len(material.maps), 8)).astype(np.float32)
    covariances = Covariances.of(material.thin, thin)
    values, null = scores(material, maps, thin, covariances, taught=True)
    of = material.thin
    here = (of.grid == 0) & (of.level == 1)
    own, others = here & (of.fold == 2), here & (of.fold != 2)
    mean = np.mean([thin[others & (of.reference == n)].mean(axis=0) for n in (0, 1, 3, 4)], 0)
    cosine = thin[own] @ mean / np.linalg.norm(thin[own], axis=1) / np.linalg.norm(mean)
    np.testing.assert_allclose(null[own, 0], np.sqrt(2 - 2 * cosine), rtol=1e-5)
    # The covariance that scores a grid is of other grids: its own features do not change it.
    changed = thin.copy()
    changed[of.grid == 0] *= 50
    again = Covariances.of(of, changed)
    one = maps[:3].astype(np.float64)
    assert (again.parts[0][1].distance(one) == covariances.parts[0][1].distance(one)).all()
    assert (again.parts[-1][1].distance(one) != covariances.parts[-1][1].distance(one)).all()
    # Neighbours are the three nearest references at the same level.
    row = int(np.flatnonzero((material.grid == 0) & (material.level == 1))[0])
    centre = anchor(thin, of, here)
    away = (maps[row] - centre)[None]
    assert values[row, 1] == pytest.approx(covariances.parts[0][1].distance(away)[0])
    held_out, _ = scores(material, maps, thin, covariances, taught=False)
    assert held_out[row, 1] == pytest.approx(covariances.parts[-1][1].distance(away)[0])
    near = thin[here & (of.repeat == 0)]
    cosines = near @ maps[row] / np.linalg.norm(near, axis=1) / np.linalg.norm(maps[row])
    expected = np.sort(np.sqrt(2 - 2 * cosines))[:3].mean()
    assert values[row, 2] == pytest.approx(expected, rel=1e-5)


def test_scores_are_calibrated_by_grid_and_level(lessons: Any) -> None:
    of = lessons.held_out.thin
    counts = of.counts.copy()
    counts[np.flatnonzero(of.level == 3)[[0, -1]]] = 0
    of = replace(of, counts=counts)
    material = replace(lessons.held_out, thin=of)
    rng = np.random.default_rng(0)
    scale = 10.0 ** np.arange(4)

    def drawn(grid: np.ndarray, level: np.ndarray) -> np.ndarray:
        return (rng.normal(size=len(grid)) * scale[level] + 1_000 * level + 50 * grid)[:, None]

    left_out = drawn(of.grid, of.level)
    left_out[~of.whole] = 1e9  # References of fewer clicks say nothing of healthy heatmaps.
    z = material.calibrated(drawn(material.grid, material.level), left_out)
    for level in range(4):
        for grid in range(2):
            own = z[(material.level == level) & (material.grid == grid)]
            assert abs(own.mean()) < 3
            assert 0.3 < own.std() < 3


def test_the_gate_lets_knowledge_pass_and_noise_not(lessons: Any) -> None:
    rng = np.random.default_rng(0)
    statistics = lessons.statistics()
    told = tuple(
        np.asarray(one.maps.broken)[:, None] * 2.0 + rng.normal(size=(len(one.maps), 3))
        for one in (lessons.taught, lessons.held_out)
    )
    knows = lessons.gain(lessons.with_statistics(told), statistics)
    noise = lessons.gain(lessons.with_statistics(lessons.noise(0)), statistics)
    assert knows["low"] > 0.02
    assert noise["value"] < knows["value"] / 2
    assert noise["low"] <= 0
    assert lessons.ranking(lessons.own(told))["auroc"]["value"] > 0.9
    assert lessons.gain(statistics, statistics) == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_smoothed_counts_see_what_random_numbers_do_not(lessons: Any) -> None:
    z = lessons.block(smoothed_counts)
    found = lessons.single(z[1], SCORES)
    assert all(one["auroc"]["value"] > 0.75 for one in found.values())
    assert set(lessons.by_clicks(lessons.own(z))) == {"20", "100", "1000", "20000"}
    noise = lessons.single(lessons.noise(0)[1], SCORES)
    assert all(abs(one["auroc"]["value"] - 0.5) < 0.2 for one in noise.values())


def test_features_are_those_of_each_heatmap_whatever_its_clicks() -> None:
    counts = counts_of(500, 3)
    features = smoothed_counts(np.stack([counts, 7 * counts, np.zeros_like(counts)]))
    np.testing.assert_allclose(features[0], features[1], atol=1e-6)
    assert not features[2].any()
    assert (features[0] ** 2).sum() == pytest.approx(1, abs=0.01)


def test_a_sketch_keeps_distances() -> None:
    rows = np.random.default_rng(0).normal(size=(6, 20_000)).astype(np.float32)
    rows[1] = rows[0] + 0.01 * rows[1]
    small = sketched(rows, 4_096)
    for left, right in ((0, 1), (2, 3), (4, 5)):
        exact = np.linalg.norm(rows[left] - rows[right])
        assert np.linalg.norm(small[left] - small[right]) == pytest.approx(exact, rel=0.08)
    np.testing.assert_array_equal(sketched(rows[2:3], 4_096)[0], small[2])


def test_both_losses_are_one_number_on_the_users_batches() -> None:
    variant = main_variants(10)["simclr_users"]
    for step in (0, 9):
        views, source, grid = banner_batches(variant.config)(step)
        unit = torch.randn(len(views), 16, generator=torch.Generator().manual_seed(0))
        first = nt_xent(unit, source, 0.1, group=grid)
        assert first == pytest.approx(float(supervised_contrastive(unit, grid, 0.1)), abs=1e-6)


def test_variants_differ_from_their_base_in_one_thing() -> None:
    (_, base), *others = short_variants(50).items()
    for name, variant in others:
        if variant.recipe == base.recipe:
            told, before = described(variant), described(base)
            assert sum(told[key] != before[key] for key in told) == 1, name
    assert {one.config.training.n_steps for one in main_variants(70).values()} == {70}


def test_more_grids_are_other_layouts_of_the_training_families() -> None:
    found = more_references(3)
    assert [one.shape for one in found] == [(4, 64, 64)] * 3
    assert all((one.sum(axis=(1, 2)) >= 5_000).all() for one in found)
    shares = [one.sum(axis=0) / one.sum() for one in found]
    assert abs(shares[0] - shares[1]).sum() > 0.5
    np.testing.assert_array_equal(more_references(3)[1], found[1])


def test_a_network_is_trained_once(tmp_path: Path) -> None:
    references = [np.stack([counts_of(300, 10 * n + m) for m in range(2)]) for n in range(2)]
    variant = main_variants(1)["simclr_corrected"]
    counts = references[0]
    first = of_variant(variant, references, str(tmp_path))(counts)
    kept = sorted(tmp_path.iterdir())
    np.testing.assert_array_equal(of_variant(variant, references, str(tmp_path))(counts), first)
    assert sorted(tmp_path.iterdir()) == kept
    assert len(kept) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "3"], "give --output for another"),
        (["--grids", "2", "0", "2"], "give --output for another"),
        (["--weights", "resnet18=a.pt"], "expected resnet50=FILE or vit=FILE"),
        (["--weights", "a.pt"], "expected resnet50=FILE or vit=FILE"),
    ],
)
def test_what_is_refused(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path), *arguments])
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_given_weights_are_asked_for_by_name() -> None:
    bundled = backbones({})
    assert all(name.startswith("efficientnet_lite0") for name in bundled)
    given = backbones({"vit": "v.safetensors"})
    added = {name: given[name].weights for name in given.keys() - bundled.keys()}
    assert set(added.values()) == {"v.safetensors"}
    assert len(added) == 2


def test_the_table_shows_every_block(lessons: Any) -> None:
    interval = {"value": 0.5, "low": 0.25, "high": 0.75}
    figures = {"auroc": interval, "recall": interval}
    one = {
        "single": dict.fromkeys(("cosine", "mahalanobis", "nearest"), figures),
        "own_combination": figures,
        "gain": interval,
        "passes": True,
        "own_less_base": interval,
    }
    result = {
        "statistics": {"combination": figures, "single": dict.fromkeys(PLAIN, figures)},
        "blocks": {"first": one, "second": {**one, "passes": False}},
        "noise_gains": [interval, {"value": -0.1, "low": -0.2, "high": 0.1}],
        "no_local_weights": ["third"],
        "short_trainings": {"fourth": one},
    }
    lines = table(result).splitlines()
    (first,) = (line for line in lines if line.startswith("first "))
    (second,) = (line for line in lines if line.startswith("second "))
    assert first.endswith("+0.5000 [+0.2500, +0.7500] passes")
    assert second.endswith("does not pass")
    assert "2 blocks of random numbers: -0.1000 to +0.5000, 1 pass" in lines
    assert sum(line.startswith(("third ", "fourth ")) for line in lines) == 2
