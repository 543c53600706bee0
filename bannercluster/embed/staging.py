"""The parts of a run in the staging folder: computed where they are missing, read, removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute

from bannercluster.embed import ledger
from bannercluster.embed.parts import Part, PartJob, embed_part, part_url, read_part
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.progress import Progress
from bannercluster.store import commit, files, points, tables
from bannercluster.store.aliases import RowIndex
from bannercluster.store.embeddings import EmbeddingStore


def compute_parts(
    parts: Sequence[Part], job: PartJob, executor: Executor, progress: Progress
) -> float:
    """Compute the parts that do not lie in the staging area yet.

    Returns
    -------
    load_s : float
        Seconds until the network was loaded on the worker that took longest.
    """
    there = set(files.names(job.staging))
    todo = [part for part in parts if part_url(job.staging, part).rsplit("/", 1)[-1] not in there]
    progress.start("embed", sum(len(part.contents) for part in parts), "images")
    try:
        there_already = sum(len(part.contents) for part in parts if part not in todo)
        progress.advance(there_already, "loading the network" if todo else "")
        if not todo:
            return 0.0
        shared = executor.share(job)
        load_s = 0.0
        finished = executor.map_unordered(partial(embed_part, shared), todo)
        for nth, (_, done) in enumerate(finished, len(parts) - len(todo) + 1):
            progress.advance(done.n_ok + done.n_rejected, f"part {nth} of {len(parts)}")
            load_s = max(load_s, done.load_s)
        return load_s
    finally:
        progress.finish()


def described_rows(
    parts: Sequence[Part], staging: str, verdicts: dict[bytes, tuple[str, str]]
) -> tuple[list[pa.Table], int]:
    """Return the rows that the parts add; note their rejected contents among the verdicts."""
    described = []
    for part in parts:
        table = read_part(staging, part)
        for row in table.select(["content_id", "reason", "detail"]).to_pylist():
            if row["reason"] is not None:
                verdicts[row["content_id"]] = (row["reason"], row["detail"])
        embedded = pa.compute.is_null(table["reason"])
        described.append(table.filter(embedded).select(ledger.ROWS.names).cast(ledger.ROWS))
    return described, sum(len(table) for table in described)


def blocks_of(parts: Sequence[Part], job: PartJob) -> Iterator[commit.Block]:
    """Yield the values and content ids of the parts, one part in memory at a time."""
    for part in parts:
        table = read_part(job.staging, part)
        table = table.filter(pa.compute.is_null(table["reason"]))
        if len(table):
            dtype = np.dtype(job.dtype).newbyteorder("<")
            values = np.frombuffer(b"".join(table["embedding"].to_pylist()), dtype)
            ids = np.frombuffer(b"".join(table["content_id"].to_pylist()), np.uint8)
            yield values.reshape(len(table), -1), ids.reshape(len(table), 32)


def clear_staging(
    staging: str,
    parts: Sequence[Part],
    store: EmbeddingStore,
    verdicts: dict[bytes, tuple[str, str]],
) -> None:
    """Remove what is in the store by now; parts of another job that was interrupted stay."""
    own = {part_url(staging, part) for part in parts}
    index = RowIndex(store)
    done, pending = [], False
    for name in files.names(staging):
        url = files.join(staging, name)
        if url not in own:
            contents = tables.read(url, ["content_id"])["content_id"].to_pylist()
            rows = zip(contents, index.rows_of(contents), strict=True)
            if any(row < 0 and content not in verdicts for content, row in rows):
                pending = True
                continue
        done.append(url)
    for url in done if pending else [staging]:
        files.remove(url, points.STAGING)
