"""What a model is, where it came from and what it needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bannercluster.errors import StoreError
from bannercluster.store.files import check_version

VERSION = 2  # 1 had no engine and no predecessor; its clusters stand as they were fitted


@dataclass(frozen=True)
class RestartCard:
    """One restart: its inertia, iterations, and whether it converged."""

    restart: int
    inertia: float
    n_iter: int
    converged: bool


@dataclass(frozen=True)
class PredecessorCard:
    """The model whose cluster numbers a model took over.

    Parameters
    ----------
    name : str
    distances : tuple of float
        For each cluster the Euclidean distance from the predecessor's centre to the own one.
    moved : tuple of float or None
        ``distances`` as multiples of half the distance from the predecessor's centre to its nearest
        other one; None where that is not defined (k = 1, two centres at one place).
    same : tuple of bool
        Whether it is the same cluster: the predecessor would assign the new centre to it, with
        certainty (``moved`` below 1).
    """

    name: str
    distances: tuple[float, ...]
    moved: tuple[float | None, ...]
    same: tuple[bool, ...]

    @property
    def n_same(self) -> int:
        """Clusters that are the same ones."""
        return sum(self.same)


@dataclass(frozen=True)
class ModelCard:
    """The card of a model.

    Parameters
    ----------
    name : str
        Name of the folder and version of the model.
    algorithm : str
    k, n_features : int
    normalize : {"l2", "none"}
    spherical : bool
    seed : int
    n_iter : int
    inertia : float
        Sum of squared Euclidean distances of the training rows to their centres.
    converged : bool
    sizes : tuple of int
        Training rows of each cluster.
    restarts : tuple of RestartCard
    fit : dict
        The settings that made it; part of its name.
    data : dict
        The rows it was fitted on: ``n_rows`` and a fingerprint of their content ids and recipe.
    embedding : dict
        Recipe of the embeddings: model, weights SHA-256, engine, precision, preprocessing.
        Predict takes only rows of the same recipe.
    versions : dict
    created : str
        ISO 8601, UTC.
    engine : str
        What fitted it: ``sweep``, or the name of a library.
    predecessor : PredecessorCard or None
        Whose cluster numbers it took over; None where clusters are numbered by falling size.
    """

    name: str
    algorithm: str
    k: int
    n_features: int
    normalize: str
    spherical: bool
    seed: int
    n_iter: int
    inertia: float
    converged: bool
    sizes: tuple[int, ...]
    restarts: tuple[RestartCard, ...]
    fit: dict[str, Any]
    data: dict[str, Any]
    embedding: dict[str, Any]
    versions: dict[str, Any]
    created: str
    engine: str = "sweep"
    predecessor: PredecessorCard | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the card as it is written."""
        return {"format_version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, value: dict[str, Any], what: str) -> ModelCard:
        """Read a card.

        Raises
        ------
        FormatVersionError
            If a newer bannercluster wrote it.
        StoreError
            If a field is missing or unknown.
        """
        found = dict(value)
        check_version(found.pop("format_version", None), VERSION, what)
        try:
            restarts = tuple(RestartCard(**restart) for restart in found.pop("restarts"))
            before = found.pop("predecessor", None)
            predecessor = None if before is None else _predecessor(before)
            sizes = tuple(found.pop("sizes"))
            return cls(**found, sizes=sizes, restarts=restarts, predecessor=predecessor)
        except (KeyError, TypeError) as error:
            raise StoreError(f"{what} is damaged: {error}; fit the model again") from error


def _predecessor(value: dict[str, Any]) -> PredecessorCard:
    lists = ("distances", "moved", "same")
    return PredecessorCard(**{**value, **{name: tuple(value[name]) for name in lists}})
