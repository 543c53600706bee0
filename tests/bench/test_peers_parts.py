"""The parts of ``bc bench peers``: the child process, environments, judging, curves."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from bannercluster.bench.peers import curves
from bannercluster.bench.peers.catalogue import PEERS
from bannercluster.bench.peers.child import Child, PeerError
from bannercluster.bench.peers.curves import Curve
from bannercluster.bench.peers.environments import Absent, OwnEnvironments
from bannercluster.bench.peers.ours import _places
from bannercluster.bench.peers.rows import inertia_of_all, judge, share
from bannercluster.bench.peers.timings import Spread, ratios

SKLEARN, SPARK = PEERS[0], PEERS[-1]

FIT = """
import os, sys, time
import numpy as np
DISTRIBUTIONS = ("numpy",)
def prepare(rows, n_threads):
    def fit(inits, max_iter, tol):
        {body}
        return [(init, None, None) for init in inits]
    return fit
"""


def child(folder, body, timeout_s=60.0):
    script = folder / "peer.py"
    script.write_text(FIT.format(body=body), encoding="utf-8")
    return Child(
        Path(sys.executable), script, n_threads=1, scratch=folder, isolated=True,
        timeout_s=timeout_s,
    )  # fmt: skip


@pytest.fixture
def shared(tmp_path):
    rows = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    return share(tmp_path, tmp_path / "rows.npy", 200, (3, 5), 2, 0)


def test_a_child_tells_versions_and_fits_from_the_centres_it_is_given(tmp_path, shared):
    with child(tmp_path, "print('noise on stdout')") as one:
        told = one.load(shared.rows, shared.n_rows, 1)
        found = one.fit([[(3, 1)], [(5, 0)]], shared.init, tmp_path / "out", max_iter=2)
    assert told["versions"] == {"numpy": np.__version__}
    (first,), (second,) = (job["fits"] for job in found["jobs"])
    assert (first["k"], first["restart"], second["k"]) == (3, 1, 5)
    np.testing.assert_array_equal(np.load(first["centres"]), np.load(shared.init[3])[1])


def test_a_child_counts_the_processor_time_of_what_it_starts(tmp_path, shared):
    spin = "import subprocess; spun = subprocess.Popen([sys.executable, '-c', 'while True: 1']); "
    wait = (
        "deadline = time.monotonic() + 60\n"
        "        def ticks(): return sum(map(int, open(f'/proc/{spun.pid}/stat').read()"
        ".rpartition(')')[2].split()[11:13]))\n"
        "        while ticks() < 20 and time.monotonic() < deadline: time.sleep(0.01)\n"
        "        fit.spun = spun"
    )
    if not Path("/proc/self/stat").exists():
        pytest.skip("no /proc here")
    with child(tmp_path, spin + wait) as one:
        one.load(shared.rows, shared.n_rows, 1)
        found = one.fit([[(3, 0)]], shared.init, tmp_path / "out", max_iter=2)
    assert found["jobs"][0]["cpu_s"] >= 0.2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise RuntimeError('broken in the fit')", "exit code 1.*broken in the fit"),
        ("os._exit(7)", "exit code 7: without a word"),
        ("os.kill(os.getpid(), 9)", "exit code -9"),
    ],
)
def test_a_child_that_ends_says_how(tmp_path, shared, body, said):
    with child(tmp_path, body) as one, pytest.raises(PeerError, match=said):
        one.load(shared.rows, shared.n_rows, 1)


def test_a_child_that_hangs_is_given_up_and_ended(tmp_path, shared, monkeypatch):
    monkeypatch.setattr("bannercluster.bench.peers.child._ENDS_WITHIN_S", 0.2)
    with (
        child(tmp_path, "time.sleep(600)", timeout_s=1.0) as one,
        pytest.raises(PeerError, match="did not answer within 1 s"),
    ):
        one.load(shared.rows, shared.n_rows, 1)
    assert one._process.poll() == -9


def test_first_centres_are_distinct_rows_among_those_used(shared):
    used = shared.values()
    assert used.shape == (200, 4)
    for k, path in shared.init.items():
        init = np.load(path)
        assert init.shape == (2, k, 4)
        assert init.dtype == np.float32
        for restart in init:
            places = [int(np.flatnonzero((used == row).all(axis=1))[0]) for row in restart]
            assert len(set(places)) == k
    assert not np.array_equal(np.load(shared.init[3])[0], np.load(shared.init[3])[1])


def test_first_centres_are_every_row_where_there_are_as_many_as_clusters(tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(10, dtype=np.float32).reshape(5, 2))
    shared = share(tmp_path, tmp_path / "rows.npy", 5, (5,), 3, 0)
    for restart in np.load(shared.init[5]):
        np.testing.assert_array_equal(restart, shared.values())


def slow_inertia(rows, centres):
    distances = [[float(((x - c) ** 2).sum()) for c in centres] for x in rows.astype(np.float64)]
    return np.argmin(distances, axis=1), float(np.min(distances, axis=1).sum())


def test_judging_is_the_obvious_inertia_in_float64(monkeypatch):
    monkeypatch.setattr("bannercluster.bench.peers.rows._TILE", 7)
    generator = np.random.default_rng(1)
    rows = (generator.normal(size=(50, 6)) + 100).astype(np.float32)
    runs = [generator.normal(size=(k, 6)) + 100 for k in (4, 1, 3)]
    for centres in runs:
        labels, inertia = judge(rows, centres)
        expected_labels, expected = slow_inertia(rows, centres)
        np.testing.assert_array_equal(labels, expected_labels)
        assert inertia == pytest.approx(expected, rel=1e-12)
    together = inertia_of_all(rows, np.concatenate(runs), [4, 1, 3])
    expected = [slow_inertia(rows, centres)[1] for centres in runs]
    np.testing.assert_allclose(together, expected, rtol=1e-10)


def test_ratios_are_taken_round_by_round():
    found = ratios([1.0, 2.0, 4.0], [3.0, 2.0, 2.0], restarts=10)
    assert found == Spread(10.0, 5.0, 30.0)


def test_restarts_are_counted_for_each_k_whatever_their_order():
    assert _places([5, 10, 5, 5, 10]) == [(5, 0), (10, 0), (5, 1), (5, 2), (10, 1)]


def two_restarts():
    """k = 2: restart 0 ends at 10, restart 1 at 8; k = 3: at 4 and at 6."""
    runs = ((2, 0), (2, 1), (3, 0), (3, 1))
    inertia = np.array([[20.0, 16, 8, 12], [12, 10, 5, 7], [10, 8, 4, 6]])
    return curves.Path(runs, inertia)


def test_our_curve_has_the_best_of_all_restarts_at_every_update():
    found = curves.compare(
        "peer", 9, two_restarts(), [0.5, 1.0], [3.0] * 4, [2] * 4, [10.0, 8, 4, 6]
    )
    assert found.ours == Curve((0.5, 1.0), (0.25, 0.0))
    assert found.ours_s == 1.0
    assert found.final_inertia_differs == 0.0


def test_the_peers_curve_has_one_restart_after_the_other():
    found = curves.compare(
        "peer", 9, two_restarts(), [0.5, 1.0], [3.0] * 4, [2] * 4, [10.0, 8, 4, 6]
    )
    # Three seconds a run, of which two iterations and the labels take one each: k = 2 restart 0,
    # k = 3 restart 0, k = 2 restart 1, k = 3 restart 1 (no better than what is there).
    assert found.theirs.seconds == (1.0, 2.0, 4.0, 5.0, 8.0)
    expected = [(12 / 8 + 8 / 4) / 2, (10 / 8 + 8 / 4) / 2, (10 / 8 + 5 / 4) / 2,
                (10 / 8 + 1) / 2, 1.0]  # fmt: skip
    assert found.theirs.excess == pytest.approx([value - 1 for value in expected])
    # In the other order restart 1 comes first: k = 2 is at its best after 2 s, k = 3 after 11 s.
    assert found.theirs_s == Spread(9.5, 8.0, 11.0)
    assert found.ratio == Spread(9.5, 8.0, 11.0)


def test_a_peer_whose_inertia_is_another_one_is_seen():
    found = curves.compare(
        "peer", 9, two_restarts(), [0.5, 1.0], [3.0] * 4, [2] * 4, [10.0, 8, 4, 9]
    )
    assert found.final_inertia_differs == pytest.approx(0.5)


def test_a_curve_that_never_comes_near_has_no_time():
    found = curves.compare(
        "peer", 9, two_restarts(), [0.5, 1.0], [3.0] * 4, [2] * 4, [10.0, 8, 3, 6]
    )
    assert found.ours_s is None
    assert found.theirs_s is None
    assert found.ratio is None


def test_the_curve_of_a_race_has_the_lowest_so_far():
    led = curves.Led((2, 3), (0.25, 0.5, 0.75), np.array([[12.0, 6], [16, 4], [8, 5]]))
    found = curves.compare(
        "peer", 9, two_restarts(), [0.5, 1.0], [3.0] * 4, [2] * 4, [10.0, 8, 4, 6], led
    )
    assert found.race == Curve((0.25, 0.5, 0.75), (0.5, 0.25, 0.0))
    assert found.race_s == 0.75
    assert found.race_ratio.median == pytest.approx(9.5 / 0.75)


def test_a_missing_program_makes_a_peer_absent(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = OwnEnvironments(tmp_path / "cache").python_of(SPARK)
    assert found == Absent("needs java, which is not on the PATH of this machine")
    assert not (tmp_path / "cache").exists()


def test_an_environment_that_cannot_be_made_leaves_nothing_behind(tmp_path):
    places = OwnEnvironments(tmp_path, ("--no-index", "--isolated"))
    found = places.python_of(SKLEARN)
    assert isinstance(found, Absent)
    assert "cannot be made" in found.reason
    assert "No matching distribution found" in found.reason
    assert list(tmp_path.iterdir()) == []


def test_an_environment_is_made_once(tmp_path, monkeypatch):
    made = []

    def make(places, place, peer):
        made.append(peer.name)
        place.mkdir()
        return ""

    monkeypatch.setattr(OwnEnvironments, "_make", make)
    places = OwnEnvironments(tmp_path)
    first, second = places.python_of(SKLEARN), places.python_of(SKLEARN)
    assert first == second
    assert made == ["sklearn"]
    (folder,) = tmp_path.iterdir()
    assert first == folder / "bin" / "python"
    assert "scikit-learn==" in " ".join(
        json.loads((folder / "made.json").read_text())["requirements"]
    )


def test_other_requirements_are_another_environment(tmp_path, monkeypatch):
    monkeypatch.setattr(OwnEnvironments, "_make", lambda places, place, peer: place.mkdir() or "")
    monkeypatch.setattr("bannercluster.bench.peers.catalogue.FOLDER", tmp_path)
    (tmp_path / "requirements").mkdir()
    places, found = OwnEnvironments(tmp_path / "cache"), []
    for line in ("scikit-learn==1.0", "scikit-learn==2.0", "scikit-learn==1.0"):
        SKLEARN.requirements.write_text(line, encoding="utf-8")
        found.append(places.python_of(SKLEARN))
    assert found[0] == found[2] != found[1]
