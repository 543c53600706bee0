"""The whole of ``bc bench peers``, with what the running interpreter has."""

import json
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from bannercluster.bench.generators import write_store
from bannercluster.bench.peers import ThisEnvironment, run
from bannercluster.bench.peers.catalogue import FOLDER, NAMES, PEERS
from bannercluster.bench.peers.child import PeerError
from bannercluster.bench.peers.environments import Absent
from bannercluster.bench.peers.turns import OursError, Turns
from bannercluster.config import PeersConfig, RuntimeConfig, Settings
from bannercluster.errors import DataError, UsageError
from bannercluster.runtime.progress import SilentProgress

ROWS, FEATURES, RESTARTS, ROUNDS = 2_000, 64, 3, 2


class Counted(SilentProgress):
    def __init__(self):
        self.total, self.n = 0, 0

    def start(self, stage, total, unit):
        self.total = total

    def advance(self, n=1, note=""):
        self.n += n


class WithoutJava(ThisEnvironment):
    def python_of(self, peer):
        return Absent("needs java") if peer.program else super().python_of(peer)


def settings(out, **changes):
    config = PeersConfig(
        names=("sklearn",), rows=ROWS, features=FEATURES, restarts=RESTARTS, rounds=ROUNDS,
        max_iter=5, k=(3, 5), out=str(out),
    )  # fmt: skip
    return Settings(peers=replace(config, **changes), runtime=RuntimeConfig(workers=2))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """scikit-learn is here, faiss is not (its script ends), Spark is absent."""
    out, progress = tmp_path_factory.mktemp("out"), Counted()
    asked = settings(out, names=("sklearn", "faiss", "spark"))
    result = run(asked, progress=progress, environments=WithoutJava())
    return result, json.loads((out / "peers.json").read_text("utf-8")), out, progress


def by_name(result):
    return {peer.name: peer for peer in result.peers}


def test_a_measured_peer_has_a_timing_for_every_round(measured):
    timing = by_name(measured[0])["sklearn"].timing
    assert timing.n_rows == ROWS
    for seconds in (timing.ours_s, timing.ours_cpu_s, timing.theirs_s, timing.theirs_cpu_s):
        assert len(seconds) == ROUNDS
        assert all(value > 0 for value in seconds)
    assert [one.k for one in timing.by_k] == [3, 5]
    assert timing.ratio.lowest <= timing.ratio.median <= timing.ratio.highest
    assert timing.null_ours >= 1
    assert timing.null_theirs >= 1
    # Python and numpy alone take more than this; the unit is bytes.
    assert timing.peak_rss_bytes > 20 << 20
    assert timing.ours_peak_rss_bytes > 20 << 20


def test_the_ratio_is_the_scaled_restart_over_our_sweep_round_by_round(measured):
    timing = by_name(measured[0])["sklearn"].timing
    ratios = sorted(
        RESTARTS * theirs / ours
        for ours, theirs in zip(timing.ours_s, timing.theirs_s, strict=True)
    )
    assert timing.ratio.lowest == ratios[0]
    assert timing.ratio.highest == ratios[-1]


def test_labels_and_inertia_agree_with_scikit_learn(measured):
    sklearn = by_name(measured[0])["sklearn"]
    for one in sklearn.agreement:
        assert abs(one.inertia_differs) < 1e-5
        assert one.labels_differ < 0.01
        assert one.own_labels_differ < 0.01
    assert [one.k for one in sklearn.agreement_float64] == [3, 5]
    for one in sklearn.agreement_float64:
        assert abs(one.inertia_differs) < 1e-9  # our sums are on a grid
        assert one.labels_differ == 0


def test_a_peer_that_breaks_is_failed_with_what_it_said_last(measured):
    faiss = by_name(measured[0])["faiss"]
    if faiss.status == "measured":
        pytest.skip("faiss is installed here")
    assert faiss.status == "failed"
    assert "exit code 1" in faiss.reason
    assert "No module named 'faiss'" in faiss.reason
    assert faiss.timing is None


def test_a_peer_that_cannot_be_had_is_absent(measured):
    spark = by_name(measured[0])["spark"]
    assert (spark.status, spark.reason) == ("absent", "needs java")


def test_the_curves_of_both_end_at_the_final_best(measured):
    curve = measured[0].curve
    assert curve.peer == "scikit-learn"
    assert abs(curve.ours.excess[-1]) < 1e-5
    assert abs(curve.theirs.excess[-1]) < 1e-5
    assert len(curve.ours.seconds) == 5
    assert curve.final_inertia_differs < 1e-5
    assert len(curve.race.seconds) == len(curve.race.excess) >= 5
    assert abs(curve.race.excess[-1]) < 0.05
    assert curve.ratio.median == pytest.approx(curve.theirs_s.median / curve.ours_s)


