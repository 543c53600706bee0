"""Buckets that refuse, cut or fall silent: one clear line, nothing half, the next run goes on."""

import json

import pytest

from bannercluster.store import files

from .conftest import new_bucket
from .proxy import Fault
from .test_files import DENIED, SLOW_DOWN
from .world import STAGES, canonical, copy_of, stamps

BAD_KEY = b"<Error><Code>InvalidAccessKeyId</Code><Message>No such key</Message></Error>"
NO_CALLER = b'{"error": {"code": 401, "message": "No such key"}}'
EMBED = STAGES[0]


@pytest.fixture
def images(bucket, with_images, protocol, proxy):
    """A bucket with the images in it."""
    copy_of(with_images[protocol], bucket)
    proxy.reset()
    return bucket


def one_line(said: dict, code: int, *words: str) -> None:
    assert said["code"] == code, said
    assert said["out"] == ""
    assert said["err"].startswith("error: ")
    assert said["err"].count("\n") == 1
    assert len(said["err"]) < 700
    for word in words:
        assert word in said["err"]


def check_embedded(url: str, wanted: dict) -> None:
    found = canonical(url)
    assert {name: wanted[name] for name in found} == found
    assert len(found) >= 5


PLACES = ["embeddings.lease", "embeddings.staging/", "embedding/c/0", "embeddings.zarr/zarr.json"]


@pytest.mark.parametrize("place", PLACES)
def test_put_that_is_refused(images, typist, proxy, wanted, place):
    if "gs://" in images and place != "embeddings.staging/":
        pytest.skip("the same on gs:// where the client raises the same; one place is enough")
    proxy.faults.append(Fault(lambda r: r.is_put and place in r.key, "refuse", body=DENIED))
    ran = typist.type(images, EMBED)
    one_line(ran.said[0], 1, images, place)
    assert ran.stderr == ""
    assert canonical(images) == {}
    proxy.reset()
    assert typist.type(images, EMBED).codes == [3]
    check_embedded(images, wanted)


def test_last_good_state_stays(images, typist, proxy, local):
    """The store of yesterday is read while the commit of today is refused."""
    half = b"\n".join((local / "images/manifest.csv").read_bytes().splitlines()[:20]) + b"\n"
    whole = files.read_bytes(f"{images}/images/manifest.csv")
    fs, path = files.filesystem(f"{images}/images/manifest.csv")
    fs.pipe_file(path, half)
    assert typist.type(images, EMBED).codes[0] in (0, 3)
    before = canonical(images)
    fs.pipe_file(path, whole)
    proxy.faults.append(
        Fault(lambda r: r.is_put and r.key.endswith("embeddings.zarr/zarr.json"), "refuse")
    )
    ran = typist.type(images, EMBED)
    one_line(ran.said[0], 1, "embeddings.zarr/zarr.json", "the last good state stays")
    assert canonical(images) == before
    proxy.reset()
    ran = typist.type(images, EMBED)
    assert ran.codes == [3]
    assert ran.at("embed.part") == set()  # the parts lay there


@pytest.mark.parametrize("protocol", ["s3"])
def test_part_whose_put_is_cut_for_good(images, typist, proxy, wanted):
    """Of two parts one arrives; the next run computes the other one only."""
    arrived = []

    def second_part(request):
        if not (request.is_put and "embeddings.staging/" in request.key):
            return False
        if not arrived:
            arrived.append(request.key)
        return request.key != arrived[0]

    proxy.faults.append(Fault(second_part, "cut"))
    ran = typist.type(images, EMBED)
    one_line(ran.said[0], 1, "embeddings.staging/", "the last good state stays")
    assert len(files.names(f"{images}/embeddings.staging")) == 1
    proxy.reset()
    again = typist.type(images, EMBED)
    assert again.codes == [3]
    assert len(again.at("embed.part")) == 1
    assert again.at("embed.part").isdisjoint({arrived[0].rsplit("/", 1)[-1]})
    check_embedded(images, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["s3"])
