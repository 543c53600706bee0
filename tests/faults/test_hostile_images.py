"""A hostile image costs its own row, which says why; every other image is embedded."""

import os
import subprocess
import sys

import psutil
import pytest
from embed.banners import Bench, banner, check_adds_up, put, put_banners

from bannercluster.cli.main import main
from bannercluster.media import decoders

from . import hostile_decoder
from .hostile_images import DUPLICATE, OK, deed, picture, put_all, saved


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setattr(decoders, "DECODER", hostile_decoder.DECODER)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outside").mkdir()
    yield Bench(tmp_path, monkeypatch)
    decoders.close_decoders()


@pytest.fixture
def mixture(bench, monkeypatch):
    """Every kind of file; one more is refused to a reader that is root."""
    mixture = put_all(bench.images, bench.folder / "outside")
    put(bench.images, "unreadable.png", banner(900))
    mixture.wanted["unreadable.png"] = "unreadable"
    opened = os.open

    def open_but_one(path, *asked, **options):
        if str(path).endswith("/unreadable.png"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *asked, **options)

    monkeypatch.setattr(os, "open", open_but_one)
    return mixture


def reasons_of(bench):
    return {row["file"]: row["reason"] for row in bench.rows("rejected")}


def check_mixture(result, bench, mixture):
    assert reasons_of(bench) == mixture.reasons
    assert result.n_in == len(mixture.wanted)
    assert (result.n_ok, result.n_duplicate) == (mixture.count(OK), mixture.count(DUPLICATE))
    check_adds_up(result, bench)
    said = {row["file"]: row["detail"] for row in bench.rows("rejected")}
    assert all(said.values())
    assert "SIGSEGV" in said["deed_segv.png"]
    assert "SIGSEGV" in said["deed_real_segv.png"]
    assert "SIGABRT" in said["deed_abort.png"]
    assert "exit status 3" in said["deed_exit.png"]
    assert "exit status 4" in said["deed_system_exit.png"]
    assert "KeyError: 'a bug of the decoder'" in said["deed_raise.png"]
    assert "no processor time" in said["deed_sleep.png"]
    assert "File too large" in said["deed_write.png"]
    assert (bench.folder / "outside" / "written").stat().st_size == 0
    seen = {row["file"]: row for row in bench.rows("rows")}
    assert seen["many_frames.gif"]["n_frames"] == 200
    assert seen["blank_first.gif"]["frame"] == 1


def test_every_kind_of_file(bench, mixture):
    result = bench.run()
    check_mixture(result, bench, mixture)
    # A second run tries again what a limit or the machine decided, and comes to the same end.
    again = bench.run()
    assert reasons_of(bench) == mixture.reasons
    assert (again.n_new, again.generation) == (0, result.generation)


def test_the_command_says_3_and_why(bench, mixture, capsys):
    code = main(["embed", "--images", "images", "--embeddings", "embeddings.zarr",
                 "--workers", "2", "--dashboard", "off", "--quiet"])  # fmt: skip
    assert code == 3
    out = capsys.readouterr().out
    for reason in set(mixture.reasons.values()):
        assert reason in out
    assert reasons_of(bench) == mixture.reasons


@pytest.mark.slow
def test_through_a_pool_of_processes(tmp_path, monkeypatch, network_cache):
    """The decoder travels with the work; the network is the packaged one."""
    from bannercluster.store.embeddings import EmbeddingStore

    monkeypatch.setattr(decoders, "DECODER", hostile_decoder.DECODER)
    monkeypatch.chdir(tmp_path)
    for name in ("images", "outside"):
        (tmp_path / name).mkdir()
    mixture = put_all(tmp_path / "images", tmp_path / "outside")
    code = main(["embed", "--images", "images", "--embeddings", "e.zarr", "--cache", network_cache,
                 "--model", "efficientnet_lite0", "--workers", "2", "--pool", "processes",
                 "--dashboard", "off", "--quiet",
                 # The plan counts what the tests before left in this process for each worker.
                 "--memory", "64GiB"])  # fmt: skip
    assert code == 3
    store = EmbeddingStore.open("e.zarr")
    rejected = {row["file"]: row["reason"] for row in store.table("rejected").to_pylist()}
    assert rejected == mixture.reasons
    assert store.n_rows == mixture.count(OK)


def test_results_are_those_of_decoding_in_this_process(bench, monkeypatch):
    from bannercluster.embed import parts
    from bannercluster.media.preparation import prepare

    put_banners(bench.images, 12)
    bench.run()
    values = bench.store.read(0, 12)
    bench.set("paths", embeddings=str(bench.folder / "other.zarr"))

    def here(data, *, places, decoder, **options):
        return prepare(data, **options)

    monkeypatch.setattr(parts, "prepare", here)
    bench.run()
    assert bench.store.read(0, 12).tobytes() == values.tobytes()


