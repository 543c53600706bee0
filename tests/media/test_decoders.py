"""The pool of decoding children: same pixels, nothing lost, nothing left."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import psutil
import pytest

from bannercluster.errors import DecoderError
from bannercluster.media import DecodeLimits, ImageRejected, decode, prepare
from bannercluster.media.decoders import (
    DECODER,
    SMALL_NBYTES,
    DecoderPool,
    close_decoders,
    decode_near,
    decoder_pool,
)
from bannercluster.media.wire import MAX_SENT_PIXELS, Request

from .images import animated, encoded, picture

LIMITS = DecodeLimits()


def request(resize="native", **limits):
    own = DecodeLimits(**limits)
    return Request("prepare", resize, 64, 32, own, own.memory_nbytes)


@pytest.fixture
def pool():
    one = DecoderPool(2, DECODER)
    yield one
    one.close()


@pytest.mark.parametrize("resize", ["native", "letterbox", "squash"])
def test_same_as_in_this_process(pool, resize):
    files = [encoded("PNG", 300, 250), encoded("JPEG", 900, 90), encoded("WEBP", 33, 77)]
    files.append(animated([picture(seed=n) for n in range(4)]))
    for data in files:
        ours = prepare(data, resize=resize, input_size=64)
        theirs = pool.run(request(resize), data)
        np.testing.assert_array_equal(theirs.rgb, ours.rgb)
        assert (theirs.width, theirs.height, theirs.format, theirs.n_frames, theirs.frame) == (
            ours.width, ours.height, ours.format, ours.n_frames, ours.frame,
        )  # fmt: skip


def test_same_verdict_as_in_this_process(pool):
    for data in (b"", b"text", encoded("JPEG")[:300], encoded("PNG")[:90]):
        with pytest.raises(ImageRejected) as ours:
            prepare(data, resize="native", input_size=64)
        with pytest.raises(ImageRejected) as theirs:
            pool.run(request(), data)
        assert (theirs.value.reason, theirs.value.detail) == (ours.value.reason, ours.value.detail)


def test_all_limits_reach_the_child(pool):
    data = encoded("PNG", 60, 40)
    for limit, reason in (
        ({"max_nbytes": len(data) - 1}, "too_many_bytes"),
        ({"max_pixels": 60 * 40 - 1}, "too_many_pixels"),
    ):
        with pytest.raises(ImageRejected) as caught:
            pool.run(request(**limit), data)
        assert caught.value.reason == reason
    frames = animated([picture(seed=n) for n in range(5)])
    assert pool.run(request(max_frames=3), frames).n_frames == 3
    assert pool.run(request(max_frame_pixels=2 * 60 * 40), frames).n_frames == 2


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_picture_that_needs_more_than_the_first_try_may_take(pool, kind):
    """WebP fails while it is opened, PNG while it is decoded."""
    data = encoded(kind, 6_000, 4_500)
    small = replace(request(), memory_nbytes=SMALL_NBYTES)
    with pytest.raises(ImageRejected):
        pool.run(small, data)
    ours = prepare(data, resize="native", input_size=64)
    np.testing.assert_array_equal(pool.run(request(), data).rgb, ours.rgb)


def test_many_threads_share_few_children(pool):
    files = [encoded("PNG", 40 + n, 50) for n in range(60)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda data: pool.run(request(), data), files))
    for data, theirs in zip(files, found, strict=True):
        np.testing.assert_array_equal(theirs.rgb, prepare(data, resize="native", input_size=64).rgb)
    assert 1 <= len(pool._children) <= 2


def test_a_child_that_died_while_idle_costs_nothing(pool):
    data = encoded()
    for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM) * 3:
        child = pool._new_child()
        pool._idle.append(child)
        os.kill(child.pid, number)  # it may die before, or while, the image is sent
        pool.run(request(), data)
        assert child not in pool._children


def test_the_death_of_the_process_that_forks_costs_nothing(pool):
    data = encoded()
    pool.run(request(), data)
    (child,) = pool._children
    pool._forker._process.kill()
    pool._forker._process.wait()
    os.kill(child.pid, signal.SIGKILL)
    assert pool.run(request(), data).width == 60


def test_a_decoder_that_does_not_start_is_no_verdict_on_an_image():
    pool = DecoderPool(1, ("-c", "raise RuntimeError('no such module')"))
    with pytest.raises(DecoderError, match="RuntimeError: no such module"):
        pool.run(request(), encoded())
    pool.close()


def test_a_closed_pool_gives_no_verdict(pool):
    pool.run(request(), encoded())
    pids = [pool._forker._process.pid, *(child.pid for child in pool._children)]
    pool.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    with pytest.raises(DecoderError, match="ended"):
        pool.run(request(), encoded())


def test_closing_under_an_image_gives_no_verdict():
    program = (
        "import time; from bannercluster.media import child; child.main(lambda *a: time.sleep(99))"
    )
    pool = DecoderPool(1, ("-c", program))
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(pool.run, request(), encoded())
        while not pool._watch._watched:
            time.sleep(0.005)
        pool.close()
        with pytest.raises(DecoderError):
            running.result(30)


def test_a_slow_image_holds_nobody_up():
    """One place, a child that waits for ever at work: others are decoded meanwhile."""
    program = (
        "import time; from bannercluster.media import child\n"
        "def slowly(request, data, on_pixels):\n"
        "    if data.endswith(b'slow'): time.sleep(99)\n"
        "    return child.decode_request(request, data, on_pixels)\n"
        "child.main(slowly)\n"
    )
    pool = DecoderPool(1, ("-c", program))
    ends = []
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(pool.run, request(), encoded() + b"slow")
        slow.add_done_callback(lambda _: ends.append("slow"))
        while not pool._watch._watched:
            time.sleep(0.005)
        threads.submit(pool.run, request(), encoded()).result(60)
        ends.append("quick")
        with pytest.raises(ImageRejected, match="decoder_timeout"):
            slow.result(60)
    assert ends == ["quick", "slow"]
    assert (pool._n_working, pool._n_slow) == (0, 0)
    pool.close()


def test_near_is_the_picture_or_a_reduced_one():
    data = encoded("PNG", 300, 250)
    found = decode_near(data, side=274, limits=LIMITS, places=1)
    np.testing.assert_array_equal(found.rgb, decode(data).rgb)
    large = decode_near(encoded("PNG", 4000, 1500), side=274, limits=LIMITS, places=1)
    assert (large.width, large.height) == (4000, 1500)
    assert large.rgb.shape == (750, 2000, 3)
    assert large.rgb.shape[0] * large.rgb.shape[1] <= MAX_SENT_PIXELS
    close_decoders()


def test_one_pool_for_all_threads_of_a_process():
    assert decoder_pool(2) is decoder_pool(2)
    assert decoder_pool(2) is not decoder_pool(1)
    close_decoders()


def test_a_fork_of_this_process_has_decoders_of_its_own():
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from media.images import encoded\n"
        "from bannercluster.media import DecodeLimits\n"
        "from bannercluster.media.decoders import close_decoders, prepare\n"
        "def go(): return prepare(encoded(), resize='native', input_size=64,\n"
        "                         limits=DecodeLimits(), places=1).width\n"
        "go(); pid = os.fork(); ok = go() == 60\n"
        "if pid == 0: close_decoders(); os._exit(0 if ok else 9)\n"
        "status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]); go(); print(status)\n"
    )
    tests = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", program, tests],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (ran.stdout, ran.stderr) == ("0\n", "")


def test_the_child_imports_little():
    """What a child does not load it need not share, and an image cannot reach."""
    program = "import sys, bannercluster.media.child; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert not loaded & {"torch", "openvino", "pyarrow", "fsspec", "dask", "psutil", "zarr"}


def test_no_thread_is_left_after_closing(pool):
    pool.run(request(), encoded())
    watch = pool._watch._thread
    pool.close()
    watch.join(30)
    assert not watch.is_alive()
