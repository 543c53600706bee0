"""More images read as those before them: the settings that a table remembers."""

from __future__ import annotations

from bannercluster.config import Settings
from bannercluster.errors import UsageError
from bannercluster.store.ocr import load_record_if_any


def as_recorded(settings: Settings) -> Settings:
    """Return settings that read images as those of the table were read.

    Raises
    ------
    UsageError
        If there is no table.
    """
    url = settings.paths.ocr
    record = load_record_if_any(url)
    if record is None:
        raise UsageError(
            f"no texts of images at {url}, and the texts in {settings.paths.texts} were made with "
            "some; expected the folder that `bc ocr` wrote: name it with --ocr"
        )
    names = ("precision", "max_side", "min_confidence")
    return settings.replace("ocr", origin="table", **{name: record.recipe[name] for name in names})
