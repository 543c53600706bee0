"""`bc` on a Dask cluster of processes: the same results, clear refusals, and a lost scheduler."""

import functools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.commands import Ran, bc

from bannercluster.config import RuntimeConfig
from bannercluster.errors import SchedulerError
from bannercluster.runtime import open_executor
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.reach import witnesses

from . import tasks
from .clusters import Certificates, Cluster, wait_until

BC = Path(sys.executable).with_name("bc")
EMBED = "embed --model efficientnet_lite0 --part-rows 8 --json"
CLUSTER = "cluster --k 3 4 --n-init 4 --json"

# A worker of which a library has another version: what Python runs first in it says so.
_OTHER_NUMPY = """
import importlib.metadata
_version = importlib.metadata.version
importlib.metadata.version = lambda name: "1.0" if name == "numpy" else _version(name)
"""
_OTHER_OURS = _OTHER_NUMPY.replace("numpy", "bannercluster")


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("BC_", "DASK_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BC_RUNTIME_DASHBOARD", "off")
    monkeypatch.setenv("BC_RUNTIME_WORKERS", "2")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates.made(tmp_path_factory.mktemp("tls"), "one")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Sixty banners, embedded and clustered on this machine."""
    folder = tmp_path_factory.mktemp("world")
    cache = tmp_path_factory.getbasetemp() / "network-cache"  # as the tests in e2e
    (folder / "conf.yaml").write_text(f"paths: {{cache: '{cache}'}}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("BC_RUNTIME_WORKERS", "2")
        patch.setenv("BC_RUNTIME_DASHBOARD", "off")
        assert bc("synth banners --banners 60 --advertisers 4 --workers 1").code == 0
        assert bc(EMBED).code == 0
        assert bc(CLUSTER).code == 0
    return folder


@pytest.fixture
def folder(world, tmp_path, monkeypatch):
    """The banners and the networks, and nothing else; work goes on in it."""
    here = tmp_path / "here"
    here.mkdir()
    shutil.copytree(world / "data" / "images", here / "data" / "images")
    shutil.copy(world / "conf.yaml", here)
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def cluster(tmp_path, folder):
    with Cluster(tmp_path / "cluster") as started:
        yield started


def rows_of(folder: Path) -> list[tuple[bytes, bytes]]:
    store = EmbeddingStore.open(str(folder / "data" / "embeddings.zarr"))
    values = store.read(0, store.n_rows)
    ids = store.content_ids()
    return sorted((bytes(one), row.tobytes()) for one, row in zip(ids, values, strict=True))


def arrays_of(folder: Path) -> dict[str, bytes]:
    found = (folder / "data" / "models").glob("*/arrays.safetensors")
    return {path.parent.name: path.read_bytes() for path in found}


def refused(ran: Ran, *says: str, code: int = 1) -> None:
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    for words in says:
        assert words in ran.err


@pytest.mark.slow
def test_same_results(cluster, folder, world):
    for _ in range(2):
        cluster.worker(cwd=folder)
    for line in (EMBED, CLUSTER):
        ran = bc(f"{line} --quiet --scheduler-file {cluster.file}")
        assert (ran.code, ran.err) == (0, "")
    assert rows_of(folder) == rows_of(world)
    assert arrays_of(folder) == arrays_of(world)
    assert len(arrays_of(folder)) == 2
    assert not list(folder.rglob(".tmp-*"))


# TLS


@pytest.mark.slow
def test_tls(tmp_path, folder, certificates, world, monkeypatch):
    flags = (
        f"--tls-ca {certificates.ca} --tls-cert {certificates.cert} --tls-key {certificates.key}"
    )
    other = Certificates.made(tmp_path / "other", "other")
    with Cluster(tmp_path / "cluster", certificates) as cluster:
        cluster.worker(cwd=folder)
        assert cluster.address.startswith("tls://")
        ran = bc(f"{EMBED} --quiet --scheduler {cluster.address} {flags}")
        assert (ran.code, ran.err) == (0, "")
        assert rows_of(folder) == rows_of(world)
        # Without certificates, with those of another authority, without encryption.
        line = f"cluster --scheduler {cluster.address}"
        refused(bc(line), "speaks TLS and there are no certificates", "--tls-ca", code=2)
        refused(
            bc(f"{line} {flags.replace(str(certificates.ca), str(other.ca))}"),
            "no Dask scheduler answered at tls://",
            "check that --tls-ca is the authority of the cluster",
        )
        mixed = f"--tls-ca {certificates.ca} --tls-cert {other.cert} --tls-key {other.key}"
        refused(bc(f"{line} {mixed}"), "no Dask scheduler answered at tls://")
        plain = cluster.address.replace("tls://", "tcp://")
        refused(bc(f"cluster --scheduler {plain}"), "tls:// where it speaks TLS")
        # Dask's own configuration.
        import dask

        tls = "distributed.comm.tls."
        config = {
            f"{tls}ca-file": str(certificates.ca),
            f"{tls}client.cert": str(certificates.cert),
            f"{tls}client.key": str(certificates.key),
        }
        with dask.config.set(config):
            assert bc(f"doctor --json --scheduler {cluster.address}").json["checks"]
            ran = bc(f"{CLUSTER} --quiet --scheduler {cluster.address}")
        assert (ran.code, ran.err) == (0, "")
        assert arrays_of(folder) == arrays_of(world)


def test_certificates_that_do_not_fit(folder, certificates, tmp_path):
    other = Certificates.made(tmp_path / "other", "other")
    both = f"--tls-ca {certificates.ca} --tls-cert {certificates.cert}"
    away, here = "doctor --json --scheduler tls://127.0.0.1:1", "tcp://127.0.0.1:1"

    def said(line):
        (check,) = (one for one in bc(line).json["checks"] if one["topic"] == "Dask")
        assert check["verdict"] == "bad"
        return check["remedy"]

    assert "--tls-ca alone is not enough" in said(f"{away} --tls-ca {certificates.ca}")
    assert "no such file" in said(f"{away} {both} --tls-key absent.pem")
    assert "are no certificates to connect with" in said(f"{away} {both} --tls-key {other.key}")
    assert "are no certificates to connect with" in said(f"{away} {both} --tls-key conf.yaml")
    plain = said(f"doctor --json --scheduler {here} {both} --tls-key {certificates.key}")
    assert "which is not encrypted" in plain


# Refused


def test_worker_that_does_not_see_the_folder(cluster, folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    cluster.worker(cwd=elsewhere)
    ran = bc(f"{EMBED} --scheduler-file {cluster.file}")
    refused(ran, "the worker tcp://", "does not see data/images", str(elsewhere), "a bucket")
    # A folder of the same name that is another one.
    shutil.copytree(folder / "data", elsewhere / "data")
    ran = bc(f"{EMBED} --scheduler-file {cluster.file}")
    refused(ran, "the worker tcp://", "does not see data/embeddings.zarr", "absolute path")
    assert not (folder / "data" / "embeddings.zarr").exists()
    assert not list(folder.rglob(".tmp-*"))


@pytest.mark.parametrize(
    ("code", "says"),
    [(_OTHER_NUMPY, "has numpy 1.0 (here "), (_OTHER_OURS, "has version 1.0 and this is version")],
)
def test_worker_of_other_versions(cluster, folder, tmp_path, code, says):
    (tmp_path / "sitecustomize.py").write_text(code)
    cluster.worker(cwd=folder, first_on_path=tmp_path)
    ran = bc(f"{EMBED} --scheduler-file {cluster.file}")
    refused(ran, "the worker tcp://", says, "one image for scheduler, workers and client")
    assert not (folder / "data" / "embeddings.zarr").exists()


def test_worker_with_other_weights(cluster, folder, tmp_path):
    """The same name, relative to where each was started, and other numbers in it."""
    import torch

    from bannercluster.encoders.catalog import model_facts
    from bannercluster.encoders.weights import find_weights

    found = find_weights(model_facts("efficientnet_lite0"), None)
    state = torch.load(found.path, weights_only=True)
    torch.save(state, folder / "w.pth")
    first = next(name for name, value in state.items() if value.is_floating_point())
    state[first] = state[first] + 1
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    torch.save(state, elsewhere / "w.pth")
    (elsewhere / "data").symlink_to(folder / "data")
    cluster.worker(cwd=elsewhere)
    ran = bc(f"{EMBED} --weights w.pth --scheduler-file {cluster.file}")
    lines = [line for line in ran.err.splitlines() if line.startswith("error")]
    assert ran.code == 1
    assert len(lines) == 1
    assert "has other weights here (file:w.pth, sha256 " in lines[0]
    assert "(on the worker tcp://" in lines[0]
    assert not (folder / "data" / "embeddings.zarr").exists()


def test_unfit_worker_that_joins_later_gets_no_work(cluster, folder, tmp_path, caplog):
    go = tmp_path / "go"
    with witnesses([], [str(folder / "store.zarr")]) as seen:
        good = cluster.worker(cwd=folder)
        runtime = RuntimeConfig(scheduler_file=str(cluster.file))
        with open_executor(runtime, timeout_s=30, demands=seen) as executor:
            waiting = functools.partial(tasks.wait_for, str(go))
            results = executor.map_unordered(waiting, range(20))
            go.touch()
            found = [next(results)]
            (tmp_path / "sitecustomize.py").write_text(_OTHER_NUMPY)
            cluster.worker(cwd=folder, first_on_path=tmp_path)
            wait_until(lambda: executor.n_workers == 2, "the second worker")
            found += results
            assert sorted(found) == [(item, item) for item in range(20)]
            places = set(dict(executor.map_unordered(tasks.place, range(40))).values())
            assert len(places) == 1
            assert "passed over: the worker tcp://" in caplog.text
            assert caplog.text.count("has numpy 1.0 (here") == 1
            # Once it is the only one left, the job cannot go on.
            os.killpg(good.pid, signal.SIGKILL)
            with pytest.raises(SchedulerError, match=r"has numpy 1\.0 \(here"):
                list(executor.map_unordered(tasks.place, range(4)))


# The scheduler is lost


def _killed_under_way(cluster, line, begun) -> None:
    """Start a command on a cluster, kill the scheduler once it has begun, and read what it says."""
    command = [str(BC), *line.split(), "--scheduler-file", str(cluster.file)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: begun() or child.poll() is not None, "the command to begin")
        os.killpg(cluster.scheduler.pid, signal.SIGKILL)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    assert (child.returncode, out) == (1, ""), err
    last = err.splitlines()[-1]
    assert last.startswith("error: the connection to the Dask scheduler was lost")
    assert "start the same command again" in last
    assert "Traceback" not in err, err


@pytest.mark.slow
def test_scheduler_killed_while_embedding(cluster, folder, world):
    cluster.worker(cwd=folder)
    staged = folder / "data" / "embeddings.staging"
    _killed_under_way(cluster, EMBED, lambda: len(list(staged.glob("*.parquet"))) >= 2)
    kept = {path.name: path.stat().st_mtime_ns for path in staged.glob("*.parquet")}
    assert 2 <= len(kept) < 8
    assert not (folder / "data" / "embeddings.zarr").exists()
    ran = bc(EMBED)
    assert ran.code == 0
    assert rows_of(folder) == rows_of(world)


@pytest.mark.slow
def test_scheduler_killed_while_clustering(cluster, folder, world):
    shutil.copytree(world / "data", folder / "data", dirs_exist_ok=True)
    shutil.rmtree(folder / "data" / "models")
    cluster.worker(cwd=folder)
    progress = folder / "data" / "models" / ".progress"
    _killed_under_way(cluster, CLUSTER, lambda: progress.is_dir() and any(progress.iterdir()))
    assert not arrays_of(folder)
    assert bc(CLUSTER).code == 0
    assert arrays_of(folder) == arrays_of(world)
