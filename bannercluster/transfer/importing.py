"""The stage ``bc import``: vectors that exist already -> a committed store."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from bannercluster.config import Settings
from bannercluster.errors import DataError
from bannercluster.runtime.environment import environment
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import MemoryPart, MemoryPlan, memory_budget, worker_count
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import commit
from bannercluster.store.aliases import ids_of
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.lease import Lease, hold
from bannercluster.transfer import journal as journals
from bannercluster.transfer.blocks import Block, Target, keys_of, prepare
from bannercluster.transfer.decisions import Decider
from bannercluster.transfer.digests import halves
from bannercluster.transfer.journal import Journal
from bannercluster.transfer.ledger import named, tables_after
from bannercluster.transfer.pipeline import in_order
from bannercluster.transfer.sources import Reading
from bannercluster.transfer.task import ImportTask

CHUNKS_A_PART = 16
"""Chunks after which the journal is written: a killed run loses no more than these."""

_AHEAD = 2
"""Blocks in memory beside those that the threads work on."""

_ROW_NBYTES = 600
"""Of ids, contents, days and the tables of the next generation, with their copies at the commit."""


@dataclass(frozen=True)
class ImportResult:
    """What became of the rows: ``n_in = n_ok + n_duplicate + n_rejected``.

    Parameters
    ----------
    n_in, n_ok, n_duplicate, n_rejected : int
        Rows of the source; distinct contents; rows whose content an earlier row had; refused ones.
    n_new : int
        Rows that the store did not have.
    n_resumed : int
        Rows of the source that a run before this one had done, which did not end.
    n_rows, n_features, generation : int
        Of the store now.
    reasons : tuple of (str, int)
        Refused rows by reason.
    source, store, model : str
    duration_s : float
    """

    n_in: int
    n_ok: int
    n_duplicate: int
    n_rejected: int
    n_new: int
    n_resumed: int
    n_rows: int
    n_features: int
    generation: int
    reasons: tuple[tuple[str, int], ...]
    source: str
    store: str
    model: str
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        counted = Table(
            f"{self.store}: {self.n_rows:,} rows x {self.n_features:,} features",
            ("rows", "ok", "duplicates", "rejected", "new in the store", "rows/s"),
            (
                (
                    self.n_in,
                    self.n_ok,
                    self.n_duplicate,
                    self.n_rejected,
                    self.n_new,
                    round((self.n_in - self.n_resumed) / max(self.duration_s, 1e-9)),
                ),
            ),
        )
        if not self.reasons:
            return (counted,)
        return (counted, Table("Rejected rows", ("reason", "rows"), self.reasons))


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs; reads the first rows.

    Raises
    ------
    UsageError
        If the source is missing or cannot be read, or has no such columns.
    IncompatibleStoreError
        If the store has rows of another kind.
    """
    task = ImportTask.of(settings)
    source, layout, old = task.source, task.source.layout, task.old
    known_by = " or ".join(name for name in (layout.banner_id, layout.file) if name)
    summary = (
        ("source", f"{source.url} ({source.kind})"),
        ("rows", f"{source.n_rows:,} x {source.n_features:,} from {layout.vector!r}"),
        ("known by", known_by),
        ("content ids", layout.content_id or "of the vectors"),
        ("carried along", ", ".join(layout.extra) or "-"),
        ("left out", ", ".join(layout.left_out) or "-"),
        ("model", str(task.recipe["model"])),
        (
            "store",
            f"{settings.paths.embeddings} "
            + (f"({old.n_rows:,} rows so far)" if old else f"(new, {task.recipe['dtype']})"),
        ),
        ("runs on", "threads of this process"),
    )
    return StagePlan("import", summary, _memory(settings, task), "threads")


def run(settings: Settings, *, executor: Executor, progress: Progress) -> ImportResult:
    """Import what is new and commit it.

    The work is done by threads of this process, as many as ``--workers``: vectors are not shipped
    to workers elsewhere.

    Raises
    ------
    UsageError, IncompatibleStoreError
        As :func:`plan`.
    DataError
        If not one row could be imported.
    StoreError
        If the store cannot be written; the last good state stays.
    LeaseHeldError
        If another process writes to the store.
    """
    del executor
    with hold(settings.paths.embeddings, "bc import") as lease:
        return _run(settings, lease, progress)


