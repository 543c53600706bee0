"""All stages with every path in a bucket: the same result as on a local disk."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import xarray

from bannercluster.store import files
from bannercluster.store.embeddings import EmbeddingStore

from .conftest import new_bucket
from .world import STAGES, Ran, canonical, copy_of, paths_in, stamps

BC = str(Path(sys.executable).with_name("bc"))


@dataclass(frozen=True)
class Run:
    url: str
    ran: Ran
    n_listed: int
    """Requests of the first run of all stages."""


@pytest.fixture(scope="module")
def runs(typist, with_images, proxies):
    """All stages twice in one bucket, in a process of its own, by protocol; made when asked."""
    made: dict[str, Run] = {}

    def run_of(protocol: str) -> Run:
        if protocol not in made:
            url = new_bucket(protocol)
            copy_of(with_images[protocol], url)
            proxies[protocol].reset()
            look = f"stamps {url}"
            ran = typist.type(url, *STAGES, look, *STAGES, look)
            made[protocol] = Run(url, ran, len(proxies[protocol].seen))
        return made[protocol]

    return run_of


@pytest.fixture
def done(runs, protocol):
    return runs(protocol)


def test_commands_say_nothing_but_their_result(done):
    assert done.ran.status == 0
    assert done.ran.stderr == ""
    assert done.ran.codes == [3, 0, 0, 0, 0] * 2
    assert [said["err"] for said in done.ran.said if "err" in said] == [""] * 10


def test_result_is_that_of_the_local_disk(done, wanted):
    assert canonical(done.url) == wanted


def test_report_is_that_of_the_local_disk(done, local):
    html = files.read_bytes(f"{done.url}/report.html").decode()
    # Places and times differ; pictures and plots are most of it.
    assert abs(len(html) - len((local / "report.html").read_text())) < 2_000
    assert html.count("data:image/") == (local / "report.html").read_text().count("data:image/")


def test_again_is_a_no_op(done):
    again = [json.loads(said["out"]) for said in done.ran.said[6:11]]
    assert (again[0]["n_new"], again[0]["generation"]) == (0, 1)
    assert not any(model["new"] for model in again[1]["models"])
    first, second = done.ran.said[5]["stamps"], done.ran.said[11]["stamps"]
    rewritten = {name for name in second if second[name] != first.get(name)}
    assert first.keys() == second.keys()
    evaluated = {name for name in second if name.startswith("evaluation/")}
    assert rewritten <= {"report.html", *evaluated, "models/sweep.json"}


def test_nothing_is_left_beside_the_results(done):
    kinds = {name.split("/")[0] for name in stamps(done.url)}
    folders = {"embeddings.zarr", "embeddings.tables", "models", "evaluation", "assignments"}
    assert kinds == {*folders, "report.html"}


def test_xarray_opens_the_store(done, local):
    data = xarray.open_zarr(f"{done.url}/embeddings.zarr")
    assert data.attrs["model"] == "efficientnet_lite0"
    there = EmbeddingStore.open(str(local / "embeddings.zarr"))
    np.testing.assert_array_equal(data["embedding"].values, there.read(0, there.n_rows))
    np.testing.assert_array_equal(data["content_id"].values, there.content_ids())


def test_opening_and_reading_a_store_are_single_requests(done, proxy):
    proxy.reset()
    store = EmbeddingStore.open(f"{done.url}/embeddings.zarr")
    assert proxy.counts() == {"GET": 1}
    store.read(2, 9)
    store.content_ids()
    store.table("rows")
    store.table("aliases", ["file", "content_id"])
    assert proxy.counts() == {"GET": 5}


def images_read(proxy) -> set[str]:
    keys = {r.key for r in proxy.seen if r.kind == "GET" and r.key.startswith("images/")}
    return {key.removeprefix("images/") for key in keys} - {"manifest.csv"}


def rejected(url: str) -> set[str]:
    """Files that are read in every run: the store keeps no stamp of what it rejects."""
    return set(EmbeddingStore.open(f"{url}/embeddings.zarr").table("rejected")["file"].to_pylist())


def test_embedding_nothing_new_reads_no_image(done, typist, proxy):
    proxy.reset()
    ran = typist.type(done.url, STAGES[0])
    assert ran.codes == [3]
    assert images_read(proxy) <= rejected(done.url)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # the copied report
def test_changed_object_is_read_and_embedded(done, typist, proxy, protocol):
    url = new_bucket(protocol)
    copy_of(done.url, url)
    names = [name for name in files.objects(f"{url}/images") if name.endswith((".png", ".jpg"))]
    one, other = sorted(names)[:2]
    fs, path = files.filesystem(f"{url}/images")
    fs.pipe_file(f"{path}/{one}", fs.cat_file(f"{path}/{other}") + b"\0")
    proxy.reset()
    ran = typist.type(url, STAGES[0])
    assert images_read(proxy) - rejected(url) == {one} - rejected(url)
    assert images_read(proxy) >= {one}
    assert json.loads(ran.said[0]["out"])["n_new"] <= 1


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["s3"])
def test_worker_processes(typist, with_images, wanted, protocol):
    """Clients and their loops in processes that a process started."""
    url = new_bucket(protocol)
    copy_of(with_images[protocol], url)
    lines = [f"{line} --pool processes --workers 2" for line in STAGES[:2]]
    ran = typist.type(url, *lines)
    assert ran.codes == [3, 0]
    found = canonical(url)
    assert {name: wanted[name] for name in found} == found


@pytest.mark.parametrize("protocol", ["s3"])
def test_command_as_users_type_it(done):
    import os

    environment = {**os.environ, **paths_in(done.url)}
    words = [BC, "evaluate", "--label", "advertiser", "--json"]
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["labels"]["n_labels"] == 4
