"""Ads: the distinct pairs of an image and a text that banners show."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.store.aliases import RowIndex, binary_column, ids_of, keys_of
from bannercluster.store.embeddings import EmbeddingStore


@dataclass(frozen=True, eq=False)
class Ads:
    """The ads of two stores, in the order of their images, then of their texts.

    A banner is joined to its text by its id, or its file where it has none. The same image with two
    texts is two ads; a banner without a text is an ad of its image alone. Images that no banner
    shows any more are none.

    Parameters
    ----------
    images, texts : EmbeddingStore
    image_rows : (n,) int64 array
        Row of the image of each ad, never falling.
    text_rows : (n,) int64 array
        Row of its text; -1 without one.
    ids : (n, 32) uint8 array
        Content id of the image, or SHA-256 of it and the id of the text.
    """

    images: EmbeddingStore
    texts: EmbeddingStore
    image_rows: np.ndarray
    text_rows: np.ndarray
    ids: np.ndarray

    @classmethod
    def of(cls, images: EmbeddingStore, texts: EmbeddingStore) -> Ads:
        """Join two stores."""
        aliases = images.table("aliases", ["banner_id", "file", "content_id"])
        image_rows, text_rows = _rows_of(aliases, images, texts)
        pairs = np.stack([image_rows, text_rows], axis=1)[image_rows >= 0]
        pairs = np.unique(pairs, axis=0) if len(pairs) else pairs
        return cls(images, texts, pairs[:, 0], pairs[:, 1], _ids(images, texts, pairs))

    def __getstate__(self) -> dict[str, object]:
        # Workers read rows and ask for no ids; a pass sends them what is left.
        small = np.int32 if max(self.images.n_rows, self.texts.n_rows) < 2**31 else np.int64
        return {
            "images": self.images,
            "texts": self.texts,
            "image_rows": self.image_rows.astype(small),
            "text_rows": self.text_rows.astype(small),
            "ids": np.empty((0, 32), np.uint8),
        }

    @property
    def n_with_text(self) -> int:
        """Ads that have a text."""
        return int(np.count_nonzero(self.text_rows >= 0))

    def aliases(self) -> pa.Table:
        """Return the aliases of the images, with the id of the ad as their content.

        A banner whose image has no row keeps the content id that it has.
        """
        table = self.images.table("aliases")
        image_rows, text_rows = _rows_of(table, self.images, self.texts)
        here = image_rows >= 0
        # The ads are sorted by both numbers: one number of both finds them.
        width = self.texts.n_rows + 1
        keys = self.image_rows * width + self.text_rows + 1
        places = np.searchsorted(keys, (image_rows * width + text_rows + 1)[here])
        ids = ids_of(table["content_id"]).copy()
        ids[here] = self.ids[places]
        at = table.schema.get_field_index("content_id")
        return table.set_column(at, table.schema.field(at), binary_column(ids))


def _rows_of(
    aliases: pa.Table, images: EmbeddingStore, texts: EmbeddingStore
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the image and the text of each alias; -1 where there is none."""
    image_rows = RowIndex(images).rows_of_ids(ids_of(aliases["content_id"]))
    said = texts.table("aliases", ["banner_id", "file", "content_id"])
    rows = RowIndex(texts).rows_of_ids(ids_of(said["content_id"]))
    places = pc.index_in(keys_of(aliases), value_set=keys_of(said))
    text_rows = np.full(len(aliases), -1, np.int64)
    found = pc.is_valid(places).to_numpy()
    text_rows[found] = rows[places.drop_null().to_numpy()]
    return image_rows, text_rows


def _ids(images: EmbeddingStore, texts: EmbeddingStore, pairs: np.ndarray) -> np.ndarray:
    ids: np.ndarray = images.content_ids()[pairs[:, 0]]
    said = texts.content_ids()
    for ad in np.flatnonzero(pairs[:, 1] >= 0):
        whole = ids[ad].tobytes() + said[pairs[ad, 1]].tobytes()
        ids[ad] = np.frombuffer(hashlib.sha256(whole).digest(), np.uint8)
    return ids
