import pytest

from bannercluster.text import parts

from . import worlds


@pytest.fixture
def encoder(monkeypatch):
    """A quick sentence encoder in the place of the real one."""
    monkeypatch.setattr(parts, "load_sentences", parts.load_sentences)  # put back afterwards
    return worlds.fake()
