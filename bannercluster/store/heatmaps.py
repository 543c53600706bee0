"""The store of heatmaps: a Zarr v3 group for plain ``xarray.open_zarr``, written whole.

The arrays and coordinates of the heatmaps lie in the root; blocks of features that were computed
from them lie in the group ``feat``, one array each. The root ``zarr.json`` with the consolidated
metadata is written last: without it there is no store, and until it names a block there is no
such block.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
import zarr.storage
from zarr.errors import BaseZarrError

from bannercluster.errors import StoreError, UsageError
from bannercluster.store import files, points
from bannercluster.store.embeddings import document_bytes
from bannercluster.store.lease import Lease
from bannercluster.store.refusals import reason_of, refusals

VERSION = 1
FEATURES = "feat"
"""Group of the blocks of features."""

_KEY = "version"
_MARK = "fingerprint"
_BLOCK_ROWS = 8_192


def fingerprint_if_any(url: str) -> str | None:
    """Return the fingerprint of the heatmaps at a URL, or None where there are none."""
    root = files.read_json_if_any(files.join(url, "zarr.json"))
    return None if root is None else str(_attributes(root, url)[_MARK])


def open_heatmaps(url: str) -> xr.Dataset:
    """Open the heatmaps; counts are read when they are used.

    Raises
    ------
    UsageError
        If there are none.
    StoreError, FormatVersionError
        If what is there is something else, or a newer bannercluster wrote it.
    """
    if fingerprint_if_any(url) is None:
        raise UsageError(
            f"no heatmaps at {url}; expected a store made by `bc heatmap features`: run it first, "
            f"or name another with --heatmaps"
        )
    return _opened(url, None)


def open_blocks(url: str) -> xr.Dataset:
    """Open the blocks of features; their arrays say in their attributes what made them.

    Raises
    ------
    UsageError, StoreError, FormatVersionError
        As :func:`open_heatmaps`.
    """
    open_heatmaps(url).close()
    root = files.read_json(files.join(url, "zarr.json"))
    return _opened(url, FEATURES) if _blocks(root) else xr.Dataset()


def check_place(url: str) -> None:
    """Refuse a place that is not one for heatmaps, or holds something else.

    Raises
    ------
    UsageError
        If the name does not end in ``.zarr``, or something else lies there.
    StoreError, FormatVersionError
        If there is another Zarr group, or heatmaps of a newer bannercluster.
    """
    if not url.rstrip("/").endswith(".zarr"):
        raise UsageError(f"{url} is no name of a store; expected one that ends in .zarr")
    if fingerprint_if_any(url) is not None:
        return
    # A run that was killed leaves arrays without a root.
    others = [name for name in files.names(url) if not _is_array(files.join(url, name))]
    if others:
        raise UsageError(
            f"{url} holds something else ({', '.join(others[:3])}); expected heatmaps, or nothing: "
            f"name another store with --heatmaps"
        )


def _is_array(url: str) -> bool:
    fs, path = files.filesystem(url)
    if fs.isfile(path):
        return False
    return url.endswith(f"/{FEATURES}") or set(files.names(url)) <= {"c", "zarr.json"}


def replace(url: str, heatmaps: xr.Dataset, chunk_rows: int, lease: Lease) -> bool:
    """Write heatmaps in the place of what is there; return whether they are others.

    The same heatmaps stay as they are, with their blocks of features. Others go first: while they
    are written there is no store.

    Parameters
    ----------
    url : str
    heatmaps : Dataset
        With the attributes ``version`` and ``fingerprint``.
    chunk_rows : int
        Heatmaps of one chunk of each array of more than one axis.
    lease : Lease

    Raises
    ------
    UsageError
        As :func:`check_place`.
    StoreError
        If a write fails; the same command makes the store again.
    LeaseLostError
        If another process took over.
    """
    if fingerprint_if_any(url) == heatmaps.attrs[_MARK]:
        return False
    check_place(url)
    objects = _encoded(heatmaps, chunk_rows)
    lease.check()
    files.remove(files.join(url, "zarr.json"), points.HEATMAPS_GONE)
    files.remove(url, points.HEATMAPS_GONE)
    for name, data in objects.items():
        if name != "zarr.json":
            files.write_bytes(files.join(url, name), data, points.HEATMAP_ARRAY)
    root = json.loads(objects["zarr.json"])
    _write_root(url, root, _documents(objects), lease)
    return True


def write_block(
    url: str, name: str, features: np.ndarray, attributes: Mapping[str, Any], lease: Lease
) -> bool:
    """Write a block of features beside the heatmaps; return whether it was another one.

    Parameters
    ----------
    url : str
    name : str
    features : (n_samples, k) array
        In the order of the heatmaps.
    attributes : mapping
        What made them, as JSON has it: what is there with the same attributes stays.
    lease : Lease

    Raises
    ------
    UsageError
        If there are no heatmaps, or of another number.
    StoreError, LeaseLostError
        As :func:`replace`.
    """
    n = open_heatmaps(url).sizes["sample"]
    if features.shape[:1] != (n,) or features.ndim != 2:
        raise UsageError(
            f"the block {name} has the shape {features.shape}; expected ({n}, k), a row for each "
            f"heatmap of {url}"
        )
    root = files.read_json(files.join(url, "zarr.json"))
    known = root["consolidated_metadata"]["metadata"]
    place = f"{FEATURES}/{name}"
    made_by = json.loads(json.dumps({**attributes, "heatmaps": root["attributes"][_MARK]}))
    if place in known:
        if known[place]["attributes"] == made_by:
            return False
        _write_root(url, root, {key: one for key, one in known.items() if key != place}, lease)
    block = xr.Dataset({name: (("sample", f"k_{name}"), features, made_by)})
    objects = _encoded(block, _BLOCK_ROWS)
    files.remove(files.join(url, place), points.HEATMAPS_GONE)
    for key, data in objects.items():
        if key != "zarr.json":
            files.write_bytes(files.join(url, FEATURES, key), data, points.HEATMAP_ARRAY)
    kept = {key: one for key, one in known.items() if key != place}
    new = {f"{FEATURES}/{key}": one for key, one in _documents(objects).items()}
    _write_root(url, root, {**kept, **new}, lease)
    return True


def _write_root(
    url: str, root: Mapping[str, Any], documents: Mapping[str, Any], lease: Lease
) -> None:
    """Write the metadata that show the arrays: of the group of blocks, then of the root."""
    of_blocks = {key: one for key, one in documents.items() if key.startswith(f"{FEATURES}/")}
    shown = {key: one for key, one in documents.items() if key != FEATURES}
    lease.check()
    if of_blocks or FEATURES in documents:
        group: dict[str, Any] = {"zarr_format": 3, "node_type": "group", "attributes": {}}
        own = {key.removeprefix(f"{FEATURES}/"): one for key, one in of_blocks.items()}
        document = document_bytes({**group, **_consolidated(own)})
        files.write_bytes(files.join(url, FEATURES, "zarr.json"), document, points.HEATMAP_ARRAY)
        shown[FEATURES] = group
    whole = {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": root["attributes"],
        **_consolidated(shown),
    }
    files.write_bytes(files.join(url, "zarr.json"), document_bytes(whole), points.HEATMAP_ROOT)


def _consolidated(documents: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "consolidated_metadata": {
            "kind": "inline",
            "must_understand": False,
            "metadata": {key: documents[key] for key in sorted(documents)},
        }
    }


def _encoded(dataset: xr.Dataset, chunk_rows: int) -> dict[str, bytes]:
    """Return all files of a dataset by their names, as xarray writes them."""
    encoding: dict[str, dict[str, Any]] = {}
    for name, one in dataset.variables.items():
        own: dict[str, Any] = {}
        if one.ndim > 1:
            own["chunks"] = (max(1, min(chunk_rows, one.shape[0])), *one.shape[1:])
        if one.dtype.kind == "f":
            own["_FillValue"] = None  # NaN is a value: xarray would note it among the attributes
        encoding[str(name)] = own
    objects: dict[str, Any] = {}
    memory = zarr.storage.MemoryStore(objects)
    dataset.to_zarr(memory, zarr_format=3, consolidated=False, encoding=encoding)
    return {key: objects[key].to_bytes() for key in sorted(objects)}


def _documents(objects: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the metadata of each array by its name."""
    return {
        name.removesuffix("/zarr.json"): json.loads(data)
        for name, data in objects.items()
        if name.endswith("/zarr.json")
    }


