"""The stage: a folder of images in, a committed store out; only what is new is embedded."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute

from bannercluster.config import Settings
from bannercluster.embed import ledger
from bannercluster.embed.inventory import Entry, list_files, take_inventory
from bannercluster.embed.memory import plan_memory
from bannercluster.embed.parts import Part, PartJob, cut_parts, embed_part, part_url, read_part
from bannercluster.encoders import (
    EncoderSpec,
    ModelDescription,
    ResolvedEngine,
    describe_model,
    load_encoder,
    resolve_engine,
)
from bannercluster.errors import DataError, UsageError
from bannercluster.media import DecodeLimits
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.environment import environment
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import worker_count
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import commit, files, points, tables
from bannercluster.store.aliases import RowIndex
from bannercluster.store.embeddings import EmbeddingStore, staging_url
from bannercluster.store.fingerprint import fingerprint
from bannercluster.store.lease import Lease, hold

PREPROCESSING_VERSION = 1
_LEAST_PART_ROWS = 32
_PARTS_OF_A_SMALL_JOB = 8
_MAY_PASS_LATER = frozenset(
    {"unreadable", "changed", "too_many_pixels", "out_of_memory"}
    | {"decoder_timeout", "decoder_crashed"}
)
_THREADS_UP_TO = 4  # workers; more of them are processes, whose Python code runs side by side


@dataclass(frozen=True)
class EmbedResult:
    """What a run did.

    Parameters
    ----------
    n_in, n_ok, n_duplicate, n_rejected : int
        Files: every one is counted once, ``n_in = n_ok + n_duplicate + n_rejected``.
    n_new : int
        Contents embedded by this run; the other ``n_ok`` were in the store.
    n_other : int
        Files in the folder that are not images by their name; not counted above.
    n_rows, n_features, generation : int
        Of the store now.
    reasons : tuple of (reason, files)
    model, engine, precision : str
    load_s, embed_s, duration_s : float
        Wall time of loading the network (the first time on a machine it is exported as well), of
        decoding and encoding, and of all.
    """

    n_in: int
    n_ok: int
    n_duplicate: int
    n_rejected: int
    n_new: int
    n_other: int
    n_rows: int
    n_features: int
    generation: int
    reasons: tuple[tuple[str, int], ...]
    store: str
    model: str
    engine: str
    precision: str
    load_s: float
    embed_s: float
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        counted = Table(
            f"{self.store}: {self.n_rows:,} rows x {self.n_features:,} features",
            ("files", "ok", "duplicates", "rejected", "embedded now", "images/s", "engine"),
            (
                (
                    self.n_in,
                    self.n_ok,
                    self.n_duplicate,
                    self.n_rejected,
                    self.n_new,
                    round(self.n_new / self.embed_s, 1) if self.n_new else None,
                    f"{self.engine} {self.precision}",
                ),
            ),
        )
        if not self.reasons:
            return (counted,)
        return (counted, Table("Rejected files", ("reason", "files"), self.reasons))


@dataclass(frozen=True)
class _Choice:
    """The network of a run, and what it makes of a row."""

    engine: ResolvedEngine
    model: ModelDescription
    recipe: dict[str, Any]

    @classmethod
    def of(cls, settings: Settings) -> _Choice:
        config = settings.embed
        engine = resolve_engine(config.engine, config.precision, config.device)
        model = describe_model(config.model, config.weights)
        if model.fixed_input_size and config.resize == "native":
            raise UsageError(
                f"{config.model} takes images of {model.input_size} x {model.input_size} only, "
                f"asked for --resize native; expected --resize letterbox or squash"
            )
        preprocessing = {
            "version": PREPROCESSING_VERSION,
            "resize": config.resize,
            "input_size": model.input_size,
            "mean": list(model.mean),
            "std": list(model.std),
            "interpolation": "bicubic",
        }
        recipe = {
            "model": config.model,
            "weights_sha256": model.weights_sha256,
            "engine": engine.engine,
            "precision": engine.precision,
            "preprocessing": preprocessing,
            "dtype": config.dtype,
        }
        return cls(engine, model, recipe)

    def recipe_beside(self, store: EmbeddingStore) -> dict[str, Any]:
        """Return the recipe; weights that are not here yet count as those of the store."""
        known = self.recipe["weights_sha256"] or store.manifest.recipe.get("weights_sha256")
        return {**self.recipe, "weights_sha256": known}

    def with_weights(self, sha256: str) -> _Choice:
        return _Choice(self.engine, self.model, {**self.recipe, "weights_sha256": sha256})


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs; reads no image.

    Raises
    ------
    UsageError
        If the folder is missing or empty, or the model unknown.
    IncompatibleStoreError
        If the store was made in another way.
    EngineError
        If an engine, precision or device asked for is not available.
    """
    paths, config = settings.paths, settings.embed
    listing = list_files(paths.images, paths.manifest, config.day)
    choice = _Choice.of(settings)
    store = EmbeddingStore.open_if_any(paths.embeddings)
    if store is not None:
        commit.check_recipe(store, choice.recipe_beside(store))
    engine = choice.engine
    where = "on this machine" if choice.model.available else "not on this machine"
    summary = (
        ("files", f"{len(listing.entries):,} in {paths.images}"),
        ("named by", listing.manifest or f"their endings ({listing.n_other:,} others left out)"),
        ("model", f"{config.model}, {choice.model.n_features:,} features"),
        ("weights", f"{choice.model.weights_source or 'none known'} ({where})"),
        ("engine", f"{engine.engine} {engine.precision} on {engine.device}: {engine.reason}"),
        (
            "resize",
            f"{config.resize}, input of {choice.model.input_size} x {choice.model.input_size}",
        ),
        (
            "store",
            f"{paths.embeddings} ({store.n_rows:,} rows so far)"
            if store
            else f"{paths.embeddings} (new)",
        ),
    )
    prefer = _prefer(settings)
    return StagePlan(
        "embed",
        summary,
        plan_memory(
            settings, choice.engine.engine, choice.model, len(listing.entries), store, prefer
        ),
        prefer,
    )


