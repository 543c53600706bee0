"""The stage ``bc export``: a store -> a folder of Parquet files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from bannercluster.config import Settings, semantic_fields
from bannercluster.errors import UsageError
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import MemoryPart, MemoryPlan, memory_budget, worker_count
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import files, points, tables
from bannercluster.store.aliases import aliases_by_row, binary_column
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.fingerprint import fingerprint
from bannercluster.store.lease import hold
from bannercluster.transfer.pipeline import in_order
from bannercluster.transfer.sources import RECIPE_KEY

SUCCESS = "_SUCCESS"
"""Marker of a whole export, written last; readers of folders pass over such names."""

_BATCH_ROWS = 4096
_KEY = "export"
_ALIAS_FACTS = ("nbytes", "modified")


@dataclass(frozen=True)
class ExportResult:
    """What was written.

    Parameters
    ----------
    target : str
    n_rows, n_features, n_files : int
        Of the whole export.
    n_written : int
        Files that did not lie there already.
    rows : str
        What a row is.
    duration_s : float
    """

    target: str
    n_rows: int
    n_features: int
    n_files: int
    n_written: int
    rows: str
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        title = f"{self.target}: {self.n_rows:,} {self.rows} x {self.n_features:,} features"
        values = (self.n_files, self.n_written, round(self.n_rows / max(self.duration_s, 1e-9)))
        return (Table(title, ("files", "written now", "rows/s"), (values,)),)


@dataclass(frozen=True)
class _Task:
    """An export: its rows in the order of the store, cut into files.

    Parameters
    ----------
    store : EmbeddingStore
    columns : table
        All columns but the vectors, a row for each row of the export.
    rows : (n,) int64 array
        Row of the store of each.
    key : str
        Fingerprint of the store's generation and the settings.
    normalize : str
    file_rows : int
    """

    store: EmbeddingStore
    columns: pa.Table
    rows: np.ndarray
    key: str
    normalize: str
    file_rows: int

    @classmethod
    def of(cls, settings: Settings) -> _Task:
        config = settings.export
        store = EmbeddingStore.open(settings.paths.embeddings)
        if config.rows == "banners":
            columns, rows = aliases_by_row(store)
            columns = columns.drop_columns([c for c in _ALIAS_FACTS if c in columns.column_names])
        else:
            rows = np.arange(store.n_rows)
            columns = pa.table(
                {
                    "file": store.table("rows", ["file"])["file"],
                    "content_id": binary_column(store.content_ids()),
                }
            )
        if "embedding" in columns.column_names:
            raise UsageError(
                f"the banners of {store.url} have a column 'embedding' of their own; expected none "
                f"of this name: export --rows contents"
            )
        key = fingerprint({"store": store.key, "settings": semantic_fields(config)})
        return cls(store, columns, rows, key, config.normalize, config.file_rows)

    @property
    def schema(self) -> pa.Schema:
        """Columns of a file; its metadata carry the recipe of the vectors."""
        vector = pa.list_(pa.field("element", pa.float32(), nullable=False),
                          self.store.n_features)  # fmt: skip
        recipe = dict(self.store.manifest.recipe)
        if self.normalize != "none":
            recipe["normalized"] = self.normalize
        metadata = {RECIPE_KEY: json.dumps(recipe).encode()}
        return pa.schema([*self.columns.schema, ("embedding", vector)], metadata)

    def files(self) -> list[tuple[str, int, int]]:
        """Name, first row and end of each file."""
        cuts = range(0, max(len(self.rows), 1), self.file_rows)
        return [
            (
                f"part-{number:05d}-{self.key[:12]}.parquet",
                start,
                min(start + self.file_rows, len(self.rows)),
            )
            for number, start in enumerate(cuts)
        ]

    def batch(self, span: tuple[int, int]) -> pa.Table:
        """Return rows of the export."""
        start, stop = span
        own = self.rows[start:stop]
        low = int(own[0])
        values = self.store.read(low, int(own[-1]) + 1)[own - low].astype(np.float32)
        if self.normalize == "l2":
            norms = np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True)
            values = (values / np.where(norms > 0, norms, 1)).astype(np.float32)
        schema = self.schema
        kind = schema.field("embedding").type
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), type=kind)
        part = self.columns.slice(start, stop - start).append_column("embedding", vectors)
        return part.cast(schema)


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs.

    Raises
    ------
    UsageError
        If there is no store, or the folder holds something else.
    """
    task = _Task.of(settings)
    target, config = settings.export.target, settings.export
    named = {name for name, _, _ in task.files()}
    there = _check_target(target, named)
    f = task.store.n_features
    summary = (
        ("store", f"{task.store.url} ({task.store.n_rows:,} rows)"),
        ("rows", f"{len(task.rows):,} {config.rows} x {f:,}"),
        ("columns", ", ".join(task.schema.names)),
        ("normalize", config.normalize),
        ("files", f"{len(named):,} in {target} ({len(there & named):,} there already)"),
        ("runs on", "threads of this process"),
    )
    group = min(_BATCH_ROWS, config.file_rows)
    parts = (
        MemoryPart("interpreter and libraries", 300 << 20, "process"),
        MemoryPart("ids and tables", 500 * (len(task.rows) + task.store.n_rows), "process"),
        MemoryPart("batches that wait", 3 * group * f * 4, "process"),
        MemoryPart("batch being written", 6 * group * f * 4, "process"),
        MemoryPart("batch in work", 4 * group * f * 4, "worker"),
    )
    memory = MemoryPlan("export", parts, memory_budget(settings.runtime))
    return StagePlan("export", summary, memory, "threads")


