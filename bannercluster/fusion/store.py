"""The ads of two stores as one embeddings store, fused while they are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from bannercluster.config import ClusterConfig
from bannercluster.errors import UsageError
from bannercluster.fusion.ads import Ads
from bannercluster.fusion.fusing import Fusion
from bannercluster.store import tables
from bannercluster.store.embeddings import EmbeddingStore, Manifest
from bannercluster.traverse.samples import sample_rows

SAMPLE_ROWS = 16_384
"""Ads that a fusion is fitted on, at most."""


@dataclass(frozen=True, eq=False)
class FusedStore(EmbeddingStore):
    """A view: what it reads is computed from the two stores.

    Parameters
    ----------
    url : str
        Of the images.
    manifest : Manifest
        As if it had been written; its ``recipe`` names both stores' recipes and the settings of the
        fusion, and no fitted value.
    ads : Ads
    fusion : Fusion or None
        None until it is fitted or read from a model: then there are no values to read yet.
    """

    ads: Ads
    fusion: Fusion | None = None

    @classmethod
    def over(cls, ads: Ads, recipe: dict[str, Any], fusion: Fusion | None = None) -> FusedStore:
        """Make the view that a recipe asks for."""
        images, texts = ads.images.manifest, ads.texts.manifest
        n_features = (recipe["image_components"] or images.n_features) + (
            recipe["text_components"] or texts.n_features
        )
        manifest = Manifest(
            generation=images.generation,
            n_rows=len(ads.ids),
            n_features=n_features,
            chunk_rows=images.chunk_rows,
            dtype="float32",
            recipe=recipe,
            tables={},
            created=images.created,
            info={"images": images.info, "texts": texts.info},
        )
        return cls(ads.images.url, manifest, ads, fusion)

    @property
    def key(self) -> str:
        """Identity of what is read: both stores, and the settings of the fusion."""
        return f"{self.ads.images.key}+{self.ads.texts.key}+{self.manifest.recipe_id}"

    def fitted(self, seed: int) -> FusedStore:
        """Return the store with a fusion, fitted on a sample of the ads.

        Raises
        ------
        DataError
            If no ad has a text, or the sample spans fewer dimensions than are asked for.
        """
        both = np.flatnonzero(self.ads.text_rows >= 0)
        rows = both[sample_rows(len(both), SAMPLE_ROWS, seed)]
        images, texts, _ = self.halves(rows)
        recipe = self.manifest.recipe
        fusion = Fusion.fit(
            images,
            texts,
            weight=recipe["text_weight"],
            image_components=recipe["image_components"],
            text_components=recipe["text_components"],
        )
        return replace(self, fusion=fusion)

    def check_texts(self) -> None:
        """Refuse ads without a text where the fusion knows nothing to put in its place.

        Raises
        ------
        DataError
            With their number.
        """
        n_without = self.n_rows - self.ads.n_with_text
        if n_without and self.fusion is not None:
            self.fusion.check_missing(n_without)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Fuse rows ``start:stop``; (stop - start, n_features) float32."""
        return self.gather(np.arange(start, stop))

    def read_into(self, out: np.ndarray, start: int, stop: int) -> None:
        """Fuse rows ``start:stop`` into an array."""
        out[:] = self.read(start, stop)

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Fuse single rows; (n, n_features) float32."""
        if self.fusion is None:
            raise UsageError("the fusion of image and text is not fitted; fit it first")
        return self.fusion(*self.halves(rows))

    def content_ids(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return the ids of ads ``start:stop``, of all by default."""
        found: np.ndarray = self.ads.ids[start:stop]
        return found

    def table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """Return a table: ``aliases`` to the ads, ``rows`` of the images, ``rejected`` images."""
        if name == "aliases":
            found = self.ads.aliases()
            return found if columns is None else found.select(columns)
        found = self.ads.images.table(name, columns)
        return found.take(pa.array(self.ads.image_rows)) if name == "rows" else found

    def table_size(self, name: str, columns: list[str] | None = None) -> tables.TableSize:
        """Estimate what a table takes in memory."""
        return self.ads.images.table_size(name, columns)

    def halves(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read what is fused.

        Parameters
        ----------
        rows : (n,) int64 array
            Of ads.

        Returns
        -------
        images : (n, F) array
            As stored.
        texts : (n, G) array
            As stored; zeros without a text.
        has_text : (n,) bool array
        """
        text_rows = self.ads.text_rows[rows]
        has_text = text_rows >= 0
        texts = self.ads.texts
        said = np.zeros((len(rows), texts.n_features), np.dtype(texts.manifest.dtype))
        said[has_text] = _gathered(texts, text_rows[has_text])
        return _gathered(self.ads.images, self.ads.image_rows[rows]), said, has_text


def recipe_of(ads: Ads, config: ClusterConfig) -> dict[str, Any]:
    """Return what makes the rows of a view: two recipes and the settings of the fusion."""
    images, texts = ads.images.manifest.recipe, ads.texts.manifest.recipe
    return {
        "modality": "both",
        "model": f"{images['model']} and {texts['model']}",
        "images": images,
        "texts": texts,
        "text_weight": config.text_weight,
        "image_components": config.image_components,
        "text_components": config.text_components,
    }


def _gathered(store: EmbeddingStore, rows: np.ndarray) -> np.ndarray:
    """Rows of a store in any order and number: read each once, in its order."""
    distinct, place = np.unique(rows, return_inverse=True)
    if len(distinct) and distinct[-1] - distinct[0] + 1 == len(distinct):
        found = store.read(int(distinct[0]), int(distinct[-1]) + 1)
    else:
        found = store.gather(distinct)
    values: np.ndarray = found[place.reshape(-1)]
    return values
