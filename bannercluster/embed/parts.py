"""One task: about a thousand contents read, decoded, encoded and staged under a name of their own.

A part is a Parquet file with a row per content, embedded or rejected. Its name is the hash of its
contents and of all that shapes the result, so that a part that lies there is done, whoever made
it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from queue import SimpleQueue

import numpy as np
import pyarrow as pa

from bannercluster.embed.ledger import ROWS
from bannercluster.encoders import EncoderSpec, load_encoder
from bannercluster.encoders.spec import Encoder
from bannercluster.errors import StoreError, WeightsError
from bannercluster.media import DecodedImage, DecodeLimits, ImageRejected, Resize, decoders
from bannercluster.media.decoders import prepare
from bannercluster.media.reading import read_image
from bannercluster.runtime.executor import Shared
from bannercluster.store import files, points, tables
from bannercluster.store.embeddings import Dtype
from bannercluster.store.fingerprint import content_id, of_contents

_WINDOW = 128
"""Images that are encoded together, sorted by shape: a network is slower where shapes alternate."""

_CHANGED = "the file changed while it was embedded: embed again"

SCHEMA = pa.schema(
    [*ROWS, ("reason", pa.string()), ("detail", pa.string()), ("embedding", pa.binary())]
)
"""A row of the store's table, or the reason why there is none; the values as bytes."""


@dataclass(frozen=True)
class Part:
    """Contents to embed together, each with a file that holds it."""

    name: str
    contents: tuple[tuple[bytes, str], ...]


@dataclass(frozen=True)
class PartJob:
    """What all parts of a run have in common.

    Parameters
    ----------
    images, staging : str
    spec : EncoderSpec
    resize : {"native", "letterbox", "squash"}
    limits : DecodeLimits
    dtype : {"float16", "float32"}
    threads : int
        Inference threads of a process.
    cache : str
        Folder of exported networks.
    weights_sha256 : str or None
        Of the weights that the parts are named after; None does not look.
    decoder : tuple of str
        Arguments of Python that start the process that decodes.
    """

    images: str
    staging: str
    spec: EncoderSpec
    resize: Resize
    limits: DecodeLimits
    dtype: Dtype
    threads: int
    cache: str
    weights_sha256: str | None = None
    decoder: tuple[str, ...] = field(default_factory=lambda: decoders.DECODER)


@dataclass(frozen=True)
class PartDone:
    """Counts of a finished part, and the seconds until its network was loaded."""

    n_ok: int
    n_rejected: int
    load_s: float


@dataclass(frozen=True)
class _Outcome:
    content: bytes
    file: str
    nbytes: int
    image: DecodedImage | None = None
    reason: str | None = None
    detail: str | None = None


def cut_parts(contents: Sequence[tuple[bytes, str]], size: int, recipe_id: str) -> list[Part]:
    """Cut contents into parts of ``size``, in their order."""
    parts = []
    for low in range(0, len(contents), size):
        own = tuple(contents[low : low + size])
        parts.append(Part(of_contents((content for content, _ in own), recipe_id), own))
    return parts


def part_url(staging: str, part: Part) -> str:
    """Return where a part is staged."""
    return files.join(staging, f"{part.name[:32]}.parquet")


def embed_part(shared: Shared[PartJob], part: Part) -> PartDone:
    """Embed the contents of a part and stage them. Idempotent."""
    started = time.perf_counter()
    job = shared.get()
    encoder = load_encoder(job.spec, threads=job.threads, cache_dir=job.cache)
    load_s = time.perf_counter() - started
    _check_weights(job, encoder)
    rows: dict[bytes, dict[str, object]] = {}
    window: list[_Outcome] = []
    for outcome in _decoded(job, part, encoder.info.input_size):
        if outcome.image is None:
            rows[outcome.content] = _row(outcome, None)
            continue
        window.append(outcome)
        if len(window) >= _WINDOW:
            _encode(encoder, window, job.dtype, rows)
            window = []
    _encode(encoder, window, job.dtype, rows)
    ordered = [rows[content] for content, _ in part.contents]
    tables.write(
        part_url(job.staging, part), pa.Table.from_pylist(ordered, schema=SCHEMA), points.PART
    )
    n_ok = sum(row["reason"] is None for row in ordered)
    return PartDone(n_ok, len(ordered) - n_ok, load_s)


