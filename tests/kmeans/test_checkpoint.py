"""A sweep that was killed goes on where it was, and ends with the same bits."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from bannercluster.errors import FormatVersionError, StoreError
from bannercluster.kmeans.checkpoint import Checkpoint
from bannercluster.kmeans.lloyd import Run
from bannercluster.traverse import segments

from .helpers import FailingExecutor, Interruption, assert_same_runs, blobs, config, sweep

ASKED = config(k=(3, 5), n_init=2, tol=1e-3)


@pytest.fixture(scope="module")
def x():
    return blobs(3000, 5, spread=0.8)


@pytest.fixture(scope="module")
def expected(x):
    found = sweep(x, ASKED)
    assert 4 < min(run.n_iter for run in found.runs) < max(run.n_iter for run in found.runs)
    return found


@pytest.fixture
def checkpoint(tmp_path):
    def make(fingerprint="this", every_s=0.0):
        return Checkpoint(str(tmp_path / "p" / "sweep.safetensors"), fingerprint, every_s)

    return make


def test_interrupted_in_every_traversal(x, checkpoint, monkeypatch):
    monkeypatch.setattr(segments, "TILE_ROWS", 256)
    expected = sweep(x, ASKED)
    for fails_at in range(1, expected.n_passes + 1):
        with FailingExecutor(2, fails_at) as executor, pytest.raises(Interruption):
            sweep(x, ASKED, executor=executor, checkpoint=checkpoint())
        found = sweep(x, ASKED, checkpoint=checkpoint())
        # At most the traversal that failed is done again, besides the statistics.
        assert found.n_passes <= expected.n_passes - fails_at + 2
        assert_same_runs(found.runs, expected.runs)
        checkpoint().remove()


def test_interrupted_at_every_iteration(x, expected, checkpoint):
    """Once before each write: the write before it counts."""
    longest = max(run.n_iter for run in expected.runs)
    for stops_at in range(1, longest + 1):
        seen = []

        def stop(note, seen=seen, stops_at=stops_at):
            seen.append(note)
            if note.startswith(f"iteration {stops_at},"):
                raise Interruption

        with pytest.raises(Interruption):
            sweep(x, ASKED, checkpoint=checkpoint(), note=stop)
        notes: list[str] = []
        found = sweep(x, ASKED, checkpoint=checkpoint(), note=notes.append)
        assert_same_runs(found.runs, expected.runs)
        # The iteration that was not written is the only one that is done again.
        first = next(note for note in notes if note.startswith("iteration"))
        assert first.startswith(f"iteration {stops_at},")
        checkpoint().remove()


def test_interrupted_again_and_again(x, expected, checkpoint):
    for _ in range(expected.n_passes):
        with FailingExecutor(2, 3) as executor:
            try:
                found = sweep(x, ASKED, executor=executor, checkpoint=checkpoint())
                break
            except Interruption:
                continue
    assert_same_runs(found.runs, expected.runs)


def test_interrupted_while_clusters_are_empty(x, checkpoint):
    first = x[:5].astype(np.float64)
    first[3:] += [[500.0], [600.0]]
    asked, init = config(k=(5,)), {5: [first]}
    whole = sweep(x, asked, init=init)
    for fails_at in range(2, whole.n_passes + 1):
        with FailingExecutor(2, fails_at) as executor, pytest.raises(Interruption):
            sweep(x, asked, init=init, executor=executor, checkpoint=checkpoint())
        found = sweep(x, asked, init=init, checkpoint=checkpoint())
        assert_same_runs(found.runs, whole.runs)
        checkpoint().remove()


def test_checkpoint_of_an_ended_sweep_gives_its_result(x, expected, checkpoint):
    sweep(x, ASKED, checkpoint=checkpoint())
    found = sweep(x, ASKED, checkpoint=checkpoint())
    assert_same_runs(found.runs, expected.runs)
    assert found.n_passes <= 2


def test_checkpoint_of_another_sweep_is_left_out(x, expected, checkpoint):
    sweep(x, config(k=(3, 5), n_init=2, seed=9), checkpoint=checkpoint("another"))
    assert checkpoint("another").load() is not None
    assert checkpoint().load() is None
    assert_same_runs(sweep(x, ASKED, checkpoint=checkpoint()).runs, expected.runs)


# The file


def _runs():
    rng = np.random.default_rng(0)
    fresh = Run(0, 2, 0, rng.normal(size=(2, 3)))
    used = Run(1, 3, 4, rng.normal(size=(3, 3)), 7, True, True)
    used.sums, used.counts, used.settled = rng.normal(size=(3, 3)), np.array([4, 0, 5]), True
    return [fresh, used]


def test_round_trip(checkpoint):
    assert checkpoint().load() is None
    checkpoint().save(_runs())
    found = checkpoint().load()
    assert found is not None
    for one, other in zip(found, _runs(), strict=True):
        for name in Run.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    checkpoint().remove()
    checkpoint().remove()
    assert checkpoint().load() is None


def test_writes_are_spaced(checkpoint):
    often, seldom = checkpoint(every_s=0.0), checkpoint(every_s=60.0)
    first, later = _runs(), _runs()
    later[0].n_iter = 5
    seldom.save(first)
    seldom.save(later)
    found = often.load()
    assert found is not None
    assert found[0].n_iter == 0
    often.save(later)
    found = often.load()
    assert found is not None
    assert found[0].n_iter == 5


@pytest.mark.parametrize("keep", [0, 4, 8, 200, -1])
def test_truncated(checkpoint, tmp_path, keep):
    checkpoint().save(_runs())
    path = tmp_path / "p" / "sweep.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreError, match=r"damaged.*delete it to start anew"):
        checkpoint().load()


@pytest.mark.parametrize(
    "about",
    [
        None,
        "{",
        "[]",
        json.dumps({"version": 1, "fingerprint": "this"}),
        json.dumps({"version": 1, "fingerprint": "this", "runs": [{"index": 0}]}),
        json.dumps({"version": 1, "fingerprint": "this", "runs": [{"index": 8, "k": 1}]}),
    ],
)
def test_damaged_description(checkpoint, tmp_path, about):
    checkpoint().save(_runs())
    path = tmp_path / "p" / "sweep.safetensors"
    save_file(load_file(path), path, None if about is None else {"bannercluster": about})
    with pytest.raises(StoreError, match=r"damaged.*delete it to start anew"):
        checkpoint().load()


def test_written_by_a_newer_version(checkpoint, tmp_path):
    checkpoint().save(_runs())
    path = tmp_path / "p" / "sweep.safetensors"
    about = json.dumps({"version": 2, "fingerprint": "this", "runs": []})
    save_file(load_file(path), path, {"bannercluster": about})
    with pytest.raises(FormatVersionError, match="install a newer"):
        checkpoint().load()


def test_damaged_checkpoint_stops_a_sweep(x, checkpoint, tmp_path):
    path = tmp_path / "p" / "sweep.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"nonsense")
    with pytest.raises(StoreError, match="damaged"):
        sweep(x, ASKED, checkpoint=checkpoint())