def _run(settings: Settings, lease: Lease, progress: Progress) -> ImportResult:
    started = time.perf_counter()
    task = ImportTask.of(settings)
    source, old, url = task.source, task.old, settings.paths.embeddings
    journal = Journal(url, task.key(settings), source.layout)
    resumed = journal.progress
    decider = Decider(halves(np.empty((0, 32), np.uint8) if old is None else old.content_ids()))
    if resumed.n_parts:
        _restore(decider, journal)
    appender = commit.Appender(
        url,
        lease,
        recipe=task.recipe,
        n_features=source.n_features,
        dtype=task.recipe["dtype"],
        chunk_rows=settings.import_.chunk_rows,
        n_written=resumed.n_written,
    )
    progress.start("import", source.n_rows, "rows")
    try:
        progress.advance(resumed.n_source)
        _take_in(settings, task, decider, appender, journal, progress)
    finally:
        progress.finish()
    counts = decider.counts
    n_new = decider.n_rows - (0 if old is None else old.n_rows)
    rejected = Counter(journal.table("rejected")["reason"].to_pylist())
    if old is None and not n_new:
        raise DataError(
            f"none of the {counts.n_in:,} rows of {source.url} could be imported "
            f"({', '.join(f'{n:,} {reason}' for reason, n in rejected.most_common(3))}); expected "
            f"at least one row with an id and a vector of {source.n_features:,} finite values"
        )
    store = _commit(task, appender, tables_after(old, journal, decider), n_new)
    journal.clear()
    return ImportResult(
        **asdict(counts),
        n_new=n_new,
        n_resumed=resumed.n_source,
        n_rows=store.n_rows,
        n_features=store.n_features,
        generation=store.manifest.generation,
        reasons=tuple(rejected.most_common()),
        source=source.url,
        store=url,
        model=str(task.recipe["model"]),
        duration_s=time.perf_counter() - started,
    )


def _take_in(
    settings: Settings,
    task: ImportTask,
    decider: Decider,
    appender: commit.Appender,
    journal: Journal,
    progress: Progress,
) -> None:
    """Decide and write all rows; note them in the journal after every few chunks."""
    start = journal.progress
    part_rows = CHUNKS_A_PART * appender.chunk_rows
    n_threads = worker_count(settings.runtime)
    readings = task.source.readings(start.n_source, settings.import_.part_rows)
    ready = in_order(partial(_ready, task.target), readings, n_threads, n_threads + _AHEAD)
    n_source, n_before = start.n_source, appender.n_rows - start.n_written
    with ready as blocks:
        for block in blocks:
            rest = block
            while len(rest):
                room = part_rows - appender.n_rows % part_rows
                decision = decider.decide(rest, room)
                new = decision.is_row
                values = rest.values[: decision.n]
                appender.add(
                    *((values, rest.contents[: decision.n]) if new.all() else
                    (values[new], rest.contents[: decision.n][new]))
                )  # fmt: skip
                decider.apply(rest, decision)
                journal.note(rest, decision)
                n_source += decision.n
                if int(new.sum()) == room:
                    n_written = appender.n_rows - n_before
                    n_parts = journal.progress.n_parts + 1
                    journal.save(journals.Progress(n_parts, n_source, n_written, decider.counts))
                progress.advance(decision.n)
                rest = rest.rest(decision.n)


def _ready(target: Target, reading: Reading) -> Block:
    return prepare(reading[1](), target)


def _restore(decider: Decider, journal: Journal) -> None:
    """Take up the ids, contents and days of the parts that the journal counts."""
    aliases = journal.table("aliases", with_rest=False)
    contents = journal.table("rows", with_rest=False)["content_id"]
    keys = [keys_of(chunk) for chunk in named(aliases).chunks]
    decider.restore(
        np.concatenate([*keys, np.empty((0, 2), np.uint64)]),
        aliases["row"].to_numpy(),
        halves(ids_of(contents)),
        journal.progress.counts,
    )
    seen = journal.table("seen", with_rest=False)
    decider.see(*(seen[name].to_numpy() for name in seen.column_names))


def _commit(
    task: ImportTask, appender: commit.Appender, tables: dict[str, pa.Table], n_new: int
) -> EmbeddingStore:
    """Show the rows; nothing is written where nothing changed."""
    old = task.old
    if (
        old is not None
        and not n_new
        and all(tables[name].equals(old.table(name)) for name in ("aliases", "rejected"))
    ):
        return old
    return appender.commit(tables, {"source": task.source.url, "environment": environment()})


def _memory(settings: Settings, task: ImportTask) -> MemoryPlan:
    source, config = task.source, settings.import_
    stored = np.dtype(task.target.dtype).itemsize * source.n_features
    chunk_rows = config.chunk_rows if task.old is None else task.old.manifest.chunk_rows
    n_rows = source.n_rows + (0 if task.old is None else task.old.n_rows)
    block = source.block_rows(config.part_rows)
    parts = (
        MemoryPart("interpreter, libraries and what allocators keep", 400 << 20, "process"),
        MemoryPart("ids and tables", _ROW_NBYTES * n_rows, "process"),
        MemoryPart("chunk of the store", 2 * chunk_rows * (stored + 32), "process"),
        MemoryPart(
            "blocks that wait", (_AHEAD + 1) * block * (source.row_nbytes() + stored), "process"
        ),
        MemoryPart("block in work", block * (2 * source.row_nbytes() + 2 * stored), "worker"),
    )
    return MemoryPlan("import", parts, memory_budget(settings.runtime))
