"""The stage: contents of the store in, a table of their texts out; only what is new is read."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.config import Settings
from bannercluster.encoders import resolve_engine
from bannercluster.encoders.ocr import ReaderSpec, describe_reader
from bannercluster.errors import UsageError
from bannercluster.media import DecodeLimits
from bannercluster.ocr.memory import plan_memory
from bannercluster.ocr.parts import Part, PartJob, read_part
from bannercluster.ocr.wanted import Content, Fresh, Wanted, find_fresh, find_wanted
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.environment import environment, library_version
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import worker_count
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import files, ocr, points, tables
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.lease import Lease, hold
from bannercluster.store.parts import part_rows

_THREADS_UP_TO = 4  # workers; more of them are processes, whose Python code runs side by side
_PARTS_OF_A_SMALL_JOB = 4
_LIBRARIES = ("opencv-python-headless", "openvino", "rapidocr")


@dataclass(frozen=True)
class OcrResult:
    """What a run did.

    Parameters
    ----------
    n_in, n_ok, n_rejected : int
        Contents whose text was wanted: ``n_in = n_ok + n_rejected``.
    n_with_text : int
        Of ``n_ok``, those that show any text.
    n_new : int
        Contents that this run read, or tried to.
    n_left_out : int
        Contents whose banners have text in the table, or that have no file; not counted above.
    reasons : tuple of (reason, contents)
    table : str
    precision : str
    load_s, read_s, duration_s : float
        Wall time of loading the networks, of decoding and reading, and of all.
    """

    n_in: int
    n_ok: int
    n_rejected: int
    n_with_text: int
    n_new: int
    n_left_out: int
    reasons: tuple[tuple[str, int], ...]
    table: str
    precision: str
    load_s: float
    read_s: float
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        rate = round(self.n_new / max(self.read_s, 1e-9), 1) if self.n_new else None
        counted = Table(
            f"{self.table}: texts of {self.n_ok:,} images",
            ("images", "with text", "without", "rejected", "read now", "images/s", "left out"),
            (
                (
                    self.n_in,
                    self.n_with_text,
                    self.n_ok - self.n_with_text,
                    self.n_rejected,
                    self.n_new,
                    rate,
                    self.n_left_out,
                ),
            ),
        )
        if not self.reasons:
            return (counted,)
        return (counted, Table("Rejected images", ("reason", "images"), self.reasons))


@dataclass(frozen=True)
class _Job:
    """What is to be read, and how."""

    store: EmbeddingStore
    wanted: Wanted
    spec: ReaderSpec
    limits: DecodeLimits
    recipe: dict[str, Any]
    record: ocr.OcrRecord | None

    @property
    def generation(self) -> int:
        """Number of the commit to come."""
        return 1 if self.record is None else self.record.generation + 1

    def name(self, contents: Sequence[bytes], generation: int | None = None) -> str:
        """Return the name of a part."""
        recipe = {**self.recipe, "limits": asdict(self.limits)}
        return ocr.part_name(contents, recipe, generation or self.generation)


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs; reads no image.

    Raises
    ------
    UsageError
        If there is no store, or no folder of images.
    IncompatibleStoreError
        If the texts that are there were read in another way.
    EngineError
        If the networks or the precision cannot be had here.
    """
    job = _job(settings)
    config, wanted = settings.ocr, job.wanted
    n_old = 0 if job.record is None else job.record.counts["contents"]
    left_out = f"{wanted.n_with_text:,} with text in the table"
    if wanted.n_without_file:
        left_out += f", {wanted.n_without_file:,} without a file"
    summary = (
        ("images", f"{len(wanted.contents):,} of {job.store.url} in {settings.paths.images}"),
        ("left out", left_out),
        ("reader", f"rapidocr {library_version('rapidocr')} on openvino, {job.spec.precision}"),
        ("lines", f"found at {config.max_side} px, confidence >= {config.min_confidence:g}"),
        ("texts", f"{settings.paths.ocr} ({n_old:,} images so far)"),
    )
    prefer = _prefer(settings)
    return StagePlan("ocr", summary, plan_memory(settings, len(wanted.contents), prefer), prefer)


