"""The stage: a table of banners in, a committed store of texts out; only new texts are encoded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from bannercluster.config import Settings
from bannercluster.errors import DataError
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.environment import environment
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import worker_count
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import commit
from bannercluster.store.aliases import RowIndex
from bannercluster.store.embeddings import EmbeddingStore, staging_url
from bannercluster.store.fingerprint import fingerprint
from bannercluster.store.lease import Lease, hold
from bannercluster.store.parts import part_rows
from bannercluster.text import ledger
from bannercluster.text.banners import Banners, load_banners
from bannercluster.text.choice import Choice
from bannercluster.text.compose import ComposeJob, compose_all
from bannercluster.text.memory import plan_memory
from bannercluster.text.pages import check_library
from bannercluster.text.parts import Part, PartJob, cut_parts
from bannercluster.text.staging import (
    blocks_of,
    clear_staging,
    compute_parts,
    described_rows,
)

_THREADS_UP_TO = 4  # workers; more of them are processes, whose Python code runs side by side
_MOSTLY = 0.5


@dataclass(frozen=True)
class TextResult:
    """What a run did.

    Parameters
    ----------
    n_banners, n_with_text, n_without_text : int
        Every banner of the run is counted once, ``n_banners = n_with_text + n_without_text``.
    n_rejected : int
        Rows with something wrong: pages that were not read, and banners without text for another
        reason than that they say nothing.
    n_texts, n_new : int
        Distinct texts of these banners, and those of them that this run encoded.
    n_rows, n_features, generation : int
        Of the store now.
    n_truncated, n_mostly_unknown : int
        Rows of the store whose end the model does not read, and of whose tokens it does not know
        more than half.
    reasons, sources : tuple of (name, number)
        Why banners have no text or pages were not read; how many texts come from where.
    store, model, engine, precision : str
    load_s, embed_s, duration_s : float
        Wall time of loading the network (the first time on a machine it is exported as well), of
        encoding, and of all.
    """

    n_banners: int
    n_with_text: int
    n_without_text: int
    n_rejected: int
    n_texts: int
    n_new: int
    n_rows: int
    n_features: int
    generation: int
    n_truncated: int
    n_mostly_unknown: int
    reasons: tuple[tuple[str, int], ...]
    sources: tuple[tuple[str, int], ...]
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
            f"{self.store}: {self.n_rows:,} texts x {self.n_features:,} features, {self.model}",
            ("banners", "with text", "without", "texts", "embedded now", "texts/s", "engine"),
            (
                (
                    self.n_banners,
                    self.n_with_text,
                    self.n_without_text,
                    self.n_texts,
                    self.n_new,
                    round(self.n_new / self.embed_s, 1) if self.n_new else None,
                    f"{self.engine} {self.precision}",
                ),
            ),
        )
        shown = [counted]
        for title, counts in (
            ("Where the texts come from", self.sources),
            ("Banners without text, and landing pages that were not read", self.reasons),
        ):
            if counts:
                word = "sources" if counts is self.sources else "reason"
                shown.append(Table(title, (word, "banners"), counts))
        read = (
            ("longer than the model reads: their ends are left out", self.n_truncated),
            (
                "more than half of the tokens unknown to the model: another language or script? "
                "A multilingual model reads it: --text-model "
                "FOLDER/paraphrase-multilingual-MiniLM-L12-v2",
                self.n_mostly_unknown,
            ),
        )
        rows = tuple((what, n) for what, n in read if n)
        if rows:
            shown.append(Table("What the model cannot read", ("texts that are", "texts"), rows))
        return tuple(shown)


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs; reads tables, no pages.

    Raises
    ------
    UsageError
        If there are no banners, or a column asked for is missing.
    WeightsError
        If the model is not here.
    IncompatibleStoreError
        If the store was made in another way.
    EngineError
        If an engine, precision, device or library asked for is not available.
    """
    config, url = settings.text, settings.paths.texts
    choice, banners, store = _inputs(settings)
    engine = choice.engine
    summary = (
        ("banners", f"{len(banners.about):,} in {banners.source}"),
        ("text from", ", then ".join(banners.said.column_names)),
        ("landing pages", settings.paths.landing_pages or "as HTML in the table only")
        if config.landing_column
        else ("landing pages", "none"),
        ("model", f"{choice.model.name}, {choice.model.n_features:,} features"),
        ("reads", f"{choice.model.max_tokens} tokens, {choice.model.pooling} of their vectors"),
        ("weights", choice.model.source),
        ("engine", f"{engine.engine} {engine.precision} on {engine.device}: {engine.reason}"),
        ("store", f"{url} ({store.n_rows:,} rows so far)" if store else f"{url} (new)"),
    )
    prefer = _prefer(settings)
    memory = plan_memory(
        settings,
        engine.engine,
        choice.model,
        banners.said.nbytes,
        len(banners.about),
        store,
        prefer,
    )
    return StagePlan("text", summary, memory, prefer)