def _blocks(root: Mapping[str, Any]) -> list[str]:
    known = root["consolidated_metadata"]["metadata"]
    return [name for name in known if name.startswith(f"{FEATURES}/")]


def _attributes(root: Mapping[str, Any], url: str) -> Mapping[str, Any]:
    attributes: Mapping[str, Any] = root.get("attributes", {})
    if _MARK not in attributes or "consolidated_metadata" not in root:
        raise StoreError(
            f"{url} is a Zarr group, but not one of heatmaps; expected a store made by `bc heatmap "
            f"features`: name another with --heatmaps"
        )
    files.check_version(attributes.get(_KEY), VERSION, f"the heatmaps {url}")
    return attributes


def _opened(url: str, group: str | None) -> xr.Dataset:
    local = files.local_path(url)
    try:
        where = url if local is None else str(local)
        found: xr.Dataset = xr.open_zarr(where, group=group, chunks=None)
    except (BaseZarrError, ValueError, KeyError) as error:
        raise StoreError(
            f"the heatmaps {url} are damaged: {error}; run `bc heatmap features` again into "
            f"another store (--heatmaps)"
        ) from error
    except refusals() as error:
        raise StoreError(f"cannot read {url}: {reason_of(error)}; {files.READ_AGAIN}") from error
    return found