def run(settings: Settings, *, executor: Executor, progress: Progress) -> OcrResult:
    """Read what is new and commit it.

    Raises
    ------
    UsageError, IncompatibleStoreError, EngineError
        As :func:`plan`.
    StoreError
        If the texts cannot be written; the last good state stays.
    LeaseHeldError
        If another process writes texts to the same folder.
    """
    with hold(settings.paths.ocr, "bc ocr") as lease:
        return _run(settings, lease, executor, progress)


def _run(settings: Settings, lease: Lease, executor: Executor, progress: Progress) -> OcrResult:
    started = time.perf_counter()
    job, url = _job(settings), settings.paths.ocr
    listed = () if job.record is None else job.record.parts
    columns = ["content_id", "reason", "detail"]
    before = ocr.read_rows(url, listed, columns)
    fresh = find_fresh(job.wanted, before)
    adopted, parts = _parts(job, url, listed, fresh, settings.ocr.part_rows)
    reading = time.perf_counter()
    load_s, n_read = _read_parts(settings, job, parts, executor, progress)
    read_s = time.perf_counter() - reading - load_s
    names = [*adopted, *(part.name for part in parts)]
    same = [name for name in names if _says_nothing_new(url, name, before)]
    new = [name for name in names if name not in same]
    rows = ocr.read_rows(url, [*listed, *new], [*columns, "text"])
    if new or job.record is None:
        lease.check()
        ocr.write_record(url, _record(settings, job, (*listed, *new), rows))
    for name in same:
        files.remove(ocr.part_url(url, name), points.OCR_SAME)
    asked = pa.array([content for content, _ in job.wanted.contents], pa.binary(32))
    rows = rows.filter(pc.is_in(rows["content_id"], value_set=asked))
    rejected = Counter(reason for reason in rows["reason"].to_pylist() if reason is not None)
    n_rejected = sum(rejected.values())
    return OcrResult(
        len(asked),
        len(rows) - n_rejected,
        n_rejected,
        _n_with_text(rows),
        n_read,
        job.wanted.n_with_text + job.wanted.n_without_file,
        tuple(rejected.most_common()),
        url,
        job.spec.precision,
        load_s,
        read_s,
        time.perf_counter() - started,
    )


def _job(settings: Settings) -> _Job:
    config, paths = settings.ocr, settings.paths
    store = EmbeddingStore.open(paths.embeddings)
    wanted = find_wanted(store, config)
    if not files.exists(paths.images):
        raise UsageError(
            f"there is no folder {paths.images}; expected the images of {paths.embeddings}: name "
            "their folder with --images"
        )
    precision = resolve_engine("openvino", config.precision, "cpu").precision
    spec = ReaderSpec(precision, config.max_side, config.min_confidence)
    about = describe_reader(spec)
    recipe = {
        "engine": about.engine,
        "precision": about.precision,
        "models": dict(about.models),
        "rules": about.rules,
        "max_side": spec.max_side,
        "min_confidence": spec.min_confidence,
    }
    record = ocr.load_record_if_any(paths.ocr)
    if record is not None:
        record.check_recipe(recipe, paths.ocr)
    return _Job(store, wanted, spec, DecodeLimits.of(settings.embed), recipe, record)


def _prefer(settings: Settings) -> Literal["threads", "processes"]:
    return "processes" if worker_count(settings.runtime) > _THREADS_UP_TO else "threads"


