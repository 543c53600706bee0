from pathlib import Path

import pytest

from . import worlds
from .zygote import STAGES


@pytest.fixture(scope="session")
def zygote():
    """A process that has loaded everything and starts runs quickly."""
    with worlds.open_zygote() as one:
        yield one


@pytest.fixture(scope="session")
def network_cache(tmp_path_factory):
    """Exported networks: one folder for all tests of a session, as exporting takes ten seconds."""
    return str(tmp_path_factory.getbasetemp() / "network-cache")


@pytest.fixture(scope="session")
def ready(zygote, tmp_path_factory) -> dict[str, Path]:
    """For each stage a folder in which it has new work: the stages before it have done theirs."""
    first = tmp_path_factory.mktemp("ready") / "first"
    for low, high, stages in ((0, 9, STAGES[:3]), (9, 21, STAGES)):
        worlds.draw(first, low, high - low)
        ended = zygote.run(first, stages)
        assert ended.code == 0, ended.stderr
    worlds.draw(first, 21, 22)
    folders = {}
    for stage in STAGES:
        folders[stage] = worlds.copy(first, first.parent / f"ready-for-{stage}")
        ended = zygote.run(first, (stage,))
        assert ended.code == 0, ended.stderr
    return folders


@pytest.fixture(scope="session")
def wanted(zygote, ready, tmp_path_factory) -> dict[str, tuple[object, worlds.Ended]]:
    """For each stage what an uninterrupted run leaves, and how it ended."""
    found = {}
    for stage in STAGES:
        folder = worlds.copy(ready[stage], tmp_path_factory.mktemp("wanted") / stage)
        ended = zygote.run(folder, (stage,))
        assert ended.code == 0, ended.stderr
        found[stage] = (worlds.CONTENT_OF[stage](folder), ended)
    return found
