"""Scored heatmaps of some grids, kept in a folder so that figures can be made again without them.

A part is a set of grids of one seed, simulated and scored in one go. Its file is named after what
it was made by: the simulator's numbers, the names of the scores, the network and a label. The code
of the scores is not in the name, or each edit would ask for an hour of work: another ``--label``
scores again. A file says by which sources it was made, and the result says where they differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bannercluster import heatmap
from bannercluster.heatmap.nulls import NullScores
from bannercluster.heatmap.simulator.benchmark import BenchmarkConfig, Heatmaps
from bannercluster.store.fingerprint import fingerprint

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ORACLE = "oracle"
"""Score of the likelihood ratio with the variation of healthy domains integrated out."""

MARGINAL, SEARCHING = "marginal_oracle", "searching_oracle"
"""The same with the fault integrated out, which nobody has told."""

_SOURCES = (
    *("binning.py", "thinning.py", "nulls.py", "references.py", "baseline.py"),
    *("statistics/**/*.py", "simulator/*.py", "networks/comparison*.py"),
)
"""What raw scores are a function of, beside what names a part."""


@dataclass(frozen=True)
class Part:
    """Which heatmaps are simulated, and against which references they are scored.

    Parameters
    ----------
    name : str
        What it is for.
    config : BenchmarkConfig
    numbers : tuple of int
        Of the grids.
    names : tuple of str
        Of the scores.
    network : str
        Fingerprint of the comparison network; empty without.
    label : str
        Of the code, given by hand.
    n_references : int, optional
        Of each grid; None takes all that are simulated.
    n_contaminated : int
        References of each grid that are broken.
    others_of : tuple of int
        Grids that are given other domains too: those that nothing is taught on.
    n_others : int
        Healthy ones among them.
    of_few : bool
        The profile is made of the first ``n_references``, and the others show what is healthy.
    """

    name: str
    config: BenchmarkConfig
    numbers: tuple[int, ...]
    names: tuple[str, ...]
    network: str
    label: str = ""
    n_references: int | None = None
    n_contaminated: int = 0
    others_of: tuple[int, ...] = ()
    n_others: int = 0
    of_few: bool = False

    def path(self, folder: str) -> Path:
        """Return where its heatmaps lie."""
        # What is new says nothing of parts without it: those that were scored before are found.
        told = {name: value for name, value in asdict(self).items() if value or name != "of_few"}
        mark = fingerprint(told)[:12]
        return Path(folder) / "scored" / f"{self.name}-seed{self.config.seed}-{mark}.npz"


@dataclass(frozen=True, eq=False)
class Measured:
    """Raw scores of the heatmaps of some grids, and of their left-out references.

    Parameters
    ----------
    heatmaps : Heatmaps
        Without the references, and without counts.
    names : tuple of str
    values : ndarray of shape (n, n_scores), float64
    null : NullScores or None
        Grids numbered by their place. None where nothing is calibrated.
    numbers : ndarray of shape (n_grids,), int64
        Of the grid at each place.
    other : ndarray of shape (n,), bool
        Whether a heatmap is of a domain that nothing is taught on.
    sources : str
        Hash of the code that scored it.
    """

    heatmaps: Heatmaps
    names: tuple[str, ...]
    values: Array
    null: NullScores | None
    numbers: Index
    other: Mask
    sources: str

    @property
    def grid(self) -> Index:
        """Place of the grid of each heatmap."""
        place = {number: nth for nth, number in enumerate(self.numbers.tolist())}
        return np.array([place[one] for one in self.heatmaps.grid.tolist()], np.int64)

    @property
    def n_clicks(self) -> Array:
        """Clicks of each heatmap."""
        return self.heatmaps.n_clicks.astype(np.float64)

    def where(self, chosen: Mask) -> Measured:
        """Return some of the heatmaps, and the grids that these are of."""
        found = np.unique(self.heatmaps.grid[chosen])
        numbers = self.numbers[np.isin(self.numbers, found)]
        null = self.null
        if null is not None:
            new = np.full(len(self.numbers), -1)
            new[np.isin(self.numbers, found)] = np.arange(len(numbers))
            rows = new[null.grid] >= 0
            null = NullScores(*(getattr(null, one.name)[rows] for one in fields(null)))
            null = replace(null, grid=new[null.grid])
        return replace(
            self,
            heatmaps=self.heatmaps.where(chosen),
            values=self.values[chosen],
            null=null,
            numbers=numbers,
            other=self.other[chosen],
        )

    def columns(self, names: Sequence[str]) -> Measured:
        """Return the same with some of the scores, in this order."""
        which = [self.names.index(name) for name in names]
        null = self.null
        if null is not None:
            null = replace(null, values=null.values[:, which])
        return replace(self, names=tuple(names), values=self.values[:, which], null=null)

    def keep(self, path: Path) -> None:
        """Write it: a file with this name is whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = {f"heatmaps_{name}": value for name, value in _columns(self.heatmaps).items()}
        if self.null is not None:
            columns |= {f"null_{name}": value for name, value in _columns(self.null).items()}
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(
                file,
                allow_pickle=False,
                **columns,
                names=np.array(self.names),
                values=self.values,
                numbers=self.numbers,
                other=self.other,
                sources=np.array(self.sources),
            )
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> Measured:
        """Read what was kept."""
        with np.load(path, allow_pickle=False) as file:
            kept = dict(file)
        columns = {name: kept[f"heatmaps_{name}"] for name in _NAMES if f"heatmaps_{name}" in kept}
        for name in ("fault", "split"):
            columns[name] = columns[name].astype(object)
        empty = np.zeros((len(columns["grid"]), 0, 0), np.uint32)
        null = None
        if "null_values" in kept:
            null = NullScores(*(kept[f"null_{one.name}"] for one in fields(NullScores)))
        return cls(
            heatmaps=Heatmaps(counts=empty, **columns),
            names=tuple(kept["names"].tolist()),
            values=kept["values"],
            null=null,
            numbers=kept["numbers"],
            other=kept["other"],
            sources=str(kept["sources"]),
        )


_NAMES = tuple(one.name for one in fields(Heatmaps))


@cache
def sources() -> str:
    """Return a hash of the code that raw scores are a function of, as it is at the first call."""
    root = Path(heatmap.__file__).parent
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(root.glob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def without_counts(maps: Heatmaps) -> Heatmaps:
    """Return heatmaps without their counts, of which no figure is made."""
    return replace(maps, counts=np.zeros((len(maps), 0, 0), np.uint32))


def _columns(of: Heatmaps | NullScores) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a table but the counts, names as text."""
    found = {one.name: getattr(of, one.name) for one in fields(of) if one.name != "counts"}
    return {name: one.astype(str) if one.dtype == object else one for name, one in found.items()}
