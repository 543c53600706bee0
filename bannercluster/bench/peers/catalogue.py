"""The peers: what is known of each before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
HARNESS = FOLDER / "scripts" / "harness.py"
OURS = FOLDER / "ours.py"


@dataclass(frozen=True)
class Peer:
    """A library that fits k-means.

    Parameters
    ----------
    name : str
        As it is asked for.
    title : str
        As it is shown.
    script : str
        File in ``scripts/``.
    slow : bool
        Whether it takes the smaller number of rows.
    exact : bool
        Whether it also fits in float64, where no rounding of its own is left: its labels are then
        compared with ours.
    threads_by_itself : bool
        Whether it runs tasks on threads of its own, so that the libraries below take one each.
    program : str
        A program that it needs, or empty.
    remark : str
        What is different about its time.
    """

    name: str
    title: str
    script: str
    slow: bool = False
    exact: bool = False
    threads_by_itself: bool = False
    program: str = ""
    remark: str = ""

    @property
    def path(self) -> Path:
        """The file that runs it."""
        return FOLDER / "scripts" / self.script

    @property
    def requirements(self) -> Path:
        """The list of what it needs, versions pinned."""
        return FOLDER / "requirements" / f"{self.name}.txt"


PEERS = (
    Peer(
        "sklearn",
        "scikit-learn",
        "sklearn.py",
        exact=True,
        remark="fit, with the labels of the last centres",
    ),
    Peer(
        "intelex",
        "scikit-learn-intelex",
        "intelex.py",
        remark="fit, with the labels of the last centres",
    ),
    Peer(
        "faiss",
        "faiss",
        "faiss.py",
        remark="train on all rows, without the labels of the last centres",
    ),
    Peer(
        "dask-ml",
        "dask-ml",
        "dask_ml.py",
        slow=True,
        threads_by_itself=True,
        remark="fit with the inertia of the last centres; the labels stay lazy",
    ),
    Peer(
        "spark",
        "Spark MLlib",
        "spark.py",
        slow=True,
        program="java",
        remark="run on rows cached in the JVM, without the labels of the last centres",
    ),
)

NAMES = tuple(peer.name for peer in PEERS)
