"""A world and a model that the tests of this folder copy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bannercluster.cli.main import main
from bannercluster.heatmap.verbs import train
from bannercluster.runtime import SilentProgress, ThreadExecutor

from .worlds import WORLD, use_small_recipe, with_network


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with heatmaps and a model of statistics alone."""
    folder = tmp_path_factory.mktemp("heatmaps")
    before = Path.cwd()
    os.chdir(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_small_recipe(monkeypatch)
        try:
            assert main(["heatmap", "synth", *WORLD, "--quiet"]) == 0
            assert main(["heatmap", "features", "--quiet"]) == 0
            assert main(["heatmap", "train", "--network", "none", "--quiet"]) == 0
        finally:
            os.chdir(before)
    return folder


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the commands run in."""
    use_small_recipe(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def here(made: Path, empty: Path) -> Path:
    """A copy of the world that the commands run in."""
    shutil.copytree(made / "data", empty / "data")
    return empty


@pytest.fixture(scope="session")
def scored(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with scores."""
    folder = tmp_path_factory.mktemp("scored")
    shutil.copytree(made / "data", folder / "data")
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert main(["heatmap", "score", "--quiet"]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was made in one run."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_small_recipe(monkeypatch)
        settings = with_network(str(folder))
        made = train.run(settings, executor=ThreadExecutor(1), progress=SilentProgress())
    assert made.is_new
    steps = [name for name, _ in made.seconds]
    assert steps == [
        "network", "scores of the lessons", "combination", "grids with few references",
    ]  # fmt: skip
    return folder
