import pytest

from bannercluster.traverse import segments

from .helpers import clear_memory


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of 256 rows: a few thousand rows are many segments."""
    monkeypatch.setattr(segments, "TILE_ROWS", 256)
    clear_memory()
    yield
    clear_memory()
