"""Kills -9 at random moments of one job: the same result, and no part computed twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bannercluster.synth import SynthBannersConfig, synth_banners

from . import worlds

N_BANNERS = 1400
PART_ROWS = 16
MODEL = "efficientnet_lite0"

COMMAND = [
    sys.executable, "-c", "import sys; from bannercluster.cli.main import main; sys.exit(main())",
    "embed", "--model", MODEL, "--part-rows", str(PART_ROWS), "--pool", "threads", "--workers", "2",
    "--quiet", "--json",
]  # fmt: skip


@pytest.fixture(scope="module")
def banners(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("banners") / "data" / "images"
    synth_banners(
        SynthBannersConfig(
            images=str(folder), n_banners=N_BANNERS, n_advertisers=6, broken=0.05, workers=2
        )
    )
    return folder.parent.parent


def start(folder: Path, cache: Path) -> subprocess.Popen:
    environment = os.environ | {
        "BC_PATHS_CACHE": str(cache), "BC_RUNTIME_DASHBOARD": "off",
    }  # fmt: skip
    return subprocess.Popen(
        COMMAND, cwd=folder, env=environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finished(folder: Path) -> dict[str, tuple[int, int]]:
    """Names of the staged parts, each with what changes if it were written again."""
    found = {}
    for path in (folder / "data" / "embeddings.staging").glob("*.parquet"):
        facts = path.stat()
        found[path.name] = (facts.st_ino, facts.st_mtime_ns)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("n_kills", [6, pytest.param(20, marks=pytest.mark.thorough)])
def test_killed_again_and_again(banners, tmp_path, network_cache, n_kills):
    whole = worlds.copy(banners, tmp_path / "whole")
    undisturbed = start(whole, network_cache)
    out, err = undisturbed.communicate(timeout=300)
    assert undisturbed.returncode == 3, err
    expected = json.loads(out)
    n_parts = -(-(expected["n_new"] + 70) // PART_ROWS)  # about 5 % of the files are broken

    folder = worlds.copy(banners, tmp_path / "killed")
    random_numbers = random.Random(5)
    seen: dict[str, tuple[int, int]] = {}
    for nth in range(n_kills):
        child = start(folder, network_cache)
        try:
            # One more part at least, and a random moment after it.
            deadline = time.monotonic() + 120
            while len(finished(folder)) <= len(seen):
                assert child.poll() is None, (nth, child.communicate())
                assert time.monotonic() < deadline
                time.sleep(0.002)
            time.sleep(random_numbers.uniform(0, 0.05))
        finally:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
        assert child.returncode == -signal.SIGKILL
        now = finished(folder)
        # Some parts were committed and some were pending; those of earlier runs are untouched.
        assert len(seen) < len(now) < n_parts - 1, nth
        assert seen.items() <= now.items()
        assert not (folder / "data" / "embeddings.zarr" / "zarr.json").exists()
        seen = now

    last = start(folder, network_cache)
    out, err = last.communicate(timeout=300)
    assert last.returncode == 3, err
    found = json.loads(out)
    for name in ("n_in", "n_ok", "n_duplicate", "n_rejected", "n_new", "n_rows", "reasons"):
        assert found[name] == expected[name], name
    assert worlds.content_of_store(folder / "data") == worlds.content_of_store(whole / "data")
    assert finished(folder) == {}
