"""Beside a store: the finished parts that no generation of it shows yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.store import files, points, tables
from bannercluster.store.aliases import RowIndex, ids_of
from bannercluster.store.commit import Block
from bannercluster.store.embeddings import Dtype, EmbeddingStore, staging_url
from bannercluster.store.parts import Part, PartFolder

NOT_FINITE = "not_finite"
"""Reason of a content with a value that overflows the type of the store, or is no number."""

Verdicts = dict[bytes, tuple[str, str]]
"""Contents that have no row, each with the reason and its detail."""


@dataclass(frozen=True)
class Staging(PartFolder):
    """The staging folder of a store.

    A row of a part describes a content for the table ``rows`` of the store and has its values as
    bytes, or the reason why there are none.

    Parameters
    ----------
    url, schema, point
        As in :class:`PartFolder`.
    described : Schema
        What a part says of a content for the table of rows.
    dtype : {"float16", "float32"}
        Of the store.
    """

    described: pa.Schema
    dtype: Dtype

    @classmethod
    def of(cls, store_url: str, described: pa.Schema, dtype: Dtype) -> Staging:
        """Return the staging folder of a store, which need not exist yet."""
        more = [("reason", pa.string()), ("detail", pa.string()), ("embedding", pa.binary())]
        schema = pa.schema([*described, *more])
        return cls(staging_url(store_url), schema, points.PART, described, dtype)

    def values_of(self, features: np.ndarray) -> list[bytes | None]:
        """Return rows of features as the bytes of their values; None where not all are finite.

        Parameters
        ----------
        features : (n, n_features) array
        """
        # float16 may overflow to infinity: that is a rejected row, not a warning.
        with np.errstate(over="ignore"):
            values = features.astype(self._stored)
        finite = np.isfinite(values).all(axis=1)
        return [row.tobytes() if whole else None for row, whole in zip(values, finite, strict=True)]

    @property
    def overflow(self) -> str:
        """The detail of ``not_finite``."""
        return f"features overflow {self.dtype}"

    def rows_of(self, parts: Sequence[Part]) -> tuple[pa.Table, Verdicts]:
        """Return the rows that parts add to the table of rows, and the contents they reject."""
        described, verdicts = [self.described.empty_table()], Verdicts()
        for part in parts:
            table = self.read(part)
            refused = table.filter(pc.is_valid(table["reason"]))
            for row in refused.select(["content_id", "reason", "detail"]).to_pylist():
                verdicts[row["content_id"]] = (row["reason"], row["detail"])
            computed = table.filter(pc.is_null(table["reason"]))
            described.append(computed.select(self.described.names))
        return pa.concat_tables(described), verdicts

    def blocks_of(self, parts: Sequence[Part]) -> Iterator[Block]:
        """Yield values and content ids of the rows of parts, one part in memory at a time."""
        for part in parts:
            table = self.read(part)
            table = table.filter(pc.is_null(table["reason"]))
            if len(table):
                values = np.frombuffer(b"".join(table["embedding"].to_pylist()), self._stored)
                yield values.reshape(len(table), -1), ids_of(table["content_id"])

    def clear(self, parts: Sequence[Part], store: EmbeddingStore, verdicts: Verdicts) -> None:
        """Remove what the store shows by now; parts of another job that was interrupted stay.

        Parameters
        ----------
        parts : sequence of Part
            Those of the run that ends.
        store : EmbeddingStore
            After its commit.
        verdicts : mapping of content id to (reason, detail)
            Contents that are known to have no row.
        """
        own = {self.url_of(part.name) for part in parts}
        there = [files.join(self.url, name) for name in files.names(self.url)]
        others = [url for url in there if url not in own]
        pending = set(self._pending(others, store, verdicts)) if others else set()
        for url in [one for one in there if one not in pending] if pending else [self.url]:
            files.remove(url, points.STAGING)

    def _pending(
        self, urls: Sequence[str], store: EmbeddingStore, verdicts: Verdicts
    ) -> Iterator[str]:
        """Yield the parts with a content that has neither a row nor a verdict."""
        index = RowIndex(store)
        for url in urls:
            contents = tables.read(url, ["content_id"])["content_id"]
            absent = contents.filter(pa.array(index.rows_of_ids(ids_of(contents)) < 0))
            if any(content not in verdicts for content in absent.to_pylist()):
                yield url

    @property
    def _stored(self) -> np.dtype:
        return np.dtype(self.dtype).newbyteorder("<")
