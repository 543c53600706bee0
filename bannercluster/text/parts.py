"""One task: about a thousand texts encoded and staged."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pyarrow as pa

from bannercluster.encoders.sentences import SentenceSpec, load_sentences
from bannercluster.errors import WeightsError
from bannercluster.runtime.executor import Shared
from bannercluster.store.parts import Part
from bannercluster.store.staging import NOT_FINITE, Staging

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


@dataclass(frozen=True)
class PartJob:
    """What all parts of a run have in common.

    Parameters
    ----------
    staging : Staging
        Of the store.
    spec : SentenceSpec
    weights_sha256, tokenizer_sha256 : str
        Of what the parts are named after.
    threads : int
        Inference threads of a process.
    cache : str
        Folder of exported networks.
    """

    staging: Staging
    spec: SentenceSpec
    weights_sha256: str
    tokenizer_sha256: str
    threads: int
    cache: str


def embed_part(shared: Shared[PartJob], part: Part) -> float:
    """Encode the texts of a part and stage them. Idempotent.

    Returns
    -------
    load_s : float
        Seconds until the network was loaded.
    """
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
    texts = [text for _, text in part.contents]
    encoded = encoder.encode(texts)
    values = job.staging.values_of(encoded.vectors)
    table = pa.table(
        {
            "content_id": part.ids,
            "text": texts,
            "n_characters": [len(text) for text in texts],
            "n_tokens": encoded.n_tokens,
            "truncated": encoded.truncated,
            "unknown_share": encoded.unknown_share,
            "nbytes": [len(text.encode()) for text in texts],
            "reason": [NOT_FINITE if row is None else None for row in values],
            "detail": [job.staging.overflow if row is None else None for row in values],
            "embedding": values,
        },
        schema=job.staging.schema,
    )
    job.staging.write(part, table)
    return load_s
