"""One task: some hundred contents decoded, read and written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import numpy as np
import pyarrow as pa

from bannercluster.encoders.ocr import Line, ReaderSpec, ReadingFailed, load_reader
from bannercluster.media import DecodedImage, DecodeLimits, ImageRejected, decoders
from bannercluster.media.decoders import decode_near
from bannercluster.media.reading import read_image
from bannercluster.ocr.wanted import READING_FAILED
from bannercluster.runtime.executor import Shared
from bannercluster.store.fingerprint import content_id
from bannercluster.store.parts import Content, Part, PartFolder

WINDOW = 16
"""Images that are read together; as many more are decoded ahead."""

DECODED_SIDE = 2_000
"""Large JPEGs are decoded at a scale that leaves them at least about this many pixels a side."""

_CHANGED = "the file is another one than when it was embedded: embed again"


@dataclass(frozen=True)
class PartJob:
    """What all parts of a run have in common.

    Parameters
    ----------
    images : str
        Where they lie.
    parts : PartFolder
        Where the parts go.
    spec : ReaderSpec
    limits : DecodeLimits
    threads : int
        Inference threads of a process.
    decoder : tuple of str
        Arguments of Python that start the process that decodes.
    """

    images: str
    parts: PartFolder
    spec: ReaderSpec
    limits: DecodeLimits
    threads: int
    decoder: tuple[str, ...] = field(default_factory=lambda: decoders.DECODER)


@dataclass(frozen=True)
class _Outcome:
    content: bytes
    image: DecodedImage | None = None
    reason: str | None = None
    detail: str | None = None


def read_part(shared: Shared[PartJob], part: Part) -> float:
    """Read the contents of a part and write it. Idempotent.

    Returns
    -------
    load_s : float
        Seconds until the networks were loaded.
    """
    started = time.perf_counter()
    job = shared.get()
    reader = load_reader(job.spec, threads=job.threads)
    load_s = time.perf_counter() - started
    rows = []
    for window in _decoded(job, part):
        images = [one.image.rgb for one in window if one.image is not None]
        read = iter(reader.read(images))
        rows += [_row(one, None if one.image is None else next(read)) for one in window]
    job.parts.write(part, pa.Table.from_pylist(rows, job.parts.schema))
    return load_s


def _decoded(job: PartJob, part: Part) -> Iterator[list[_Outcome]]:
    """Yield windows of images in the order of the part, the next one decoded meanwhile."""
    pending = iter(part.contents)
    pool = ThreadPoolExecutor(2 * job.threads, thread_name_prefix="decode")
    decode = partial(_decode, job)
    try:
        following = [pool.submit(decode, item) for item in islice(pending, WINDOW)]
        while following:
            window = following
            following = [pool.submit(decode, item) for item in islice(pending, WINDOW)]
            yield [future.result() for future in window]
    finally:
        pool.shutdown(cancel_futures=True)


def _decode(job: PartJob, item: Content) -> _Outcome:
    content, file = item
    try:
        data = read_image(job.images, file, job.limits.max_nbytes)
    except ImageRejected as error:
        if error.reason == "unreadable":
            return _Outcome(content, None, error.reason, error.detail)
        return _Outcome(content, None, "changed", f"{_CHANGED} ({error})")
    if content_id(data) != content:
        return _Outcome(content, None, "changed", _CHANGED)
    try:
        image = decode_near(
            data,
            side=DECODED_SIDE,
            limits=job.limits,
            places=job.threads,
            decoder=job.decoder,
        )
    except ImageRejected as error:
        return _Outcome(content, None, error.reason, error.detail)
    return _Outcome(content, image)


def _row(outcome: _Outcome, read: tuple[Line, ...] | ReadingFailed | None) -> dict[str, object]:
    image = outcome.image
    row: dict[str, object] = {
        "content_id": outcome.content,
        "reason": outcome.reason,
        "detail": outcome.detail,
    }
    if image is None or read is None:
        return row
    row |= {"width": image.width, "height": image.height}
    if isinstance(read, ReadingFailed):
        return {**row, "reason": READING_FAILED, "detail": read.detail}
    # The decoder may have made a large picture smaller.
    scale = np.tile((image.width / image.rgb.shape[1], image.height / image.rgb.shape[0]), 4)
    lines = [
        {
            "text": one.text,
            "confidence": one.confidence,
            "box": (np.asarray(one.box) * scale).tolist(),
        }
        for one in read
    ]
    return {**row, "text": "\n".join(one.text for one in read), "lines": lines}
