"""The stage: a folder of images in, a committed store out; only what is new is embedded."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import pyarrow as pa

from bannercluster.config import Settings
from bannercluster.embed import ledger
from bannercluster.embed.choice import Choice
from bannercluster.embed.inventory import list_files, take_inventory
from bannercluster.embed.known import fresh_contents, known_files, known_verdicts
from bannercluster.embed.memory import plan_memory
from bannercluster.embed.parts import PartJob, embed_part
from bannercluster.encoders import EncoderSpec, load_encoder
from bannercluster.errors import DataError
from bannercluster.media import DecodeLimits
from bannercluster.runtime.environment import environment
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.networks import NetworkPlan, inference_threads
from bannercluster.runtime.parts import compute_parts
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import commit
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.fingerprint import fingerprint
from bannercluster.store.lease import Lease, hold
from bannercluster.store.parts import cut_parts, part_rows
from bannercluster.store.staging import Staging


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
    memory = plan_memory(settings, engine.engine, choice.model, len(listing.entries), store)
    return StagePlan("embed", summary, memory, NetworkPlan.of(settings.runtime).prefer)


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
    job = replace(job, weights_sha256=choice.recipe["weights_sha256"])
    missing = job.staging.missing(parts)
    computed = compute_parts(
        embed_part, job, parts, missing, executor, progress, stage="embed", unit="images"
    )
    described, refused = job.staging.rows_of(parts)
    n_new = len(described)
    verdicts |= refused
    kept = ledger.keep_ledger(listing.entries, inventory, verdicts, old)
    if old is None and not n_new:
        raise DataError(
            f"none of the {len(listing.entries):,} files in {paths.images} could be embedded "
            f"({_most_common(kept.rejected)}); expected at least one readable image"
        )
    store = _commit(settings, choice, lease, old, job.staging.blocks_of(parts), described, kept)
    job.staging.clear(parts, store, verdicts)
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
        computed.load_s,
        computed.work_s,
        time.perf_counter() - started,
    )


def _job(settings: Settings, choice: Choice, executor: Executor) -> PartJob:
    paths, config = settings.paths, settings.embed
    engine = choice.engine
    return PartJob(
        images=paths.images,
        staging=Staging.of(paths.embeddings, ledger.ROWS, config.dtype),
        spec=EncoderSpec(
            config.model, config.weights, engine.engine, engine.precision, engine.device
        ),
        resize=config.resize,
        limits=DecodeLimits.of(config),
        threads=inference_threads(executor),
        cache=paths.cache,
    )


def _commit(
    settings: Settings,
    choice: Choice,
    lease: Lease,
    old: EmbeddingStore | None,
    blocks: Iterable[commit.Block],
    described: pa.Table,
    kept: ledger.Ledger,
) -> EmbeddingStore:
    return commit.extend(
        settings.paths.embeddings,
        old,
        blocks,
        described,
        {"aliases": kept.aliases, "rejected": kept.rejected},
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
