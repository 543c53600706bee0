"""The stage: a folder of images in, a committed store out; only what is new is embedded."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import pyarrow as pa
import pyarrow.compute

from bannercluster.config import Settings
from bannercluster.embed import ledger
from bannercluster.embed.choice import Choice
from bannercluster.embed.inventory import list_files, take_inventory
from bannercluster.embed.known import fresh_contents, known_files, known_verdicts
from bannercluster.embed.memory import plan_memory
from bannercluster.embed.parts import Part, PartJob, cut_parts
from bannercluster.embed.staging import (
    blocks_of,
    clear_staging,
    compute_parts,
    described_rows,
)
from bannercluster.encoders import (
    EncoderSpec,
    load_encoder,
)
from bannercluster.errors import DataError
from bannercluster.media import DecodeLimits
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.environment import environment
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import worker_count
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import commit
from bannercluster.store.embeddings import EmbeddingStore, staging_url
from bannercluster.store.fingerprint import fingerprint
from bannercluster.store.lease import Lease, hold
from bannercluster.store.parts import part_rows

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
    choice = Choice.of(settings)
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
    choice = Choice.of(settings)
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
        known_files(old, listing.entries),
        executor,
        progress,
        job.limits.max_nbytes,
    )
    verdicts = known_verdicts(old)
    fresh = fresh_contents(listing.entries, inventory.contents, old, verdicts)
    whole = fingerprint({"recipe": choice.recipe, "limits": asdict(job.limits)})
    parts = cut_parts(fresh, part_rows(config.part_rows, len(fresh)), whole)
    embedding = time.perf_counter()
    job = replace(job, weights_sha256=choice.recipe["weights_sha256"])
    load_s = compute_parts(parts, job, executor, progress)
    embed_s = time.perf_counter() - embedding - load_s
    described, n_new = described_rows(parts, job.staging, verdicts)
    kept = ledger.keep_ledger(listing.entries, inventory, verdicts, old)
    if old is None and not n_new:
        raise DataError(
            f"none of the {len(listing.entries):,} files in {paths.images} could be embedded "
            f"({_most_common(kept.rejected)}); expected at least one readable image"
        )
    store = _commit(settings, choice, lease, old, parts, job, described, kept)
    clear_staging(job.staging, parts, store, verdicts)
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


def _job(settings: Settings, choice: Choice, executor: Executor) -> PartJob:
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


def _commit(
    settings: Settings,
    choice: Choice,
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
        blocks_of(parts, job),
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


def _most_common(rejected: pa.Table) -> str:
    counted = Counter(rejected["reason"].to_pylist()).most_common(3)
    return ", ".join(f"{n} {reason}" for reason, n in counted)
