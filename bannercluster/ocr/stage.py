"""The stage: contents of the store in, a table of their texts out; only what is new is read."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.config import Settings
from bannercluster.encoders import resolve_engine
from bannercluster.encoders.ocr import ReaderSpec, describe_reader
from bannercluster.errors import UsageError
from bannercluster.media import DecodeLimits
from bannercluster.ocr.memory import plan_memory
from bannercluster.ocr.parts import PartJob, read_part
from bannercluster.ocr.wanted import Fresh, Wanted, find_fresh, find_wanted
from bannercluster.runtime.environment import environment, library_version
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.networks import NetworkPlan, inference_threads
from bannercluster.runtime.parts import compute_parts
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import files, ocr, points, tables
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.fingerprint import fingerprint
from bannercluster.store.lease import Lease, hold
from bannercluster.store.parts import Content, Part, PartFolder, cut_parts, part_name, part_rows

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

    def recipe_id(self, generation: int) -> str:
        """Return what the parts of a commit are named after, beside their contents.

        By the generation, what is tried again gets another name.
        """
        return fingerprint({**self.recipe, "limits": asdict(self.limits), "generation": generation})


def plan(settings: Settings, banners: pa.Array | None = None) -> StagePlan:
    """Say what a run would do, and what it needs; reads no image.

    Parameters
    ----------
    settings : Settings
    banners : array of str, optional
        As for :func:`run`; they need not be in the store yet.

    Raises
    ------
    UsageError
        If there is no store, or no folder of images.
    IncompatibleStoreError
        If the texts that are there were read in another way.
    EngineError
        If the networks or the precision cannot be had here.
    """
    job = _job(settings, banners)
    config, wanted = settings.ocr, job.wanted
    n_images = len(wanted.contents) if banners is None else len(banners)
    asked = f"{n_images:,} of {job.store.url} in {settings.paths.images}"
    n_old = 0 if job.record is None else job.record.counts["contents"]
    left_out = f"{wanted.n_with_text:,} with text in the table"
    if wanted.n_without_file:
        left_out += f", {wanted.n_without_file:,} without a file"
    summary = (
        ("images", asked if banners is None else f"up to {asked}, of these banners alone"),
        ("left out", left_out),
        ("reader", f"rapidocr {library_version('rapidocr')} on openvino, {job.spec.precision}"),
        ("lines", f"found at {config.max_side} px, confidence >= {config.min_confidence:g}"),
        ("texts", f"{settings.paths.ocr} ({n_old:,} images so far)"),
    )
    memory = plan_memory(settings, n_images)
    return StagePlan("ocr", summary, memory, NetworkPlan.of(settings.runtime).prefer)


def run(
    settings: Settings,
    *,
    executor: Executor,
    progress: Progress,
    banners: pa.Array | None = None,
) -> OcrResult:
    """Read what is new and commit it.

    Parameters
    ----------
    settings : Settings
    executor : Executor
    progress : Progress
    banners : array of str, optional
        What the banners are called whose images are wanted, where the folder of images holds
        theirs and no others; all by default.

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
        return _run(settings, banners, lease, executor, progress)


def _run(
    settings: Settings,
    banners: pa.Array | None,
    lease: Lease,
    executor: Executor,
    progress: Progress,
) -> OcrResult:
    started = time.perf_counter()
    job, url = _job(settings, banners), settings.paths.ocr
    listed = () if job.record is None else job.record.parts
    columns = ["content_id", "reason", "detail"]
    before = ocr.read_rows(url, listed, columns)
    fresh = find_fresh(job.wanted, before)
    folder = ocr.parts_in(url)
    adopted, parts = _parts(job, folder, listed, fresh, settings.ocr.part_rows)
    threads = inference_threads(executor)
    computed = compute_parts(
        read_part,
        PartJob(settings.paths.images, folder, job.spec, job.limits, threads),
        parts,
        folder.missing(parts),
        executor,
        progress,
        stage="ocr",
        unit="images",
        loading="loading the networks",
    )
    names = [*adopted, *(part.name for part in parts)]
    same = [name for name in names if _says_nothing_new(folder.url_of(name), before)]
    new = [name for name in names if name not in same]
    rows = ocr.read_rows(url, [*listed, *new], [*columns, "text"])
    if new or job.record is None:
        lease.check()
        ocr.write_record(url, _record(settings, job, (*listed, *new), rows))
    for name in same:
        files.remove(folder.url_of(name), points.OCR_SAME)
    asked = pa.array([content for content, _ in job.wanted.contents], pa.binary(32))
    rows = rows.filter(pc.is_in(rows["content_id"], value_set=asked))
    rejected = Counter(reason for reason in rows["reason"].to_pylist() if reason is not None)
    n_rejected = sum(rejected.values())
    return OcrResult(
        len(asked),
        len(rows) - n_rejected,
        n_rejected,
        _n_with_text(rows),
        computed.n_contents,
        job.wanted.n_with_text + job.wanted.n_without_file,
        tuple(rejected.most_common()),
        url,
        job.spec.precision,
        computed.load_s,
        computed.work_s,
        time.perf_counter() - started,
    )


def _job(settings: Settings, banners: pa.Array | None) -> _Job:
    config, paths = settings.ocr, settings.paths
    store = EmbeddingStore.open(paths.embeddings)
    wanted = find_wanted(store, settings, banners)
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


def _parts(
    job: _Job, folder: PartFolder, listed: Sequence[str], fresh: Fresh, most_rows: int
) -> tuple[list[str], list[Part]]:
    """Return finished parts of an ended run that was about other contents, and the parts to come.

    Where nothing but the end of that run has happened, its parts are those of this one.
    """
    parts = _cut(job, fresh, most_rows)
    own = {part.name for part in parts}
    adopted: list[str] = []
    done: set[bytes] = set()
    this, before = (job.recipe_id(job.generation - ago) for ago in (0, 1))
    for name in folder.names():
        if name in own or name in listed:
            continue
        contents = tables.read(folder.url_of(name), ["content_id"])["content_id"].to_pylist()
        if name == part_name(contents, this):
            adopted.append(name)
            done.update(contents)
        elif name == part_name(contents, before):
            # It says nothing new: the run that found so ended before it could remove it.
            files.remove(folder.url_of(name), points.OCR_SAME)
    if done:
        parts = _cut(job, fresh.without(done), most_rows)
    return adopted, parts


def _cut(job: _Job, fresh: Fresh, most_rows: int) -> list[Part]:
    """Cut what is new into parts, and apart from it what is tried once more."""
    return [*_cut_alike(job, fresh.new, most_rows), *_cut_alike(job, fresh.again, most_rows)]


def _cut_alike(job: _Job, fresh: Sequence[Content], most_rows: int) -> list[Part]:
    """Cut contents into parts."""
    size = part_rows(most_rows, len(fresh), _PARTS_OF_A_SMALL_JOB)
    return cut_parts(fresh, size, job.recipe_id(job.generation))


def _says_nothing_new(url: str, before: pa.Table) -> bool:
    """Whether a part only rejects once more what is rejected for the same reason."""
    rows = tables.read(url, ["content_id", "reason"])
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
