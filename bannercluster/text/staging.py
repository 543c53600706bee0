"""The parts of a run in the staging folder: computed where they are missing, read, removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.runtime.executor import Executor
from bannercluster.runtime.progress import Progress
from bannercluster.store import commit, files, points, tables
from bannercluster.store.aliases import RowIndex, ids_of
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.text.parts import DESCRIBED, Part, PartJob, embed_part, part_url, read_part


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
    n_todo = sum(len(part.texts) for part in todo)
    progress.start("text", sum(len(part.texts) for part in parts), "texts")
    try:
        n_there = sum(len(part.texts) for part in parts) - n_todo
        progress.advance(n_there, "loading the network" if todo else "")
        load_s = 0.0
        if todo:
            shared = executor.share(job)
            finished = executor.map_unordered(partial(embed_part, shared), todo)
            for nth, (_, done) in enumerate(finished, len(parts) - len(todo) + 1):
                progress.advance(done.n_texts, f"part {nth} of {len(parts)}")
                load_s = max(load_s, done.load_s)
        return load_s
    finally:
        progress.finish()


def described_rows(
    parts: Sequence[Part], staging: str
) -> tuple[list[pa.Table], dict[bytes, tuple[str, str]]]:
    """Return the rows that the parts add, and the texts that they reject with their reasons."""
    described, verdicts = [DESCRIBED.empty_table()], {}
    for part in parts:
        table = read_part(staging, part)
        refused = table.filter(pc.is_valid(table["reason"]))
        for row in refused.select(["content_id", "reason", "detail"]).to_pylist():
            verdicts[row["content_id"]] = (row["reason"], row["detail"])
        described.append(table.filter(pc.is_null(table["reason"])).select(DESCRIBED.names))
    return described, verdicts


def blocks_of(parts: Sequence[Part], job: PartJob) -> Iterator[commit.Block]:
    """Yield the values and text ids of the parts, one part in memory at a time."""
    for part in parts:
        table = read_part(job.staging, part)
        table = table.filter(pc.is_null(table["reason"]))
        if len(table):
            dtype = np.dtype(job.dtype).newbyteorder("<")
            values = np.frombuffer(b"".join(table["embedding"].to_pylist()), dtype)
            yield values.reshape(len(table), -1), ids_of(table["content_id"])


def clear_staging(staging: str, parts: Sequence[Part], store: EmbeddingStore) -> None:
    """Remove what is in the store by now; parts of another job that was interrupted stay."""
    own = {part_url(staging, part) for part in parts}
    index = RowIndex(store)
    done, pending = [], False
    for name in files.names(staging):
        url = files.join(staging, name)
        if url not in own:
            staged = tables.read(url, ["content_id", "reason"])
            wanted = staged.filter(pc.is_null(staged["reason"]))["content_id"]
            if (index.rows_of_ids(ids_of(wanted)) < 0).any():
                pending = True
                continue
        done.append(url)
    for url in done if pending else [staging]:
        files.remove(url, points.STAGING)