def _check_weights(job: PartJob, encoder: Encoder) -> None:
    """Refuse to put features of other weights under the name of these: a worker may have others."""
    found, expected = encoder.info.weights_sha256, job.weights_sha256
    if expected is not None and found != expected:
        raise WeightsError(
            f"{job.spec.model} has other weights here ({encoder.info.weights_source}, sha256 "
            f"{found[:12]}) than where the run was started ({expected[:12]}): bring the same file "
            "to all workers"
        )


def _decoded(job: PartJob, part: Part, input_size: int) -> Iterator[_Outcome]:
    """Yield the images as they are decoded, ahead of inference by a bounded number.

    In no order: an image that takes long must not hold up those behind it. As many threads again
    as there are places wait with a slow child, or read the next file.
    """
    decode = partial(_decode, job, input_size)
    pending = iter(part.contents)
    done: SimpleQueue[Future[_Outcome]] = SimpleQueue()
    pool = ThreadPoolExecutor(2 * max(job.threads, 1), thread_name_prefix="decode")
    try:
        for item in islice(pending, 2 * _WINDOW):
            pool.submit(decode, item).add_done_callback(done.put)
        for _ in part.contents:
            outcome = done.get().result()
            for item in islice(pending, 1):
                pool.submit(decode, item).add_done_callback(done.put)
            yield outcome
    finally:
        pool.shutdown(cancel_futures=True)


def _decode(job: PartJob, input_size: int, item: tuple[bytes, str]) -> _Outcome:
    content, file = item
    try:
        data = read_image(job.images, file, job.limits.max_nbytes)
    except ImageRejected as error:
        if error.reason == "unreadable":
            return _Outcome(content, file, 0, None, error.reason, error.detail)
        return _Outcome(content, file, 0, None, "changed", f"{_CHANGED} ({error})")
    if content_id(data) != content:
        return _Outcome(content, file, len(data), None, "changed", _CHANGED)
    try:
        image = prepare(
            data,
            resize=job.resize,
            input_size=input_size,
            limits=job.limits,
            places=job.threads,
            decoder=job.decoder,
        )
    except ImageRejected as error:
        return _Outcome(content, file, len(data), None, error.reason, error.detail)
    return _Outcome(content, file, len(data), image)


def _encode(
    encoder: Encoder, window: list[_Outcome], dtype: Dtype, rows: dict[bytes, dict[str, object]]
) -> None:
    """Encode a window of decoded images, neighbours of one shape, and note their rows."""
    by_shape: dict[tuple[int, ...], list[_Outcome]] = defaultdict(list)
    for outcome in window:
        if outcome.image is not None:
            by_shape[outcome.image.rgb.shape].append(outcome)
    batches = [by_shape[shape] for shape in sorted(by_shape)]
    if encoder.mixed_shapes and batches:
        batches = [list(chain.from_iterable(batches))]
    for batch in batches:
        features = encoder.encode([image.rgb for image in (one.image for one in batch) if image])
        # float16 may overflow to infinity: that is a rejected row, not a warning.
        with np.errstate(over="ignore"):
            values = features.astype(np.dtype(dtype).newbyteorder("<"))
        for outcome, row in zip(batch, values, strict=True):
            rows[outcome.content] = _row(outcome, row)


def _row(outcome: _Outcome, values: np.ndarray | None) -> dict[str, object]:
    image = outcome.image
    row: dict[str, object] = {
        "content_id": outcome.content,
        "file": outcome.file,
        "nbytes": outcome.nbytes,
        "reason": outcome.reason,
        "detail": outcome.detail,
    }
    if image is None or values is None:
        return row
    if not np.isfinite(values).all():
        return {**row, "reason": "not_finite", "detail": f"features overflow {values.dtype}"}
    return {
        **row,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "n_frames": image.n_frames,
        "frame": image.frame,
        "embedding": values.tobytes(),
    }


def read_part(staging: str, part: Part) -> pa.Table:
    """Read a staged part.

    Raises
    ------
    StoreError
        If it is not the part that its name says.
    """
    url = part_url(staging, part)
    table = tables.read(url)
    if table["content_id"].to_pylist() != [content for content, _ in part.contents]:
        raise StoreError(
            f"the staged part {url} holds other contents than its name says; delete it"
        )
    return table
