"""The stage: a table of banners in, a committed store of texts out; only new texts are encoded."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bannercluster.config import Settings
from bannercluster.errors import DataError
from bannercluster.runtime.environment import environment
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.networks import NetworkPlan, inference_threads
from bannercluster.runtime.parts import compute_parts
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import commit
from bannercluster.store.aliases import new_to
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.fingerprint import fingerprint
from bannercluster.store.lease import Lease, hold
from bannercluster.store.parts import Content, cut_parts, part_rows
from bannercluster.store.staging import Staging
from bannercluster.text import ledger
from bannercluster.text.banners import Banners, load_banners
from bannercluster.text.choice import Choice
from bannercluster.text.compose import ComposeJob, compose_all
from bannercluster.text.memory import plan_memory
from bannercluster.text.pages import check_library
from bannercluster.text.parts import DESCRIBED, PartJob, embed_part
from bannercluster.text.recorded import MADE_WITH, made_with

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


def plan(settings: Settings, banners: pa.Array | None = None) -> StagePlan:
    """Say what a run would do, and what it needs; reads tables, no pages.

    Parameters
    ----------
    settings : Settings
    banners : array of str, optional
        As for :func:`run`; they need not be in the store of images yet.

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
    choice, known, store = _inputs(settings, None)
    engine, n_banners, said_nbytes = choice.engine, len(known.about), known.said.nbytes
    asked = f"{n_banners:,} in {known.source}"
    if banners is not None:
        # They may not be there yet: what is there is read, and they say as much as it does.
        said_nbytes += said_nbytes * len(banners) // max(n_banners, 1)
        n_banners = len(banners)
        asked = f"up to {n_banners:,} in {known.source}"
    summary = (
        ("banners", asked),
        ("text from", ", then ".join(known.said.column_names)),
        ("landing pages", settings.paths.landing_pages or "as HTML in the table only")
        if config.landing_column
        else ("landing pages", "none"),
        ("model", f"{choice.model.name}, {choice.model.n_features:,} features"),
        ("reads", f"{choice.model.max_tokens} tokens, {choice.model.pooling} of their vectors"),
        ("weights", choice.model.source),
        ("engine", f"{engine.engine} {engine.precision} on {engine.device}: {engine.reason}"),
        ("store", f"{url} ({store.n_rows:,} rows so far)" if store else f"{url} (new)"),
    )
    memory = plan_memory(
        settings,
        engine.engine,
        choice.model,
        said_nbytes,
        n_banners,
        store,
    )
    return StagePlan("text", summary, memory, NetworkPlan.of(settings.runtime).prefer)


def run(
    settings: Settings,
    *,
    executor: Executor,
    progress: Progress,
    banners: pa.Array | None = None,
) -> TextResult:
    """Embed the texts that are new and commit them.

    Parameters
    ----------
    settings : Settings
    executor : Executor
    progress : Progress
    banners : array of str, optional
        What the banners are called whose texts are wanted; the others keep theirs. All by default.

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
        return _run(settings, banners, lease, executor, progress)


def _inputs(
    settings: Settings, names: pa.Array | None
) -> tuple[Choice, Banners, EmbeddingStore | None]:
    if settings.text.landing_column is not None:
        check_library()
    choice = Choice.of(settings)
    store = EmbeddingStore.open_if_any(settings.paths.texts)
    if store is not None:
        commit.check_recipe(store, choice.recipe)
    return choice, load_banners(settings, names), store


def _run(
    settings: Settings,
    names: pa.Array | None,
    lease: Lease,
    executor: Executor,
    progress: Progress,
) -> TextResult:
    started = time.perf_counter()
    config = settings.text
    choice, banners, old = _inputs(settings, names)
    job = _job(settings, choice, executor)
    composing = ComposeJob(
        settings.paths.landing_pages, config.ocr, config.max_characters, config.max_page_bytes
    )
    composed = compose_all(banners.said, composing, executor, progress)
    n_texts, fresh = _fresh_texts(composed, old)
    size = part_rows(config.part_rows, len(fresh))
    parts = cut_parts(fresh, size, fingerprint({"recipe": choice.recipe}))
    missing = job.staging.missing(parts)
    computed = compute_parts(
        embed_part, job, parts, missing, executor, progress, stage="text", unit="texts"
    )
    described, verdicts = job.staging.rows_of(parts)
    kept = ledger.keep_ledger(banners, composed, verdicts, old)
    if old is None and not kept.n_with:
        why = ", ".join(f"{n} {reason}" for reason, n in kept.reasons[:3])
        raise DataError(
            f"none of the {len(banners.about):,} banners has a text ({why}); expected one at "
            "least: name other columns with --text-columns, or run `bc ocr` first"
        )
    new = ledger.in_rows(described, ledger.first_files(banners, composed))
    how = made_with(settings, banners)
    store = _commit(settings, choice, lease, old, job.staging.blocks_of(parts), new, kept, how)
    job.staging.clear(parts, store, verdicts)
    rows = store.table("rows", ["truncated", "unknown_share"])
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
        computed.load_s,
        computed.work_s,
        time.perf_counter() - started,
    )


def _fresh_texts(composed: pa.Table, old: EmbeddingStore | None) -> tuple[int, list[Content]]:
    """Return the number of distinct texts, and those that are not in the store, in their order."""
    place: dict[bytes, int] = {}
    for row, text_id in enumerate(composed["text_id"].to_pylist()):
        if text_id is not None:
            place.setdefault(text_id, row)
    texts = composed["text"]
    return len(place), [
        (text_id, texts[row].as_py()) for text_id, row in new_to(old, place.items())
    ]


def _job(settings: Settings, choice: Choice, executor: Executor) -> PartJob:
    return PartJob(
        staging=Staging.of(settings.paths.texts, DESCRIBED, settings.text.dtype),
        spec=choice.spec,
        weights_sha256=choice.model.weights_sha256,
        tokenizer_sha256=choice.model.tokenizer_sha256,
        threads=inference_threads(executor),
        cache=settings.paths.cache,
    )


def _commit(
    settings: Settings,
    choice: Choice,
    lease: Lease,
    old: EmbeddingStore | None,
    blocks: Iterable[commit.Block],
    new: pa.Table,
    kept: ledger.Ledger,
    how: dict[str, Any],
) -> EmbeddingStore:
    return commit.extend(
        settings.paths.texts,
        old,
        blocks,
        new.cast(ledger.ROWS),
        {"aliases": kept.aliases, "rejected": kept.rejected},
        lease=lease,
        recipe=choice.recipe,
        n_features=choice.model.n_features,
        dtype=settings.text.dtype,
        chunk_rows=settings.text.chunk_rows,
        info={"modality": "text", MADE_WITH: how, "environment": environment()},
        telling=(MADE_WITH,),
    )
