"""A refit keeps the numbers of its predecessor's clusters; a first fit numbers them by size."""

import json
import shutil

import numpy as np
import pytest
from kmeans.helpers import FailingExecutor, Interruption

from bannercluster.cluster import numbering, plan
from bannercluster.errors import IncompatibleStoreError, StoreError, UsageError
from bannercluster.models.folder import load_model
from bannercluster.models.matching import Matching
from bannercluster.models.sweeps import SweepFile

from .settings import day, fit, models_of, settings_for

CENTRES = 4 * np.array([[1.0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0]])
SIZES = np.array([400, 300, 200, 100])


def _nearest(centres, truth):
    return np.square(centres[:, None] - truth[None]).sum(axis=2).argmin(axis=1).tolist()


def test_first_fit_numbers_by_size_whatever_the_seed(tmp_path):
    for seed in range(4):
        values = day(CENTRES, SIZES, seed)
        settings = settings_for(tmp_path, values, f"e{seed}", seed=seed, predecessor="none")
        model = models_of(settings, fit(settings))[4]
        assert model.card.sizes == (400, 300, 200, 100)
        assert _nearest(model.centres, CENTRES) == [0, 1, 2, 3]
        assert np.bincount(model.assign(values).cluster_id).tolist() == [400, 300, 200, 100]
        assert model.card.predecessor is None


def test_ten_days_of_drift_keep_their_numbers(tmp_path):
    """Sizes turn round and centres move further than they were apart; every step is small."""
    before, drift = None, np.zeros_like(CENTRES)
    rng = np.random.default_rng(3)
    step = rng.normal(size=CENTRES.shape)
    step *= 0.9 / np.sqrt(np.square(step).sum(axis=1, keepdims=True))
    by_size = []
    for number in range(10):
        truth = CENTRES + drift
        sizes = SIZES[::-1] if number % 2 else SIZES
        values = day(truth, sizes, number)
        settings = settings_for(tmp_path, values, f"day{number}", seed=number)
        model = models_of(settings, fit(settings))[4]
        assert _nearest(model.centres, truth) == [0, 1, 2, 3]
        assert model.card.sizes == tuple(sizes)
        if before is not None:
            card = model.card.predecessor
            assert card.name == before.card.name
            gaps = np.sqrt(np.square(model.centres - before.centres).sum(axis=1))
            np.testing.assert_allclose(card.distances, gaps, rtol=1e-12)
            assert card.same == (True,) * 4
            assert max(card.moved) < 0.6
        by_size.append(np.argsort(-np.array(model.card.sizes)).tolist())
        before, drift = model, drift + step
    assert by_size[0] == [0, 1, 2, 3] != by_size[1]  # without matching they would have changed
    assert np.square(drift).sum(axis=1).min() > 4 * 4


def test_same_rows_in_another_order_and_another_seed(tmp_path):
    values = day(CENTRES, SIZES, 0)
    first = settings_for(tmp_path, values)
    one = models_of(first, fit(first))[4]
    second = settings_for(tmp_path, values[::-1].copy(), "e2", seed=9)
    found = fit(second)
    other = models_of(second, found)[4]
    np.testing.assert_allclose(other.centres, one.centres, atol=1e-6)
    assert other.card.sizes == one.card.sizes
    assert max(other.card.predecessor.moved) < 1e-6
    numbers = found.tables()[1]
    assert numbers.rows == ((4, f"those of {one.card.name}", "4 of 4", "none"),)


def test_a_cluster_that_vanishes_and_one_that_splits(tmp_path):
    first = settings_for(tmp_path, day(CENTRES, SIZES, 0))
    one = models_of(first, fit(first))[4]
    apart = np.array([0, 0, 0, 0, 2.0])
    truth = np.vstack([CENTRES[0] + apart, CENTRES[0] - apart, CENTRES[2], CENTRES[3]])
    second = settings_for(tmp_path, day(truth, [200, 200, 200, 100], 1, 0.2), "e2")
    found = fit(second)
    card = models_of(second, found)[4].card
    assert card.predecessor.name == one.card.name
    # 2 and 3 are there still; a half of 0 has the number of 1, and is not 1.
    assert card.predecessor.same[1:] == (False, True, True)
    assert card.predecessor.moved[1] > 1.5
    shown = found.tables()[1].rows[0][3]
    assert f"1 (moved {card.predecessor.moved[1]:.2f})" in shown
    assert "2 (" not in shown
    assert "3 (" not in shown


