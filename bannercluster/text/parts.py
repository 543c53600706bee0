"""One task: about a thousand texts encoded, and staged under a name of their own.

A part is a Parquet file with a row per text. Its name is the hash of its texts and of all that
shapes the result, so that a part that lies there is done, whoever made it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bannercluster.encoders.sentences import SentenceSpec, load_sentences
from bannercluster.errors import StoreError, WeightsError
from bannercluster.runtime.executor import Shared
from bannercluster.store import files, points, tables
from bannercluster.store.embeddings import Dtype
from bannercluster.store.fingerprint import of_contents

DESCRIBED = pa.schema(
    [
        ("content_id", pa.binary(32)),
        ("text", pa.large_string()),
        ("n_characters", pa.int32()),
        ("n_tokens", pa.int32()),
        ("truncated", pa.bool_()),
        ("unknown_share", pa.float32()),
        ("nbytes", pa.int64()),
    ]
)
"""What a part says of a text for the table of rows."""

SCHEMA = pa.schema(
    [*DESCRIBED, ("reason", pa.string()), ("detail", pa.string()), ("embedding", pa.binary())]
)
"""A row of the store's table, or the reason why there is none; the values as bytes."""


@dataclass(frozen=True)
class Part:
    """Texts to encode together, each with its id."""

    name: str
    texts: tuple[tuple[bytes, str], ...]


@dataclass(frozen=True)
class PartJob:
    """What all parts of a run have in common.

    Parameters
    ----------
    staging : str
    spec : SentenceSpec
    weights_sha256, tokenizer_sha256 : str
        Of what the parts are named after.
    dtype : {"float16", "float32"}
    threads : int
        Inference threads of a process.
    cache : str
        Folder of exported networks.
    """

    staging: str
    spec: SentenceSpec
    weights_sha256: str
    tokenizer_sha256: str
    dtype: Dtype
    threads: int
    cache: str


@dataclass(frozen=True)
class PartDone:
    """Texts of a finished part, and the seconds until its network was loaded."""

    n_texts: int
    load_s: float


def cut_parts(texts: Sequence[tuple[bytes, str]], size: int, recipe_id: str) -> list[Part]:
    """Cut texts into parts of ``size``, in their order."""
    parts = []
    for low in range(0, len(texts), size):
        own = tuple(texts[low : low + size])
        parts.append(Part(of_contents((text_id for text_id, _ in own), recipe_id), own))
    return parts


def part_url(staging: str, part: Part) -> str:
    """Return where a part is staged."""
    return files.join(staging, f"{part.name[:32]}.parquet")


def embed_part(shared: Shared[PartJob], part: Part) -> PartDone:
    """Encode the texts of a part and stage them. Idempotent."""
    started = time.perf_counter()
    job = shared.get()
    encoder = load_sentences(job.spec, threads=job.threads, cache_dir=job.cache)
    load_s = time.perf_counter() - started
    found = (encoder.folder.weights_sha256, encoder.folder.tokenizer_sha256)
    if found != (job.weights_sha256, job.tokenizer_sha256):
        raise WeightsError(
            f"{encoder.folder.name} is another model here ({encoder.folder.source}, weights "
            f"{found[0][:12]}) than where the run was started ({job.weights_sha256[:12]}): bring "
            "the same folder to all workers"
        )
    texts = [text for _, text in part.texts]
    encoded = encoder.encode(texts)
    # float16 may overflow to infinity: that is a rejected row, not a warning.
    with np.errstate(over="ignore"):
        values = encoded.vectors.astype(np.dtype(job.dtype).newbyteorder("<"))
    finite: list[bool] = np.logical_and.reduce(np.isfinite(values), axis=1).tolist()
    why = f"features overflow {values.dtype}"
    table = pa.table(
        {
            "content_id": [text_id for text_id, _ in part.texts],
            "text": texts,
            "n_characters": [len(text) for text in texts],
            "n_tokens": encoded.n_tokens,
            "truncated": encoded.truncated,
            "unknown_share": encoded.unknown_share,
            "nbytes": [len(text.encode()) for text in texts],
            "reason": [None if whole else "not_finite" for whole in finite],
            "detail": [None if whole else why for whole in finite],
            "embedding": [
                row.tobytes() if whole else None for row, whole in zip(values, finite, strict=True)
            ],
        },
        schema=SCHEMA,
    )
    tables.write(part_url(job.staging, part), table, points.PART)
    return PartDone(len(texts), load_s)


def read_part(staging: str, part: Part) -> pa.Table:
    """Read a staged part.

    Raises
    ------
    StoreError
        If it is not the part that its name says.
    """
    url = part_url(staging, part)
    table = tables.read(url)
    if table["content_id"].to_pylist() != [text_id for text_id, _ in part.texts]:
        raise StoreError(f"the staged part {url} holds other texts than its name says; delete it")
    return table.cast(SCHEMA)
