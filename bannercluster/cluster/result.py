"""What a sweep left, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass

from bannercluster.cluster.numbering import told
from bannercluster.models.card import ModelCard, PredecessorCard
from bannercluster.runtime.plan import Table

_COLUMNS = ("k", "model", "inertia", "iter", "converged", "restarts", "smallest", "largest", "")


@dataclass(frozen=True)
class FittedModel:
    """A model of the sweep, as the result shows it.

    Parameters
    ----------
    name : str
    k : int
    inertia : float
    n_iter : int
    converged : bool
    n_init : int
        Restarts.
    smallest, largest : int
        Rows of the smallest and of the largest cluster.
    new : bool
        Whether this run fitted it.
    predecessor : PredecessorCard or None
        Whose cluster numbers it has.
    numbering : str
        Where its numbers come from, in words.
    """

    name: str
    k: int
    inertia: float
    n_iter: int
    converged: bool
    n_init: int
    smallest: int
    largest: int
    new: bool
    predecessor: PredecessorCard | None = None
    numbering: str = ""

    @classmethod
    def of(cls, card: ModelCard, new: bool, reason: str) -> FittedModel:
        """Sum up a card; ``reason`` says why there is no predecessor."""
        numbering = f"by falling size ({reason})" if new else "its own"
        if card.predecessor is not None:
            numbering = f"those of {card.predecessor.name}"
        return cls(
            card.name,
            card.k,
            card.inertia,
            card.n_iter,
            card.converged,
            len(card.restarts),
            min(card.sizes),
            max(card.sizes),
            new,
            card.predecessor,
            numbering,
        )


@dataclass(frozen=True)
class ClusterResult:
    """What a sweep left.

    Parameters
    ----------
    models : tuple of FittedModel
        One per k, in the order asked.
    n_rows, n_features, n_passes : int
        Rows, features, and traversals of the data (0 where nothing was new).
    n_reads : float
        Bytes that were read of the rows, as a multiple of those of all rows.
    timings : dict of str to float
        Seconds of the parts, by name; empty where nothing was new.
    duration_s : float
    """

    models: tuple[FittedModel, ...]
    n_rows: int
    n_features: int
    n_passes: int
    n_reads: float
    timings: dict[str, float]
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        rows = tuple(
            (
                model.k,
                model.name,
                model.inertia,
                model.n_iter,
                model.converged,
                model.n_init,
                model.smallest,
                model.largest,
                "fitted" if model.new else "was there",
            )
            for model in self.models
        )
        title = f"{self.n_rows:,} rows x {self.n_features:,} features, {self.n_passes} traversals"
        if self.timings:
            parts = ", ".join(
                f"{name.removesuffix('_s')} {seconds:.1f} s"
                for name, seconds in self.timings.items()
                if name != "total_s"
            )
            title += f", rows read {self.n_reads:.1f} times; {parts}"
        return (Table(title, _COLUMNS, rows), *self._numbers())

    def _numbers(self) -> tuple[Table, ...]:
        """Say where the numbers of new models come from, and which clusters are other ones now."""
        new = [model for model in self.models if model.new]
        if not new:
            return ()
        rows = []
        for model in new:
            before = model.predecessor
            same = None if before is None else f"{before.n_same} of {model.k}"
            rows.append((model.k, model.numbering, same, told(before)))
        columns = ("k", "cluster numbers are", "same clusters", "other clusters")
        return (Table("", columns, tuple(rows)),)