def run(settings: Settings, *, executor: Executor, progress: Progress) -> EmbedResult:
    """Embed what is new and commit it.

    Raises
    ------
    UsageError, IncompatibleStoreError, EngineError
        As :func:`plan`.
    WeightsError
        If the weights cannot be had.
    DataError
        If not one image could be embedded.
    StoreError
        If the store cannot be written; the last good state stays.
    LeaseHeldError
        If another process writes to the store.
    """
    with hold(settings.paths.embeddings, "bc embed") as lease:
        return _run(settings, lease, executor, progress)


def _run(settings: Settings, lease: Lease, executor: Executor, progress: Progress) -> EmbedResult:
    started = time.perf_counter()
    paths, config = settings.paths, settings.embed
    listing = list_files(paths.images, paths.manifest, config.day)
    choice = _Choice.of(settings)
    job = _job(settings, choice, executor)
    old = EmbeddingStore.open_if_any(paths.embeddings)
    if old is not None:
        commit.check_recipe(old, choice.recipe_beside(old))
    if choice.recipe["weights_sha256"] is None:
        encoder = load_encoder(job.spec, threads=job.threads, cache_dir=job.cache)
        choice = choice.with_weights(encoder.info.weights_sha256)
        if old is not None:
            commit.check_recipe(old, choice.recipe)
    inventory = take_inventory(
        paths.images,
        listing.entries,
        _known(old, listing.entries),
        executor,
        progress,
        job.limits.max_nbytes,
    )
    verdicts = _verdicts(old)
    fresh = _fresh(listing.entries, inventory.contents, old, verdicts)
    whole = fingerprint({"recipe": choice.recipe, "limits": asdict(job.limits)})
    parts = cut_parts(fresh, _part_rows(config.part_rows, len(fresh)), whole)
    embedding = time.perf_counter()
    job = replace(job, weights_sha256=choice.recipe["weights_sha256"])
    load_s = _stage(parts, job, executor, progress)
    embed_s = time.perf_counter() - embedding - load_s
    described, n_new = _described(parts, job.staging, verdicts)
    kept = ledger.keep_ledger(listing.entries, inventory, verdicts, old)
    if old is None and not n_new:
        raise DataError(
            f"none of the {len(listing.entries):,} files in {paths.images} could be embedded "
            f"({_most_common(kept.rejected)}); expected at least one readable image"
        )
    store = _commit(settings, choice, lease, old, parts, job, described, kept)
    _clear_staging(job.staging, parts, store, verdicts)
    counts = kept.counts
    here = {entry.file for entry in listing.entries}
    rejected = [row["reason"] for row in kept.rejected.to_pylist() if row["file"] in here]
    return EmbedResult(
        counts.n_in,
        counts.n_ok,
        counts.n_duplicate,
        counts.n_rejected,
        n_new,
        listing.n_other,
        store.n_rows,
        store.n_features,
        store.manifest.generation,
        tuple(Counter(rejected).most_common()),
        paths.embeddings,
        config.model,
        choice.engine.engine,
        choice.engine.precision,
        load_s,
        embed_s,
        time.perf_counter() - started,
    )


def _prefer(settings: Settings) -> Literal["threads", "processes"]:
    return "processes" if worker_count(settings.runtime) > _THREADS_UP_TO else "threads"


