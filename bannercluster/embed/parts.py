"""One task: about a thousand contents read, decoded, encoded and staged."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from queue import SimpleQueue

import pyarrow as pa

from bannercluster.encoders import EncoderSpec, load_encoder
from bannercluster.encoders.spec import Encoder
from bannercluster.errors import WeightsError
from bannercluster.media import DecodedImage, DecodeLimits, ImageRejected, Resize, decoders
from bannercluster.media.decoders import prepare
from bannercluster.media.reading import read_image
from bannercluster.runtime.executor import Shared
from bannercluster.store.fingerprint import content_id
from bannercluster.store.parts import Content, Part
from bannercluster.store.staging import NOT_FINITE, Staging

_WINDOW = 128
"""Images that are encoded together, sorted by shape: a network is slower where shapes alternate."""

_CHANGED = "the file changed while it was embedded: embed again"


@dataclass(frozen=True)
class PartJob:
    """What all parts of a run have in common.

    Parameters
    ----------
    images : str
    staging : Staging
        Of the store.
    spec : EncoderSpec
    resize : {"native", "letterbox", "squash"}
    limits : DecodeLimits
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
    staging: Staging
    spec: EncoderSpec
    resize: Resize
    limits: DecodeLimits
    threads: int
    cache: str
    weights_sha256: str | None = None
    decoder: tuple[str, ...] = field(default_factory=lambda: decoders.DECODER)


@dataclass(frozen=True)
class _Outcome:
    content: bytes
    file: str
    nbytes: int
    image: DecodedImage | None = None
    reason: str | None = None
    detail: str | None = None


def embed_part(shared: Shared[PartJob], part: Part) -> float:
    """Embed the contents of a part and stage them. Idempotent.

    Returns
    -------
    load_s : float
        Seconds until the network was loaded.
    """
    started = time.perf_counter()
    job = shared.get()
    encoder = load_encoder(job.spec, threads=job.threads, cache_dir=job.cache)
    load_s = time.perf_counter() - started
    _check_weights(job, encoder)
    rows: dict[bytes, dict[str, object]] = {}
    window: list[_Outcome] = []
    for outcome in _decoded(job, part, encoder.info.input_size):
        if outcome.image is None:
            rows[outcome.content] = _row(outcome)
            continue
        window.append(outcome)
        if len(window) >= _WINDOW:
            _encode(encoder, window, job.staging, rows)
            window = []
    _encode(encoder, window, job.staging, rows)
    ordered = [rows[content] for content in part.ids]
    job.staging.write(part, pa.Table.from_pylist(ordered, schema=job.staging.schema))
    return load_s


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


def _decode(job: PartJob, input_size: int, item: Content) -> _Outcome:
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
    encoder: Encoder, window: list[_Outcome], staging: Staging, rows: dict[bytes, dict[str, object]]
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
        for outcome, values in zip(batch, staging.values_of(features), strict=True):
            told = outcome
            if values is None:
                told = replace(outcome, image=None, reason=NOT_FINITE, detail=staging.overflow)
            rows[told.content] = _row(told, values)


def _row(outcome: _Outcome, values: bytes | None = None) -> dict[str, object]:
    image = outcome.image
    row: dict[str, object] = {
        "content_id": outcome.content,
        "file": outcome.file,
        "nbytes": outcome.nbytes,
        "reason": outcome.reason,
        "detail": outcome.detail,
    }
    if image is None:
        return row
    return {
        **row,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "n_frames": image.n_frames,
        "frame": image.frame,
        "embedding": values,
    }