def test_everything_by_cluster_is_permuted(tmp_path, monkeypatch):
    """An order that is not its own inverse shows a permutation the wrong way round."""
    values = day(CENTRES, SIZES, 0)
    first = settings_for(tmp_path, values)
    one = models_of(first, fit(first))[4]
    order = np.array([2, 0, 3, 1])

    def turned(_, centres):
        none = np.zeros(4)
        by_size = np.argsort(_nearest(centres, CENTRES))
        return Matching(by_size[order], none, none, none.astype(bool))

    monkeypatch.setattr(numbering, "match", turned)
    second = settings_for(tmp_path, values, "e2", seed=1)
    other = models_of(second, fit(second))[4]
    np.testing.assert_allclose(other.centres, one.centres[order], atol=1e-6)
    assert other.card.sizes == (200, 400, 100, 300)


def test_again_is_nothing(tmp_path):
    first = settings_for(tmp_path, day(CENTRES, SIZES, 0))
    fit(first)
    second = settings_for(tmp_path, day(CENTRES + 0.1, SIZES, 1), "e2")
    found = fit(second)
    folder = tmp_path / "models" / found.models[0].name
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = fit(second)
    assert again.n_passes == 0
    assert len(again.tables()) == 1  # nothing was numbered
    assert again.models[0].predecessor == found.models[0].predecessor
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    # The latest sweep is its own by now: a new model of the same k is matched to it.
    third = fit(settings_for(tmp_path, day(CENTRES, SIZES, 2), "e3"))
    assert third.models[0].predecessor.name == found.models[0].name


def test_the_name_does_not_depend_on_the_predecessor_that_was_found(tmp_path):
    values = day(CENTRES, SIZES, 0)
    alone = fit(settings_for(tmp_path, values)).models[0]
    other = tmp_path / "other"
    other.mkdir()
    fit(settings_for(other, day(CENTRES + 0.1, SIZES, 1), "before"))
    matched = fit(settings_for(other, values)).models[0]
    assert (alone.predecessor, alone.name) == (None, matched.name)
    assert matched.predecessor is not None


@pytest.mark.parametrize("n_cards", [0, 1])
def test_killed_between(tmp_path, n_cards):
    """At the end of any traversal, and between the cards: the same numbers as without the kill."""
    first = settings_for(tmp_path, day(CENTRES, SIZES, 0), k=(4, 3))
    fit(first)
    second = settings_for(tmp_path, day(CENTRES[::-1], SIZES, 1), "e2", k=(4, 3), seed=2)
    shutil.copytree(tmp_path / "models", tmp_path / "kept")
    whole = fit(second)
    expected = {k: (m.centres, m.card.predecessor) for k, m in models_of(second, whole).items()}
    sweep_before = (tmp_path / "kept" / "sweep.json").read_bytes()
    for fails_at in range(1, whole.n_passes + 1) if not n_cards else (0,):
        (tmp_path / "models" / "sweep.json").write_bytes(sweep_before)
        for one in whole.models[n_cards:]:
            (tmp_path / "models" / one.name / "card.json").unlink()
        if fails_at:
            with FailingExecutor(2, fails_at) as executor, pytest.raises(Interruption):
                fit(second, executor)
            assert (tmp_path / "models" / "sweep.json").read_bytes() == sweep_before
        for k, model in models_of(second, fit(second)).items():
            np.testing.assert_array_equal(model.centres, expected[k][0])
            assert model.card.predecessor == expected[k][1] is not None


