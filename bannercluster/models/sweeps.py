"""The latest sweep in a folder of models: which models belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bannercluster.errors import StoreError, UsageError
from bannercluster.store import files, points

VERSION = 1
_NAME = "sweep.json"


@dataclass(frozen=True)
class SweepFile:
    """Names of the models of a sweep.

    Parameters
    ----------
    models : tuple of str
        In the order of the k asked for.
    embeddings : str
        Store that they were fitted on.
    data : dict
        Number of rows and fingerprint of their contents.
    """

    models: tuple[str, ...]
    embeddings: str
    data: dict[str, Any]

    def save(self, models: str) -> None:
        """Make this the latest sweep."""
        files.write_json(
            files.join(models, _NAME),
            {
                "format_version": VERSION,
                "models": list(self.models),
                "embeddings": self.embeddings,
                "data": self.data,
            },
            points.SWEEP,
        )

    @classmethod
    def load(cls, models: str) -> SweepFile:
        """Read the latest sweep.

        Raises
        ------
        UsageError
            If nothing was fitted yet.
        FormatVersionError, StoreError
            If it is newer than this code, or damaged.
        """
        url = files.join(models, _NAME)
        value = files.read_json_if_any(url)
        if value is None:
            raise UsageError(
                f"no models in {models}; expected the result of `bc cluster`: run it first, or "
                f"name another "
                f"folder with --models"
            )
        files.check_version(value.get("format_version"), VERSION, url)
        try:
            return cls(tuple(value["models"]), value["embeddings"], value["data"])
        except (KeyError, TypeError) as error:
            raise StoreError(f"{url} is damaged: {error}; run `bc cluster` again") from error