def _job(settings: Settings, choice: _Choice, executor: Executor) -> PartJob:
    paths, config = settings.paths, settings.embed
    engine = choice.engine
    # Threads share one network and its threads; processes share out the cores.
    threads = n_cores() if executor.kind == "threads" else max(1, n_cores() // executor.n_workers)
    return PartJob(
        images=paths.images,
        staging=staging_url(paths.embeddings),
        spec=EncoderSpec(
            config.model, config.weights, engine.engine, engine.precision, engine.device
        ),
        resize=config.resize,
        limits=DecodeLimits.of(config),
        dtype=config.dtype,
        threads=threads,
        cache=paths.cache,
    )


def _known(
    old: EmbeddingStore | None, entries: Sequence[Entry]
) -> dict[str, tuple[int, str, bytes]]:
    """Size, stamp and content of those of the files that the store has seen, and of no others."""
    if old is None:
        return {}
    table = old.table("aliases", ["file", "nbytes", "modified", "content_id"])
    asked = pa.array(list(dict.fromkeys(entry.file for entry in entries)), pa.string())
    # Of the banners with one file the last says what it holds.
    backwards = table.take(pa.array(np.arange(len(table))[::-1]))
    place = pa.compute.index_in(asked, value_set=backwards["file"])
    there = pa.compute.is_valid(place)
    found = backwards.take(place.filter(there))
    columns = (found[name].to_pylist() for name in ("nbytes", "modified", "content_id"))
    return dict(zip(asked.filter(there).to_pylist(), zip(*columns, strict=True), strict=True))


def _verdicts(old: EmbeddingStore | None) -> dict[bytes, tuple[str, str]]:
    """Contents that were rejected earlier; what another limit or try could mend is left out."""
    if old is None:
        return {}
    return {
        row["content_id"]: (row["reason"], row["detail"])
        for row in old.table("rejected").to_pylist()
        if row["content_id"] is not None and row["reason"] not in _MAY_PASS_LATER
    }


def _fresh(
    entries: Sequence[Entry],
    contents: dict[str, bytes],
    old: EmbeddingStore | None,
    verdicts: dict[bytes, tuple[str, str]],
) -> list[tuple[bytes, str]]:
    """Contents that are neither in the store nor rejected, each with its first file."""
    fresh: dict[bytes, str] = {}
    for entry in entries:
        content = contents.get(entry.file)
        if content is not None and content not in verdicts:
            fresh.setdefault(content, entry.file)
    if old is None:
        return list(fresh.items())
    rows = RowIndex(old).rows_of(list(fresh))
    return [item for item, row in zip(fresh.items(), rows.tolist(), strict=True) if row < 0]


def _part_rows(most: int, n_fresh: int) -> int:
    """Rows of a part: fewer in a small job, so that all workers have some.

    Not by the number of workers: a run with another number must find the parts of the one before.
    """
    share = -(-n_fresh // _PARTS_OF_A_SMALL_JOB)
    return min(most, max(_LEAST_PART_ROWS, 1 << max(share - 1, 0).bit_length()))


def _stage(parts: Sequence[Part], job: PartJob, executor: Executor, progress: Progress) -> float:
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


def _described(
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


def _commit(
    settings: Settings,
    choice: _Choice,
    lease: Lease,
    old: EmbeddingStore | None,
    parts: Sequence[Part],
    job: PartJob,
    described: list[pa.Table],
    kept: ledger.Ledger,
) -> EmbeddingStore:
    """Commit parts and tables; nothing is written where nothing changed."""
    if (
        old is not None
        and not any(len(table) for table in described)
        and kept.aliases.equals(old.table("aliases"))
        and kept.rejected.equals(old.table("rejected"))
    ):
        return old
    before = [] if old is None else [old.table("rows").cast(ledger.ROWS)]
    return commit.commit(
        settings.paths.embeddings,
        _blocks(parts, job),
        {
            "rows": pa.concat_tables([*before, *described]),
            "aliases": kept.aliases,
            "rejected": kept.rejected,
        },
        lease=lease,
        recipe=choice.recipe,
        n_features=choice.model.n_features,
        dtype=settings.embed.dtype,
        chunk_rows=settings.embed.chunk_rows,
        info={"source": settings.paths.images, "environment": environment()},
    )


def _clear_staging(
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


def _blocks(parts: Sequence[Part], job: PartJob) -> Iterator[commit.Block]:
    """Yield the values and content ids of the parts, one part in memory at a time."""
    for part in parts:
        table = read_part(job.staging, part)
        table = table.filter(pa.compute.is_null(table["reason"]))
        if len(table):
            dtype = np.dtype(job.dtype).newbyteorder("<")
            values = np.frombuffer(b"".join(table["embedding"].to_pylist()), dtype)
            ids = np.frombuffer(b"".join(table["content_id"].to_pylist()), np.uint8)
            yield values.reshape(len(table), -1), ids.reshape(len(table), 32)


def _most_common(rejected: pa.Table) -> str:
    counted = Counter(rejected["reason"].to_pylist()).most_common(3)
    return ", ".join(f"{n} {reason}" for reason, n in counted)