def test_server_that_is_gone_in_the_middle(images, typist, proxy, wanted):
    def first_part(request):
        if request.is_put and "embeddings.staging/" in request.key:
            proxy.gone = True
        return False

    proxy.faults.append(Fault(first_part, "wait"))
    ran = typist.type(images, EMBED)
    one_line(ran.said[0], 1, f" {images}/")  # cannot read an image, or cannot write the part
    assert ran.stderr == ""
    one_line(typist.type(images, "cluster --k 3 4").said[0], 1, f"cannot read {images}")
    proxy.reset()
    assert typist.type(images, EMBED).codes == [3]
    check_embedded(images, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["s3"])
def test_stages_of_a_server_that_stumbles(images, typist, proxy, wanted):
    """Every fourth request is cut, slowed down or answered by half: the client tries again."""

    def nth(rest):
        return lambda request: len(proxy.seen) % 12 == rest

    proxy.faults += [
        Fault(nth(1), "cut"), Fault(nth(5), "cut_answer"),
        Fault(nth(9), "refuse", status=503, body=SLOW_DOWN),
    ]  # fmt: skip
    ran = typist.type(images, *STAGES[:2], AWS_MAX_ATTEMPTS="2")
    assert ran.codes == [3, 0], ran.said
    assert min(fault.done for fault in proxy.faults) > 1
    proxy.reset()
    check_embedded(images, wanted)


def test_image_that_is_refused_is_a_row(images, typist, proxy):
    name = next(name for name in files.objects(f"{images}/images") if name.endswith(".png"))
    proxy.faults.append(
        Fault(lambda r: r.kind == "GET" and r.key.endswith(name), "refuse", body=DENIED)
    )
    found = json.loads(typist.type(images, EMBED).said[0]["out"])
    assert ["unreadable", 1] in found["reasons"]
    assert found["n_in"] == found["n_ok"] + found["n_duplicate"] + found["n_rejected"] == 40
    proxy.reset()
    found = json.loads(typist.type(images, EMBED).said[0]["out"])
    assert "unreadable" not in dict(found["reasons"])


@pytest.mark.parametrize("protocol", ["s3"])
def test_images_that_do_not_answer_are_no_rows(images, typist, proxy):
    """A bucket that fails costs the run, and rejects nobody."""
    broken = b"<Error><Code>InternalError</Code><Message>We failed</Message></Error>"
    proxy.faults.append(
        Fault(
            lambda r: r.kind == "GET" and r.key.startswith("images/") and "manifest" not in r.key,
            "refuse", status=500, body=broken,
        )
    )  # fmt: skip
    ran = typist.type(images, EMBED)
    one_line(ran.said[0], 1, f"cannot read {images}/images/", "We failed")
    assert stamps(images) == {}


def test_credentials_that_are_wrong(images, typist, proxy, protocol):
    status, body = (403, BAD_KEY) if protocol == "s3" else (401, NO_CALLER)
    proxy.faults.append(Fault(lambda r: True, "refuse", status=status, body=body))
    ran = typist.type(images, *STAGES)
    for said in ran.said:
        one_line(said, 1, images, "No such key")
    assert ran.stderr == ""


@pytest.mark.parametrize("protocol", ["s3"])
def test_credentials_that_are_missing(images, typist):
    ran = typist.type(
        images, *STAGES[:2], AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""
    )  # fmt: skip
    for said in ran.said:
        one_line(said, 1, images, "credentials")


def test_buckets_that_do_not_exist(images, typist, protocol):
    nowhere = f"{protocol}://there-is-no-such-bucket"
    ran = typist.type(
        nowhere, EMBED, f"{EMBED} --images {images}/images", "cluster --k 3", "evaluate", "predict"
    )
    # The lease comes first: nothing is listed for a store that cannot be written.
    assert [said["code"] for said in ran.said[:2]] in ([1, 1], [2, 1])
    for said, words in zip(
        ran.said, (nowhere, nowhere, "no embeddings at", "no embeddings at", "no embeddings at"),
        strict=True,
    ):  # fmt: skip
        one_line(said, said["code"], words, nowhere)
        assert said["code"] in (1, 2)


def test_folder_without_images(images, typist, protocol):
    empty = new_bucket(protocol)
    ran = typist.type(images, f"{EMBED} --images {empty}/images")
    one_line(ran.said[0], 2, f"no folder of images at {empty}/images", "--images")