def _parts(
    job: _Job, url: str, listed: Sequence[str], fresh: Fresh, most_rows: int
) -> tuple[list[str], list[Part]]:
    """Return finished parts of an ended run that was about other contents, and the parts to come.

    Where nothing but the end of that run has happened, its parts are those of this one.
    """
    parts = _cut(job, fresh, most_rows)
    own = {part.name for part in parts}
    adopted: list[str] = []
    done: set[bytes] = set()
    for name in ocr.part_names(url):
        if name in own or name in listed:
            continue
        contents = tables.read(ocr.part_url(url, name), ["content_id"])["content_id"].to_pylist()
        if name == job.name(contents):
            adopted.append(name)
            done.update(contents)
        elif name == job.name(contents, job.generation - 1):
            # It says nothing new: the run that found so ended before it could remove it.
            files.remove(ocr.part_url(url, name), points.OCR_SAME)
    if done:
        parts = _cut(job, fresh.without(done), most_rows)
    return adopted, parts


def _cut(job: _Job, fresh: Fresh, most_rows: int) -> list[Part]:
    """Cut what is new into parts, and apart from it what is tried once more."""
    return [*_cut_alike(job, fresh.new, most_rows), *_cut_alike(job, fresh.again, most_rows)]


def _cut_alike(job: _Job, fresh: Sequence[Content], most_rows: int) -> list[Part]:
    """Cut contents into parts."""
    size = part_rows(most_rows, len(fresh), _PARTS_OF_A_SMALL_JOB)
    cut = [tuple(fresh[low : low + size]) for low in range(0, len(fresh), size)]
    return [Part(job.name([content for content, _ in own]), own) for own in cut]


def _read_parts(
    settings: Settings, job: _Job, parts: Sequence[Part], executor: Executor, progress: Progress
) -> tuple[float, int]:
    """Read the parts that do not lie there yet.

    Returns
    -------
    load_s : float
        Seconds until the networks were loaded on the worker that took longest.
    n_read : int
        Contents of those parts.
    """
    url = settings.paths.ocr
    there = set(ocr.part_names(url))
    todo = [part for part in parts if part.name not in there]
    progress.start("ocr", sum(len(part.contents) for part in parts), "images")
    try:
        done_already = sum(len(part.contents) for part in parts if part.name in there)
        progress.advance(done_already, "loading the networks" if todo else "")
        if not todo:
            return 0.0, 0
        # Threads share one reader and its threads; processes share out the cores.
        shares = 1 if executor.kind == "threads" else executor.n_workers
        threads = max(1, n_cores() // shares)
        shared = executor.share(PartJob(settings.paths.images, url, job.spec, job.limits, threads))
        load_s = 0.0
        finished = executor.map_unordered(partial(read_part, shared), todo)
        for nth, (_, done) in enumerate(finished, len(parts) - len(todo) + 1):
            progress.advance(done.n_rows, f"part {nth} of {len(parts)}")
            load_s = max(load_s, done.load_s)
        return load_s, sum(len(part.contents) for part in todo)
    finally:
        progress.finish()


def _says_nothing_new(url: str, name: str, before: pa.Table) -> bool:
    """Whether a part only rejects once more what is rejected for the same reason."""
    rows = tables.read(ocr.part_url(url, name), ["content_id", "reason"])
    if rows["reason"].null_count:
        return False
    old = before["reason"].take(pc.index_in(rows["content_id"], value_set=before["content_id"]))
    return bool(old.to_pylist() == rows["reason"].to_pylist())


def _record(settings: Settings, job: _Job, parts: tuple[str, ...], rows: pa.Table) -> ocr.OcrRecord:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    n_rejected = len(rows) - rows["reason"].null_count
    n_with_text = _n_with_text(rows)
    counts = {
        "contents": len(rows),
        "with_text": n_with_text,
        "without_text": len(rows) - n_rejected - n_with_text,
        "rejected": n_rejected,
    }
    versions = {name: library_version(name) for name in _LIBRARIES}
    info = {
        "source": settings.paths.images,
        "embeddings": settings.paths.embeddings,
        "versions": versions,
        "environment": environment(),
    }
    created = now if job.record is None else job.record.created
    return ocr.OcrRecord(job.generation, job.recipe, parts, counts, created, now, info)


def _n_with_text(rows: pa.Table) -> int:
    return pc.sum(pc.not_equal(rows["text"], "").fill_null(False)).as_py() or 0
