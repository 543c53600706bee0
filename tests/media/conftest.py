from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_banners() -> list[Path]:
    """The public banners, used where they lie."""
    root = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "banners_mit"
    files = sorted(root.glob("images/**/*.jpg"))
    if not files:
        pytest.skip(f"no real banners under {root}")
    return files
