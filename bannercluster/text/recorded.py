"""Texts of more banners made as those before them: what a store remembers of its last commit.

The recipe says what shapes a row. Which sources were looked at, and where, shapes which text a
banner has, and no row: it stands in the ``info`` of the manifest.
"""

from __future__ import annotations

from typing import Any

from bannercluster.config import Settings
from bannercluster.errors import IncompatibleStoreError
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.text.banners import OCR, Banners

MADE_WITH = "made_with"
"""Key of the ``info`` under which it stands."""


def made_with(settings: Settings, banners: Banners) -> dict[str, Any]:
    """Return what a commit remembers: as named in the settings, and whether OCR took part."""
    return {
        "model": settings.text.model,
        "ocr": settings.text.ocr if OCR in banners.said.column_names else "none",
        "landing_column": settings.text.landing_column,
        "landing_pages": settings.paths.landing_pages,
        "text_table": settings.paths.text_table,
    }


def as_recorded(settings: Settings, store: EmbeddingStore) -> Settings:
    """Return settings that make texts as those of a store were made.

    What the user says of places holds: ``--text-model``, and a folder of landing pages or a table
    from any layer of the settings.

    Raises
    ------
    IncompatibleStoreError
        If the store does not say how they were made.
    """
    recipe, found = store.manifest.recipe, store.manifest.info.get(MADE_WITH)
    if found is None:
        raise IncompatibleStoreError(
            f"{store.url} does not say which sources its texts are made of: an earlier "
            "bannercluster wrote it; run `bc text` once more as you ran it before"
        )
    by_flag = settings.origin("text", "model").startswith("flag")
    preprocessing = recipe["preprocessing"]
    settings = settings.replace(
        "text",
        origin="store",
        model=settings.text.model if by_flag else found["model"],
        columns=tuple(preprocessing["sources"][:-2]),
        max_characters=preprocessing["max_characters"],
        ocr=found["ocr"],
        landing_column=found["landing_column"],
        engine=recipe["engine"],
        precision=recipe["precision"],
        dtype=recipe["dtype"],
    )
    return settings.replace(
        "paths",
        origin="store",
        landing_pages=settings.paths.landing_pages or found["landing_pages"],
        text_table=settings.paths.text_table or found["text_table"],
    )