def test_a_raised_limit_lets_an_image_in(bench):
    put_banners(bench.images, 2)
    large = picture(7, (6_000, 5_000))
    put(bench.images, "large.png", saved(large, "PNG", compress_level=1))
    bench.set("embed", decode_memory=64 << 20)
    assert bench.run().reasons == (("out_of_memory", 1),)
    bench.set("embed", decode_memory=768 << 20, decode_timeout_s=0.02)
    assert bench.run().reasons == (("decoder_timeout", 1),)
    bench.set("embed", decode_timeout_s=20.0)
    result = bench.run()
    assert (result.n_ok, result.n_rejected) == (3, 0)


def test_a_manifest_that_names_a_folder(bench):
    put(bench.images, "a.png", banner(1))
    put(bench.images, "sub.png/b.png", banner(2))
    bench.manifest("file", "a.png", "sub.png")
    assert bench.run().reasons == (("not_a_file", 1),)


def test_the_folder_itself_may_be_a_link(bench):
    put(bench.images, "a.png", banner(1))
    (bench.images / "b.png").symlink_to(bench.images / "a.png")
    (bench.folder / "link").symlink_to("images")
    bench.set("paths", images=str(bench.folder / "link"))
    result = bench.run()
    assert (result.n_ok, result.n_duplicate, result.n_rejected) == (1, 1, 0)


def test_a_link_whose_target_changes_is_read_again(bench):
    put(bench.images, "a.png", banner(1))
    target = put(bench.images, ".store/one", banner(2).ljust(5_000))
    (bench.images / "b.png").symlink_to(".store/one")
    bench.run()
    old = target.stat()
    put(bench.images, ".store/one", banner(3).ljust(5_000))
    os.utime(target, ns=(old.st_atime_ns, old.st_mtime_ns + 10**9))
    assert bench.run().n_new == 1


@pytest.mark.parametrize("other", ["pipe", "huge", "gone"])
def test_a_file_that_is_replaced_while_it_is_embedded(bench, monkeypatch, other):
    from bannercluster.embed import stage

    put_banners(bench.images, 3)
    take = stage.take_inventory

    def take_and_replace(*asked):
        found = take(*asked)
        path = bench.images / "b01.png"
        path.unlink()
        if other == "pipe":
            os.mkfifo(path)
        elif other == "huge":
            with path.open("wb") as file:
                file.truncate(1 << 30)
        return found

    monkeypatch.setattr(stage, "take_inventory", take_and_replace)
    result = bench.run()
    assert result.n_ok == 2
    assert reasons_of(bench) == {"b01.png": "unreadable" if other == "gone" else "changed"}


def test_as_a_user_who_may_not_read_it(tmp_path):
    """The real refusal of the system, where the tests may become somebody else."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    path = put(tmp_path, "x.png", banner(1))
    path.chmod(0)
    asked = (
        "import os, sys\n"
        "from bannercluster.media.reading import hash_image\n"
        "from bannercluster.media.rejection import ImageRejected\n"
        "folder = os.open(sys.argv[1], os.O_RDONLY)\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: hash_image(f'/proc/self/fd/{folder}', 'x.png', 1000)\n"
        "except ImageRejected as error: print(error)\n"
    )
    tmp_path.chmod(0o755)
    ran = subprocess.run(
        [sys.executable, "-c", asked, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "unreadable: Permission denied\n"


def test_no_child_outlives_the_run(tmp_path):
    """A run that is killed while one child is idle and one hangs leaves nobody behind."""
    idle = put(tmp_path, "idle.png", banner(1))
    hangs = put(tmp_path, "hangs.png", deed("burn in C", 1))
    program = (
        "import os, sys, threading, time\n"
        "from pathlib import Path\n"
        "from bannercluster.media import DecodeLimits\n"
        "from bannercluster.media.decoders import decoder_pool, prepare\n"
        "def go(name):\n"
        "    prepare(Path(name).read_bytes(), resize='native', input_size=64,\n"
        "            limits=DecodeLimits(), places=2, decoder=(sys.argv[1],))\n"
        "threading.Thread(target=go, args=(sys.argv[2],), daemon=True).start()\n"
        "go(sys.argv[3])\n"
        "pool = decoder_pool(2, (sys.argv[1],))\n"
        "while len(pool._children) < 2: time.sleep(0.001)\n"
        "print(pool._forker._process.pid, *(c.pid for c in pool._children), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    words = [hostile_decoder.__file__, str(hangs), str(idle)]
    ran = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )
    assert ran.returncode == -9, ran.stderr
    pids = [int(word) for word in ran.stdout.split()]
    assert len(pids) == 3
    left = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(left, timeout=30)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
