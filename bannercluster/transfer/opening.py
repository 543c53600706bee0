"""Which kind of source it is: Parquet, Zarr, or a store of bannercluster."""

from __future__ import annotations

from bannercluster.config import Settings
from bannercluster.errors import UsageError
from bannercluster.store import files
from bannercluster.transfer.arrays import ZarrSource
from bannercluster.transfer.own import StoreSource
from bannercluster.transfer.parquet import ParquetSource
from bannercluster.transfer.sources import Source

_PARQUET = (".parquet", ".parq", ".pq")
_ZARR_MARKS = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")


def open_source(settings: Settings) -> Source:
    """Open what `--source` names.

    Raises
    ------
    UsageError
        If it is missing, is none of the kinds, cannot be read or has no such column.
    """
    config = settings.import_
    url = config.source
    if url is None:
        raise UsageError(
            "no source named; expected --source with a Parquet file, a folder or pattern of them, "
            "a Zarr group, or a store of bannercluster"
        )
    _check_apart(url, settings.paths.embeddings)
    fs, path = files.filesystem(url)
    if any(mark in path for mark in "*?["):
        return _parquet(settings, url, fs, sorted(fs.glob(path)), path.rsplit("/", 1)[0])
    if not fs.exists(path):
        raise UsageError(f"no source at {url}; expected a file or folder that exists")
    if fs.isfile(path):
        return _parquet(settings, url, fs, [path], path.rsplit("/", 1)[0])
    if any(fs.exists(files.join(path, mark)) for mark in _ZARR_MARKS):
        own = StoreSource.open_if_any(url, config)
        return own if own is not None else ZarrSource(url, config)
    found = [name for name in sorted(fs.find(path)) if _is_parquet(name[len(path) :])]
    return _parquet(settings, url, fs, found, path)


def _parquet(settings: Settings, url: str, fs: object, paths: list[str], root: str) -> Source:
    if not paths:
        raise UsageError(
            f"nothing to import at {url}; expected Parquet files (.parquet) or a Zarr group"
        )
    source = ParquetSource(url, fs, paths, root, settings.import_)
    if not source.n_rows:
        raise UsageError(f"{url} has no rows; expected a row for each banner")
    return source


def _is_parquet(name: str) -> bool:
    hidden = any(part.startswith((".", "_")) for part in name.split("/") if "=" not in part)
    return name.lower().endswith(_PARQUET) and not hidden


def _check_apart(source: str, store: str) -> None:
    fs, path = files.filesystem(source)
    other, target = files.filesystem(store)
    if type(fs) is not type(other):
        return
    one, two = path.rstrip("/") + "/", target.rstrip("/") + "/"
    if one.startswith(two) or two.startswith(one):
        raise UsageError(
            f"the source {source} and the store {store} lie in each other; expected two places: "
            f"name another store with --embeddings"
        )
