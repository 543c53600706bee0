"""Parts: contents that one task computes together and writes under a name of their own.

A part is a Parquet file with a row per content, computed or rejected. Its name is the hash of its
contents and of all that shapes a row, so that a part that lies there is done, whoever made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from bannercluster.errors import StoreError
from bannercluster.store import files, tables
from bannercluster.store.fingerprint import of_contents
from bannercluster.store.points import Point

_LEAST_PART_ROWS = 32

Content = tuple[bytes, str]
"""A content id, and what its row is made of: a file that holds the content, or the text itself."""


@dataclass(frozen=True)
class Part:
    """Contents to compute together, in their order."""

    name: str
    contents: tuple[Content, ...]

    def __len__(self) -> int:
        return len(self.contents)

    @property
    def ids(self) -> list[bytes]:
        """The content ids."""
        return [content_id for content_id, _ in self.contents]


def part_rows(most: int, n_fresh: int, parts_of_a_small_job: int = 8) -> int:
    """Return the rows of a part: fewer in a small job, so that all workers have some.

    Not by the number of workers: a run with another number must find the parts of the one before.

    Parameters
    ----------
    most : int
        Rows of a part in a large job.
    n_fresh : int
        Rows to compute.
    parts_of_a_small_job : int
        About how many parts a small job has.
    """
    share = -(-n_fresh // parts_of_a_small_job)
    return min(most, max(_LEAST_PART_ROWS, 1 << max(share - 1, 0).bit_length()))


def part_name(ids: Iterable[bytes], recipe_id: str) -> str:
    """Return the name of a part: of its contents, in their order, and of what shapes a row."""
    return of_contents(ids, recipe_id)[:32]


def cut_parts(contents: Sequence[Content], size: int, recipe_id: str) -> list[Part]:
    """Cut contents into parts of ``size``, in their order."""
    cut = (tuple(contents[low : low + size]) for low in range(0, len(contents), size))
    return [Part(part_name((one for one, _ in own), recipe_id), own) for own in cut]


@dataclass(frozen=True)
class PartFolder:
    """A folder of finished parts.

    Parameters
    ----------
    url : str
    schema : Schema
        Of a part; ``content_id`` is among its columns.
    point : Point
        What the write of a part is called.
    """

    url: str
    schema: pa.Schema
    point: Point

    def url_of(self, name: str) -> str:
        """Return where a part lies."""
        return files.join(self.url, f"{name}.parquet")

    def names(self) -> list[str]:
        """Return the names of all parts that lie there."""
        found = files.names(self.url)
        return [name.removesuffix(".parquet") for name in found if name.endswith(".parquet")]

    def missing(self, parts: Iterable[Part]) -> list[Part]:
        """Return those of the parts that do not lie there yet."""
        there = set(self.names())
        return [part for part in parts if part.name not in there]

    def write(self, part: Part, table: pa.Table) -> None:
        """Write a finished part."""
        tables.write(self.url_of(part.name), table, self.point)

    def read(self, part: Part) -> pa.Table:
        """Read a part.

        Raises
        ------
        StoreError
            If it is missing, or not the part that its name says.
        """
        url = self.url_of(part.name)
        table = tables.read(url)
        if table["content_id"].to_pylist() != part.ids:
            raise StoreError(
                f"the staged part {url} holds other contents than its name says; delete it"
            )
        return table.cast(self.schema)
