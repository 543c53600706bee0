"""Every write that makes something visible, by name: where a run can end, and how it goes on.

A test may watch the points, and end the process, refuse a write or cut it short at any of them.
Outside tests nothing watches. ``docs/operations.md`` has the same table for people.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Phase = Literal["before", "written", "after"]
"""``before`` anything is written; ``written`` under a temporary name, not in place yet (local disks
only); ``after`` it is in place, or gone where the point removes something."""


@dataclass(frozen=True)
class Point:
    """A write, by name.

    Parameters
    ----------
    name : str
        Stage and what is written, such as ``embed.part``.
    writes : str
        What appears, or goes.
    recovery : str
        What the same command does when the run before it ended here.
    """

    name: str
    writes: str
    recovery: str


LEASE = Point(
    "store.lease",
    "the file that says who writes",
    "the lease of a process that has ended is taken over",
)
NETWORK = Point(
    "embed.network",
    "the exported network, in the cache",
    "a folder without its card is not used: the network is exported again",
)
PART = Point(
    "embed.part",
    "a finished part, in the staging folder",
    "finished parts are found by their names; the part in work is computed again",
)
IMPORT_PART = Point(
    "import.part",
    "aliases, rows and rejected rows of an unfinished import, in its journal",
    "parts that the journal does not count are written again",
)
IMPORT_JOURNAL = Point(
    "import.journal",
    "how far an import is: what lies in whole chunks behind the end of the store is done",
    "the import goes on behind the rows that the journal counts",
)
CHUNK = Point(
    "store.chunk",
    "a chunk of embeddings or content ids",
    "rows behind the end that the root states do not exist; the chunk is written again",
)
TABLE = Point(
    "store.table",
    "a table of the new generation",
    "the root names the tables of the old generation; the new one is written again",
)
ARRAY = Point(
    "store.array",
    "the metadata of an array",
    "readers take the metadata in the root; it is written again",
)
ROOT = Point(
    "store.root",
    "the root of the store: the new generation becomes visible",
    "before it the store is the old one and the commit is repeated from the staged parts; after "
    "it the store is the new one and nothing is left to do",
)
OLD_TABLE = Point(
    "store.old-table",
    "removal of a table that no reader needs any more",
    "the next commit, or `bc gc`, removes it",
)
STAGING = Point(
    "embed.staging",
    "removal of the staging folder after the commit",
    "its parts are in the store: the next run removes the folder",
)
IMPORT_DONE = Point(
    "import.done",
    "removal of the journal, after the commit or before another writer begins",
    "a journal of another generation is not used: the next writer removes it",
)
OCR_PART = Point(
    "ocr.part",
    "a finished part of the texts of images",
    "parts that the record does not list are found by their names; the part in work is read again",
)
OCR_RECORD = Point(
    "ocr.record",
    "the list of the parts: the new texts become visible",
    "the old list holds; the new one is written again from the finished parts",
)
OCR_SAME = Point(
    "ocr.same-part",
    "removal of a part that says nothing new",
    "the next run removes it",
)
CHECKPOINT = Point(
    "cluster.checkpoint",
    "the state of a sweep after an iteration",
    "the sweep goes on from the checkpoint before, or from the start; the result is the same bits",
)
ARRAYS = Point(
    "cluster.arrays",
    "the centres of a model",
    "a folder without a card is no model: the sweep goes on from its checkpoint",
)
CARD = Point(
    "cluster.card",
    "the card of a model: the model exists",
    "models with a card are kept; the others are fitted",
)
CHECKPOINT_GONE = Point(
    "cluster.checkpoint-gone",
    "removal of the checkpoint when all models are written",
    "the models are there: the next run only removes the file and writes the list",
)
SWEEP = Point(
    "cluster.sweep",
    "the list of the models of the latest sweep",
    "the models are there: the next run only writes the list",
)
LABEL_METRICS = Point(
    "evaluate.label-metrics",
    "the metrics of each label",
    "the old evaluation names its own table; the new one is written again",
)
EVALUATION = Point(
    "evaluate.evaluation",
    "metrics and choice",
    "the old evaluation holds until the new one is whole",
)
OLD_LABEL_METRICS = Point(
    "evaluate.old-label-metrics",
    "removal of metrics of labels that no reader needs any more",
    "the next run removes them",
)
ABLATION = Point(
    "ablation.result",
    "the comparison of images, texts and both",
    "the old one holds until the new one is whole",
)
ASSIGNMENTS = Point(
    "predict.assignments",
    "the table with a cluster per banner",
    "the old table holds until the new one is whole; `assigned_at` keeps its first value",
)
REPORT = Point(
    "report.page",
    "the report",
    "the old page holds until the new one is whole",
)

EXPORT_PART = Point(
    "export.part",
    "a file of an export",
    "files that lie there whole are kept; the others are written",
)
EXPORT_DONE = Point(
    "export.success",
    "the marker of a whole export",
    "a folder without it is not whole: the same export goes on in it",
)
HEATMAP_TABLE = Point(
    "heatmap.table",
    "a table of synthetic clicks, or of what is known of them",
    "the set is whole when its clicks are there: all tables are written again, with the same rows",
)
HEATMAP_REJECTED = Point(
    "heatmap.rejected",
    "the table of rejected rows",
    "the next run writes it again",
)
HEATMAPS_GONE = Point(
    "heatmap.gone",
    "removal of heatmaps or features that others take the place of",
    "without its root there is no store: the same command makes it",
)
HEATMAP_ARRAY = Point(
    "heatmap.array",
    "a chunk of heatmaps or features, or the metadata of an array",
    "what the root does not name does not exist; it is written again",
)
HEATMAP_ROOT = Point(
    "heatmap.root",
    "the root of the heatmaps: they, or a block of features, become visible",
    "before it the heatmaps are made again; after it nothing is left to do",
)
TRAINING_CHECKPOINT = Point(
    "heatmap.checkpoint",
    "the state of a training after some steps",
    "the training goes on from the checkpoint before, or from the start; the result is the same "
    "bits",
)
TRAINED_WEIGHTS = Point(
    "heatmap.weights",
    "the weights of a trained network",
    "a folder without a card is no network: the training goes on from its checkpoint",
)
TRAINED_CARD = Point(
    "heatmap.card",
    "the card of a trained network: the network exists",
    "networks with a card are loaded, not trained",
)
TRAINING_CHECKPOINT_GONE = Point(
    "heatmap.checkpoint-gone",
    "removal of the checkpoint when the network is written",
    "the network is there: the next run loads it, the file is not used",
)
HEATMAP_COMBINATION = Point(
    "heatmap.combination",
    "what a model of broken banners was taught",
    "the card names its own combination; without a card there is no model: the same command goes "
    "on from the trained network",
)
HEATMAP_MODEL = Point(
    "heatmap.model",
    "the card of a model of broken banners: the model exists",
    "before it the old model holds, or there is none; after it nothing is left to do",
)
HEATMAP_SCORES = Point(
    "heatmap.scores",
    "the table of scores and alerts",
    "the old table holds until the new one is whole",
)
BENCH = Point(
    "bench.result",
    "the figures or the plot of a measurement",
    "the old ones hold until the new ones are whole",
)
GARBAGE = Point(
    "gc.file",
    "removal of a file that nobody needs",
    "the next `bc gc` removes the others",
)

POINTS = (
    LEASE,
    NETWORK,
    PART,
    IMPORT_PART,
    IMPORT_JOURNAL,
    CHUNK,
    TABLE,
    ARRAY,
    ROOT,
    OLD_TABLE,
    STAGING,
    IMPORT_DONE,
    OCR_PART,
    OCR_RECORD,
    OCR_SAME,
    CHECKPOINT,
    ARRAYS,
    CARD,
    CHECKPOINT_GONE,
    SWEEP,
    LABEL_METRICS,
    EVALUATION,
    OLD_LABEL_METRICS,
    ASSIGNMENTS,
    REPORT,
    EXPORT_PART,
    EXPORT_DONE,
    ABLATION,
    HEATMAP_TABLE,
    HEATMAP_REJECTED,
    HEATMAPS_GONE,
    HEATMAP_ARRAY,
    HEATMAP_ROOT,
    TRAINING_CHECKPOINT,
    TRAINED_WEIGHTS,
    TRAINED_CARD,
    TRAINING_CHECKPOINT_GONE,
    HEATMAP_COMBINATION,
    HEATMAP_MODEL,
    HEATMAP_SCORES,
    BENCH,
    GARBAGE,
)
"""All points, in the order of the data."""

Watcher = Callable[[Point, Phase, str], None]
"""Called with the point, the phase, and the URL or the temporary path that is being written."""

_watcher: Watcher | None = None


def reached(point: Point, phase: Phase, where: str) -> None:
    """Say that a point is reached; whatever a watching test raises passes through."""
    if _watcher is not None:
        _watcher(point, phase, where)


@contextlib.contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Have a function called at every point of this process, in tests."""
    global _watcher
    before, _watcher = _watcher, watcher
    try:
        yield
    finally:
        _watcher = before