def run(settings: Settings, *, executor: Executor, progress: Progress) -> TextResult:
    """Embed the texts that are new and commit them.

    Raises
    ------
    UsageError, WeightsError, IncompatibleStoreError, EngineError
        As :func:`plan`.
    DataError
        If not one banner has a text.
    StoreError
        If the store cannot be written; the last good state stays.
    LeaseHeldError
        If another process writes to the store.
    """
    with hold(settings.paths.texts, "bc text") as lease:
        return _run(settings, lease, executor, progress)


def _inputs(settings: Settings) -> tuple[Choice, Banners, EmbeddingStore | None]:
    if settings.text.landing_column is not None:
        check_library()
    choice = Choice.of(settings)
    store = EmbeddingStore.open_if_any(settings.paths.texts)
    if store is not None:
        commit.check_recipe(store, choice.recipe)
    return choice, load_banners(settings), store


def _run(settings: Settings, lease: Lease, executor: Executor, progress: Progress) -> TextResult:
    started = time.perf_counter()
    config = settings.text
    choice, banners, old = _inputs(settings)
    job = _job(settings, choice, executor)
    composing = ComposeJob(
        settings.paths.landing_pages, config.ocr, config.max_characters, config.max_page_bytes
    )
    composed = compose_all(banners.said, composing, executor, progress)
    n_texts, fresh = _fresh_texts(composed, old)
    size = part_rows(config.part_rows, len(fresh))
    parts = cut_parts(fresh, size, fingerprint({"recipe": choice.recipe}))
    embedding = time.perf_counter()
    load_s = compute_parts(parts, job, executor, progress)
    embed_s = time.perf_counter() - embedding - load_s
    described, verdicts = described_rows(parts, job.staging)
    kept = ledger.keep_ledger(banners, composed, verdicts, old)
    if old is None and not kept.n_with:
        why = ", ".join(f"{n} {reason}" for reason, n in kept.reasons[:3])
        raise DataError(
            f"none of the {len(banners.about):,} banners has a text ({why}); expected one at "
            "least: name other columns with --text-columns, or run `bc ocr` first"
        )
    new = ledger.in_rows(pa.concat_tables(described), ledger.first_files(banners, composed))
    store, rows = _commit(settings, choice, lease, old, parts, job, new, kept)
    clear_staging(job.staging, parts, store)
    return TextResult(
        len(banners.about),
        kept.n_with,
        kept.n_without,
        kept.n_refused,
        n_texts,
        len(new),
        store.n_rows,
        store.n_features,
        store.manifest.generation,
        sum(rows["truncated"].to_pylist()),
        ledger.mostly_unknown(rows, _MOSTLY),
        kept.reasons,
        kept.sources,
        settings.paths.texts,
        choice.model.name,
        choice.engine.engine,
        choice.engine.precision,
        load_s,
        embed_s,
        time.perf_counter() - started,
    )


def _fresh_texts(
    composed: pa.Table, old: EmbeddingStore | None
) -> tuple[int, list[tuple[bytes, str]]]:
    """Return the number of distinct texts, and those that are not in the store, in their order."""
    place: dict[bytes, int] = {}
    for row, text_id in enumerate(composed["text_id"].to_pylist()):
        if text_id is not None:
            place.setdefault(text_id, row)
    wanted = list(place.items())
    if old is not None:
        known = RowIndex(old).rows_of(list(place)).tolist()
        wanted = [item for item, row in zip(wanted, known, strict=True) if row < 0]
    texts = composed["text"]
    return len(place), [(text_id, texts[row].as_py()) for text_id, row in wanted]


def _prefer(settings: Settings) -> Literal["threads", "processes"]:
    return "processes" if worker_count(settings.runtime) > _THREADS_UP_TO else "threads"


def _job(settings: Settings, choice: Choice, executor: Executor) -> PartJob:
    # Threads share one network and its threads; processes share out the cores.
    threads = n_cores() if executor.kind == "threads" else max(1, n_cores() // executor.n_workers)
    return PartJob(
        staging=staging_url(settings.paths.texts),
        spec=choice.spec,
        weights_sha256=choice.model.weights_sha256,
        tokenizer_sha256=choice.model.tokenizer_sha256,
        dtype=settings.text.dtype,
        threads=threads,
        cache=settings.paths.cache,
    )


def _commit(
    settings: Settings,
    choice: Choice,
    lease: Lease,
    old: EmbeddingStore | None,
    parts: Sequence[Part],
    job: PartJob,
    new: pa.Table,
    kept: ledger.Ledger,
) -> tuple[EmbeddingStore, pa.Table]:
    """Commit parts and tables, and return the table of rows; unchanged, nothing is written."""
    rows = new.cast(ledger.ROWS)
    if old is not None:
        before = old.table("rows").cast(ledger.ROWS)
        rows = pa.concat_tables([before, rows])
        same = kept.aliases.equals(old.table("aliases"))
        if not len(new) and same and kept.rejected.equals(old.table("rejected")):
            return old, before
    store = commit.commit(
        settings.paths.texts,
        blocks_of(parts, job),
        {"rows": rows, "aliases": kept.aliases, "rejected": kept.rejected},
        lease=lease,
        recipe=choice.recipe,
        n_features=choice.model.n_features,
        dtype=settings.text.dtype,
        chunk_rows=settings.text.chunk_rows,
        info={"modality": "text", "environment": environment()},
    )
    return store, rows
