"""The latest sweep in a folder of models: which models belong together."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from bannercluster.errors import StoreError, UsageError
from bannercluster.store import files, points

VERSION = 2  # 1 had no timings
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
        Number of rows (``n_rows``) and fingerprint of their contents.
    timings : dict of str to float
        Seconds of the run that fitted what was missing: ``statistics_s`` (the first traversal),
        ``seeding_s``, ``iterations_s``, ``total_s`` (with opening, matching and writing). Empty
        where every model was there already.
    n_passes : int
        Traversals of the data in that run; 0 where nothing was fitted.
    """

    models: tuple[str, ...]
    embeddings: str
    data: dict[str, Any]
    timings: dict[str, float] = field(default_factory=dict)
    n_passes: int = 0

    def save(self, models: str) -> None:
        """Make this the latest sweep."""
        value = {"format_version": VERSION, **asdict(self)}
        files.write_json(files.join(models, _NAME), value, points.SWEEP)

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
        found = cls.load_if_any(models)
        if found is None:
            raise UsageError(
                f"no models in {models}; expected the result of `bc cluster`: run it first, or "
                f"name another folder with --models"
            )
        return found

    @classmethod
    def load_if_any(cls, models: str) -> SweepFile | None:
        """Read the latest sweep, or return None where nothing was fitted yet.

        Raises
        ------
        FormatVersionError, StoreError
            If it is newer than this code, or damaged.
        """
        url = files.join(models, _NAME)
        value = files.read_json_if_any(url)
        if value is None:
            return None
        files.check_version(value.get("format_version"), VERSION, url)
        try:
            return cls(
                tuple(value["models"]),
                value["embeddings"],
                value["data"],
                dict(value.get("timings", {})),
                int(value.get("n_passes", 0)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{url} is damaged: {error}; run `bc cluster` again") from error