def run(settings: Settings, *, executor: Executor, progress: Progress) -> ExportResult:
    """Write the files that do not lie there already, and last the marker.

    Raises
    ------
    UsageError
        As :func:`plan`.
    StoreError
        If a file cannot be read or written; whole files stay.
    LeaseHeldError
        If another process writes to the folder.
    """
    del executor
    started = time.perf_counter()
    target = settings.export.target
    task = _Task.of(settings)
    cuts = task.files()
    named = {name for name, _, _ in cuts}
    _check_target(target, named)
    with hold(target, "bc export") as lease:
        there = _check_target(target, named)
        n_threads = worker_count(settings.runtime)
        progress.start("export", len(task.rows), "rows")
        n_written = 0
        try:
            for name, start, stop in cuts:
                if name in there:
                    progress.advance(stop - start)
                    continue
                lease.check()
                _write(task, files.join(target, name), start, stop, n_threads, progress)
                n_written += 1
        finally:
            progress.finish()
        record = {
            _KEY: task.key,
            "store": task.store.url,
            "n_rows": len(task.rows),
            "n_features": task.store.n_features,
            "files": sorted(named),
        }
        if SUCCESS not in there:
            lease.check()
            files.write_json(files.join(target, SUCCESS), record, points.EXPORT_DONE)
    return ExportResult(
        target,
        len(task.rows),
        task.store.n_features,
        len(cuts),
        n_written,
        settings.export.rows,
        time.perf_counter() - started,
    )


def _write(
    task: _Task, url: str, start: int, stop: int, n_threads: int, progress: Progress
) -> None:
    """Write a file: batches are made on threads, and written in their order as row groups."""
    spans = _spans(start, stop)
    ready = in_order(partial(_Task.batch, task), spans, n_threads, n_threads + 2)
    with tables.writing(url, task.schema, points.EXPORT_PART) as writer, ready as batches:
        for batch in batches:
            writer.write_table(batch, row_group_size=len(batch))
            progress.advance(len(batch))


def _spans(start: int, stop: int) -> Iterator[tuple[int, int]]:
    for low in range(start, stop, _BATCH_ROWS):
        yield low, min(low + _BATCH_ROWS, stop)


def _check_target(target: str, named: set[str]) -> set[str]:
    """Return what lies in the folder, all of which must be of this export.

    Raises
    ------
    UsageError
        If something else lies there.
    """
    there = {name for name in files.names(target) if not name.startswith(".")}
    others = sorted(there - named - {SUCCESS})
    whole = files.read_json_if_any(files.join(target, SUCCESS))
    if whole is not None and set(whole.get("files", ())) != named:
        others.append(SUCCESS)
    if others:
        raise UsageError(
            f"{target} holds something else ({', '.join(others[:3])}"
            f"{', ...' if len(others) > 3 else ''}); expected an empty folder, or this export: "
            f"name another with --target, or remove it"
        )
    return there
