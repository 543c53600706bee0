"""What lies in the folders of the stages, and what of it nobody needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bannercluster.config import PathsConfig
from bannercluster.models.folder import has_model
from bannercluster.store import files, ocr
from bannercluster.store.embeddings import EmbeddingStore, journal_url, staging_url, tables_url

Kind = Literal["leftover", "staged"]
"""``leftover``: nobody will read it again. ``staged``: finished work of a run that has not ended;
the same command goes on from it."""


@dataclass(frozen=True)
class Find:
    """Files that are no part of a result.

    Parameters
    ----------
    kind : {"leftover", "staged"}
    what : str
        In words; finds of the same words are counted together.
    url : str
        A file.
    nbytes : int
    """

    kind: Kind
    what: str
    url: str
    nbytes: int


def in_store(url: str) -> Iterator[Find]:
    """Yield what lies in and beside a store and belongs to no generation that is read."""
    store = EmbeddingStore.open_if_any(url)
    staged = files.sizes(staging_url(url))
    yield from _temporary(staging_url(url), staged)
    for name, nbytes in staged.items():
        if not _is_temporary(name):
            yield Find("staged", "parts in staging", files.join(staging_url(url), name), nbytes)
    n_chunks = 0
    wanted: set[str] = set()
    if store is not None:
        n_chunks = -(-store.n_rows // store.manifest.chunk_rows)
        wanted = set(store.manifest.tables.values()) | set(_before(store))
    # An import that has not ended counts chunks behind the end in its journal. Its record comes
    # first: a journal must go before what it counts.
    journal = files.sizes(journal_url(url))
    yield from _temporary(journal_url(url), journal)
    for name in sorted(journal, key=lambda name: not name.endswith(".json")):
        if not _is_temporary(name):
            where = files.join(journal_url(url), name)
            yield Find("staged", "journal of an import", where, journal[name])
    goes_on = any(name.endswith(".json") for name in journal)
    own = files.sizes(url)
    yield from _temporary(url, own)
    for name, nbytes in own.items():
        array, _, place = name.partition("/c/")
        chunk = place.partition("/")[0]
        if array in ("embedding", "content_id") and chunk.isdigit() and int(chunk) >= n_chunks:
            kind: Kind = "staged" if goes_on else "leftover"
            yield Find(kind, "chunks behind the last row", files.join(url, name), nbytes)
    tables = files.sizes(tables_url(url))
    yield from _temporary(tables_url(url), tables)
    for name, nbytes in tables.items():
        if not _is_temporary(name) and name not in wanted:
            where = files.join(tables_url(url), name)
            yield Find("leftover", "tables of other generations", where, nbytes)


def in_models(paths: PathsConfig) -> Iterator[Find]:
    """Yield what lies in the folder of models and is no model."""
    url = paths.models
    found = files.sizes(url)
    yield from _temporary(url, found)
    whole: dict[str, bool] = {}
    for name, nbytes in found.items():
        folder, _, rest = name.partition("/")
        where = files.join(url, name)
        if _is_temporary(name) or not rest:
            continue
        if folder == ".progress":
            yield Find("staged", "checkpoints of sweeps", where, nbytes)
        elif rest in ("arrays.safetensors", "card.json"):
            if folder not in whole:
                whole[folder] = has_model(url, folder)
            if not whole[folder]:
                yield Find("leftover", "models without a card", where, nbytes)


def in_results(url: str) -> Iterator[Find]:
    """Yield what lies in a folder of whole files and is none: evaluation, assignments, heatmaps."""
    yield from _temporary(url, files.sizes(url))


def in_texts_of_images(paths: PathsConfig) -> Iterator[Find]:
    """Yield what lies in the folder of `bc ocr` and is not in its table."""
    record = ocr.load_record_if_any(paths.ocr)
    listed = set() if record is None else set(record.parts)
    found = files.sizes(paths.ocr)
    yield from _temporary(paths.ocr, found)
    parts = ocr.parts_in(paths.ocr)
    for name in parts.names():
        if name not in listed:
            nbytes, where = found[f"parts/{name}.parquet"], parts.url_of(name)
            yield Find("staged", "texts of images that are not in the table", where, nbytes)


def _temporary(url: str, found: dict[str, int]) -> Iterator[Find]:
    for name, nbytes in found.items():
        if _is_temporary(name):
            yield Find("leftover", "temporary files", files.join(url, name), nbytes)


def _is_temporary(name: str) -> bool:
    return name.rsplit("/", 1)[-1].startswith(files.TEMPORARY)


def _before(store: EmbeddingStore) -> Iterator[str]:
    """Yield the names of the tables of the generation before: a reader may still hold it."""
    generation = store.manifest.generation - 1
    for name in store.manifest.tables:
        yield f"{name}-{generation:06d}.parquet"
