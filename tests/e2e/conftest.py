import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from .commands import STAGES, Ran, bc


@pytest.fixture(scope="session")
def network_cache(tmp_path_factory):
    """Exported networks: one folder for all tests of a session, as exporting takes ten seconds."""
    return str(tmp_path_factory.getbasetemp() / "network-cache")


@pytest.fixture(autouse=True, scope="session")
def _surroundings():
    """Two workers, no dashboard; nothing of the machine's own settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("BC_", "DASK_SCHEDULER"))]:
            patch.delenv(name)
        patch.setenv("BC_RUNTIME_DASHBOARD", "off")
        patch.setenv("BC_RUNTIME_WORKERS", "2")
        yield


@dataclass(frozen=True)
class World:
    """A folder in which all stages ran once, and what they said."""

    folder: Path
    said: dict[str, Ran]


@pytest.fixture(scope="session")
def world(tmp_path_factory, network_cache):
    """Sixty banners, all paths by default. Tests that write take `copy`."""
    folder = tmp_path_factory.mktemp("world")
    config = f"paths: {{cache: '{network_cache}'}}\nembed: {{model: efficientnet_lite0}}\n"
    (folder / "conf.yaml").write_text(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        drawn = bc("synth banners --banners 60 --advertisers 4 --broken 0.1 --workers 1 --json")
        said = {"synth": drawn}
        for line in STAGES:
            said[line.split()[0]] = bc(f"{line} --json")
    return World(folder, said)


@pytest.fixture
def copy(world, tmp_path, monkeypatch):
    """A copy of the world, with the times of its files, to work in."""
    folder = tmp_path / "copy"
    shutil.copytree(world.folder, folder)
    monkeypatch.chdir(folder)
    return folder
