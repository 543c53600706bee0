"""What all kinds of sources have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from bannercluster.transfer.blocks import RawRows
from bannercluster.transfer.columns import Layout

RECIPE_KEY = b"bannercluster_recipe"
"""Schema metadata of an export: the recipe of its rows, as JSON."""

Reading = tuple[int, Callable[[], RawRows]]
"""Number of the first row in the whole source, and the function that reads some rows."""


class Source(Protocol):
    """Rows with a vector each, in a fixed order."""

    @property
    def url(self) -> str:
        """Where it is."""

    @property
    def kind(self) -> str:
        """What it is, for people."""

    @property
    def n_rows(self) -> int:
        """All rows, good or bad."""

    @property
    def n_features(self) -> int:
        """The dimension that its rows should have."""

    @property
    def recipe(self) -> dict[str, Any] | None:
        """What made the vectors, where the source says it."""

    @property
    def layout(self) -> Layout:
        """Which column is what."""

    @property
    def stamp(self) -> list[list[object]]:
        """Files with sizes and times: what changes when the source does."""

    def readings(self, skip: int, rows: int) -> Iterator[Reading]:
        """Yield functions that read about ``rows`` rows each, from row ``skip`` on, in order.

        They may run in several threads at a time.
        """

    def row_nbytes(self) -> int:
        """Bytes of a vector as it lies in memory when it is read."""

    def block_rows(self, rows: int) -> int:
        """Most rows that one reading holds."""
