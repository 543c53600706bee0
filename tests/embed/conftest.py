import pytest

from .banners import Bench


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A folder, a store and a fake network."""
    return Bench(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def network_cache(tmp_path_factory):
    """Exported networks: one folder for all tests of a session, as exporting takes ten seconds."""
    return str(tmp_path_factory.getbasetemp() / "network-cache")