def test_the_file_has_the_result_the_environment_and_no_path(measured):
    result, document, out, _ = measured
    assert document["benchmark"] == "peers"
    assert document["environment"]["n_cores"] >= 1
    found = document["result"]
    assert {"rows", "n_rows", "slow_rows", "n_features", "ks", "restarts", "max_iter", "rounds",
            "n_threads", "seed", "load_average", "peers", "curve"} == set(found)  # fmt: skip
    assert [peer["status"] for peer in found["peers"]] == ["measured", "failed", "absent"]
    sklearn = found["peers"][0]
    assert "scikit-learn" in sklearn["versions"]
    assert sklearn["timing"]["ratio"]["median"] == by_name(result)["sklearn"].timing.ratio.median
    assert str(out) not in json.dumps(document)
    assert result.written == (str(out / "peers.json"), str(out / "peers.svg"))


def test_the_plot_is_well_formed_and_names_both(measured):
    tree = ET.parse(measured[2] / "peers.svg")  # our own file
    texts = [element.text for element in tree.iter() if element.tag.endswith("text")]
    assert {"ours", "ours, race", "scikit-learn"} <= set(texts)
    paths = [element.get("d") for element in tree.iter() if element.tag.endswith("path")]
    assert len(paths) == 3
    numbers = [float(number) for path in paths for number in re.findall(r"[-\d.]+", path)]
    assert all(math.isfinite(number) for number in numbers)


def test_tables_name_every_peer_and_its_reason(measured):
    tables = measured[0].tables()
    shown = {row[0]: row for row in tables[0].rows}
    assert set(shown) == {"scikit-learn", "faiss", "Spark MLlib"}
    assert shown["Spark MLlib"][-1] == "absent: needs java"
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)


def test_progress_never_passes_its_total(measured):
    progress = measured[3]
    assert 0 < progress.n <= progress.total


def test_slow_peers_get_fewer_rows_and_a_store_gives_them(tmp_path, monkeypatch):
    store = str(tmp_path / "rows.zarr")
    write_store(store, 600, 16)
    seen = []

    def measure(turns, peer, python, shared):
        seen.append((peer.name, shared.n_rows, shared.values().shape, str(shared.values().dtype)))
        raise PeerError("enough")

    monkeypatch.setattr(Turns, "measure", measure)
    asked = settings(tmp_path, names=("sklearn", "dask-ml"), rows=500, slow_rows=200, store=store)
    result = run(asked, progress=SilentProgress(), environments=ThisEnvironment())
    assert seen == [("sklearn", 500, (500, 16), "float32"), ("dask-ml", 200, (200, 16), "float32")]
    assert [peer.reason for peer in result.peers] == ["enough", "enough"]
    assert result.n_features == 16


def test_more_rows_than_the_store_has_are_refused(tmp_path):
    store = str(tmp_path / "rows.zarr")
    write_store(store, 600, 16)
    with pytest.raises(DataError, match=r"601 rows were asked for.*has 600.*lower --rows"):
        run(settings(tmp_path, rows=601, store=store), progress=SilentProgress())


def test_more_clusters_than_rows_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"k = 5 is larger than the number of rows, 4"):
        run(settings(tmp_path, rows=4), progress=SilentProgress())


def test_an_unknown_peer_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match=r"matlab: no such peer.*sklearn, intelex"):
        run(settings(tmp_path, names=("sklearn", "matlab")), progress=SilentProgress())


def test_our_own_end_is_an_error_and_not_a_failed_peer(tmp_path, monkeypatch):
    broken = tmp_path / "ours.py"
    broken.write_text("raise RuntimeError('broken')\n", encoding="utf-8")
    monkeypatch.setattr("bannercluster.bench.peers.turns.OURS", broken)
    with pytest.raises(OursError, match="broken"):
        run(settings(tmp_path), progress=SilentProgress(), environments=ThisEnvironment())


def test_the_default_is_every_peer():
    assert PeersConfig().names == NAMES


@pytest.mark.parametrize("peer", PEERS, ids=NAMES)
def test_a_peer_has_a_script_of_its_own_and_pinned_requirements(peer):
    assert "bannercluster" not in peer.path.read_text("utf-8")
    for line in peer.requirements.read_text("utf-8").splitlines():
        assert re.fullmatch(r"[a-z0-9-]+==[\d.]+", line)


def test_the_harness_needs_nothing_but_numpy():
    text = Path(FOLDER / "scripts" / "harness.py").read_text("utf-8")
    imported = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))
    assert imported == {
        "__future__", "importlib", "json", "os", "platform", "resource", "sys", "time", "pathlib",
        "types", "typing", "numpy",
    }  # fmt: skip
