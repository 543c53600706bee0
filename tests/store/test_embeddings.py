import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

from bannercluster.errors import FormatVersionError, StoreError, UsageError
from bannercluster.store.embeddings import EmbeddingStore

from .stores import N_FEATURES, RECIPE, append, check_whole, ids_of, values_of

CHUNKS = (1, 2, 4, 5, 11, 16)


@pytest.fixture
def url(tmp_path):
    return str(tmp_path / "embeddings.zarr")


def change_root(url, change):
    """Rewrite the manifest of a local store."""
    path = Path(url, "zarr.json")
    root = json.loads(path.read_text())
    change(root)
    path.write_text(json.dumps(root))


# Reading


@pytest.mark.parametrize("chunk_rows", CHUNKS)
def test_every_range_of_rows(url, chunk_rows):
    store = append(url, 0, 11, blocks=(3, 7), chunk_rows=chunk_rows)
    whole = values_of(0, 11)
    for start in range(12):
        for stop in range(start, 12):
            np.testing.assert_array_equal(store.read(start, stop), whole[start:stop])
    check_whole(store, 11)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_types(url, dtype):
    append(url, 0, 5, dtype=dtype)
    store = EmbeddingStore.open(url)
    assert store.read(0, 5).dtype == np.dtype(dtype)
    check_whole(store, 5, dtype)


# What others see: no code of ours


_PLAIN = """
import json, sys
import numpy, xarray, zarr
url = sys.argv[1]
data = xarray.open_zarr(url)
group = zarr.open_group(url, mode="r")
assert not [name for name in sys.modules if name.startswith("bannercluster")]
print(json.dumps({
    "sizes": dict(data.sizes),
    "dims": {name: list(data[name].dims) for name in data.variables},
    "dtypes": {name: str(data[name].dtype) for name in data.variables},
    "attrs": data.attrs,
    "embedding": data["embedding"].values.tolist(),
    "content_id": data["content_id"].values.tolist(),
    "names": sorted(group),
    "same": bool((group["embedding"][:] == data["embedding"].values).all()
                 and (group["content_id"][:] == data["content_id"].values).all()),
    "group_attrs": dict(group.attrs),
}))
"""


def test_plain_xarray_and_zarr(url):
    """In a process of its own, where every warning is an error."""
    append(url, 0, 7)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _PLAIN, url], capture_output=True, text=True
    )
    assert done.stderr == ""
    seen = json.loads(done.stdout)
    assert seen["sizes"] == {"banner": 7, "feature": N_FEATURES, "content_id_byte": 32}
    assert seen["dims"] == {
        "embedding": ["banner", "feature"],
        "content_id": ["banner", "content_id_byte"],
    }
    assert seen["dtypes"] == {"embedding": "float16", "content_id": "uint8"}
    assert seen["embedding"] == values_of(0, 7).tolist()
    assert seen["content_id"] == ids_of(0, 7).tolist()
    assert (seen["names"], seen["same"]) == (["content_id", "embedding"], True)
    attributes = seen["attrs"]
    assert seen["group_attrs"] == attributes
    for name in ("model", "weights_sha256", "preprocessing", "engine", "precision"):
        assert attributes[name] == RECIPE[name]
    about = attributes["bannercluster"]
    assert (about["schema_version"], about["generation"]) == (1, 1)
    assert about["recipe"] == RECIPE
    assert attributes["created"] == about["created"]
    assert attributes["created"].endswith("+00:00")


@pytest.mark.parametrize("chunk_rows", [1, 4, 16])
def test_plain_zarr_after_appends(url, chunk_rows):
    for start, stop in ((0, 3), (3, 4), (4, 11)):
        append(url, start, stop, chunk_rows=chunk_rows)
        group = zarr.open_group(url, mode="r")
        np.testing.assert_array_equal(group["embedding"][:], values_of(0, stop))
        assert group["embedding"].chunks == (chunk_rows, N_FEATURES)
        # An array opened by itself has its own metadata, which must say the same.
        alone = zarr.open_array(f"{url}/content_id", mode="r")
        np.testing.assert_array_equal(alone[:], ids_of(0, stop))


# What is not such a store, or no longer


def test_nothing_there(url):
    assert EmbeddingStore.open_if_any(url) is None
    with pytest.raises(UsageError, match=r"no embeddings at .*run `bc embed` first"):
        EmbeddingStore.open(url)


@pytest.mark.parametrize("version", [2, 99, 0, None, "1"])
def test_other_versions_are_refused(url, version):
    append(url, 0, 3)
    change_root(
        url, lambda root: root["attributes"]["bannercluster"].update(schema_version=version)
    )
    with pytest.raises(FormatVersionError, match=f"format version {version}.*versions 1 to 1"):
        EmbeddingStore.open(url)


def test_zarr_group_of_someone_else(url):
    zarr.create_group(url, attributes={"model": "theirs"})
    with pytest.raises(StoreError, match="not one of bannercluster's"):
        EmbeddingStore.open(url)


@pytest.mark.parametrize("key", ["generation", "recipe", "tables", "created"])
def test_manifest_that_lacks_a_key(url, key):
    append(url, 0, 3)
    change_root(url, lambda root: root["attributes"]["bannercluster"].pop(key))
    with pytest.raises(StoreError, match=f"damaged.*{key}"):
        EmbeddingStore.open(url)


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_root_that_is_no_json_object(url, tmp_path, text):
    append(url, 0, 3)
    (tmp_path / "embeddings.zarr" / "zarr.json").write_text(text)
    with pytest.raises(StoreError, match=r"zarr\.json"):
        EmbeddingStore.open(url)


@pytest.mark.parametrize("array", ["embedding", "content_id"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_damaged_chunk(tmp_path, url, array, damage):
    store = append(url, 0, 7)
    chunk = tmp_path / "embeddings.zarr" / array / "c" / "1" / "0"
    if damage == "cut":
        chunk.write_bytes(chunk.read_bytes()[:20])
    else:
        chunk.unlink()
    with pytest.raises(StoreError, match=rf"{array}|c/1/0"):
        store.read(2, 6) if array == "embedding" else store.content_ids()
    np.testing.assert_array_equal(store.read(0, 4), values_of(0, 4))


def test_table_that_is_gone(url, tmp_path):
    store = append(url, 0, 3)
    (tmp_path / "embeddings.tables" / store.manifest.tables["rows"]).unlink()
    with pytest.raises(StoreError, match="missing"):
        store.table("rows")