def _reason(settings):
    """What plan and result say; both before anything is fitted and after."""
    said = dict(plan(settings).summary)[f"cluster numbers, k = {settings.cluster.k[0]}"]
    (found,) = fit(settings).models
    assert found.predecessor is None
    assert said == found.numbering
    return said


def test_no_predecessor_and_why(tmp_path):
    values = day(CENTRES, SIZES, 0)
    settings = settings_for(tmp_path, values)
    assert _reason(settings) == "by falling size (the first sweep in this folder)"
    other_k = settings.replace("cluster", k=(3,))
    assert _reason(other_k) == "by falling size (the latest sweep has no model of k = 3)"
    name = SweepFile.load(settings.paths.models).models[0]
    scaled = settings.replace("cluster", k=(3,), normalize="l2")
    assert _reason(scaled) == f"by falling size ({name} has --normalize none)"
    name = SweepFile.load(settings.paths.models).models[0]
    spherical = scaled.replace("cluster", spherical=True)
    assert _reason(spherical) == f"by falling size ({name} has centres that are not spherical)"
    unwanted = spherical.replace("cluster", predecessor="none", seed=3)
    assert _reason(unwanted) == "by falling size (no predecessor is wanted)"


def test_other_embeddings_are_not_matched(tmp_path):
    fit(settings_for(tmp_path, day(CENTRES, SIZES, 0)))
    narrow = settings_for(tmp_path, day(CENTRES[:, :4], SIZES, 0), "narrow")
    assert "has embeddings made in another way)" in _reason(narrow)
    name = SweepFile.load(narrow.paths.models).models[0]
    card = tmp_path / "models" / name / "card.json"
    changed = json.loads(card.read_text("utf-8"))
    changed["embedding"]["model"] = "another_network"
    card.write_text(json.dumps(changed), "utf-8")
    refit = narrow.replace("cluster", seed=1)
    assert "has embeddings made in another way)" in _reason(refit)
    named = refit.replace("cluster", predecessor=name, seed=2)
    with pytest.raises(IncompatibleStoreError, match=r"made in another way.*--predecessor none"):
        plan(named)


def test_a_model_that_is_named(tmp_path):
    first = settings_for(tmp_path, day(CENTRES, SIZES, 0), k=(4, 3))
    found = fit(first)
    four, three = (one.name for one in found.models)
    second = settings_for(tmp_path, day(CENTRES, SIZES[::-1], 1), "e2", k=(4,))
    fit(second.replace("cluster", k=(2,)))  # the latest sweep has no k = 4
    (named,) = fit(second.replace("cluster", predecessor=four)).models
    assert named.predecessor.name == four
    model = load_model(second.paths.models, named.name)
    assert _nearest(model.centres, CENTRES) == [0, 1, 2, 3]
    assert model.card.fit["predecessor"] == four
    for wrong, k, message in (
        (three, (4,), r"has k = 3, and k = 4 is asked for.*use --k 3"),
        (four, (4, 3), r"with --k 4 3; expected the one k"),
        ("kmeans-k04-none", (4,), r"no model 'kmeans-k04-none'.*there are: .*kmeans-k02"),
    ):
        asked = second.replace("cluster", predecessor=wrong, k=k, seed=8)
        for call in (plan, fit):
            with pytest.raises(UsageError, match=message):
                call(asked)


def test_a_predecessor_that_was_removed_or_damaged(tmp_path):
    settings = settings_for(tmp_path, day(CENTRES, SIZES, 0))
    name = fit(settings).models[0].name
    refit = settings.replace("cluster", seed=1)
    arrays = tmp_path / "models" / name / "arrays.safetensors"
    whole = arrays.read_bytes()
    arrays.write_bytes(whole[:50])
    with pytest.raises(StoreError, match=r"damaged.*--predecessor none"):
        fit(refit)
    arrays.write_bytes(whole)
    (tmp_path / "models" / name / "card.json").unlink()
    assert fit(refit).models[0].numbering == (
        "by falling size (the latest sweep has no model of k = 4)"
    )
