"""Parts: named by what they hold, found again, taken into the store and cleared away."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from bannercluster.errors import StoreError
from bannercluster.store import commit, files
from bannercluster.store.aliases import new_to
from bannercluster.store.lease import hold
from bannercluster.store.ledger import REJECTED, aliases_schema
from bannercluster.store.parts import Part, cut_parts, part_rows
from bannercluster.store.staging import NOT_FINITE, Staging

DESCRIBED = pa.schema([("content_id", pa.binary(32)), ("file", pa.string())])
RECIPE = "r"


def contents(start: int, stop: int) -> list[tuple[bytes, str]]:
    return [(hashlib.sha256(b"%d" % i).digest(), f"{i}.png") for i in range(start, stop)]


def staging_in(folder) -> Staging:
    return Staging.of(str(folder / "e.zarr"), DESCRIBED, "float16")


def features_of(number: int) -> np.ndarray:
    return np.full((1, 3), number, np.float32)


def stage(staging: Staging, part: Part, overflows: str = "") -> None:
    """Write a part as a stage does: each content's number as its features."""
    rows = []
    for content, file in part.contents:
        number = int(file.split(".")[0])
        (values,) = staging.values_of(features_of(70_000 if file == overflows else number))
        verdict = {"reason": NOT_FINITE, "detail": staging.overflow} if values is None else {}
        rows.append({"content_id": content, "file": file, "embedding": values, **verdict})
    staging.write(part, pa.Table.from_pylist(rows, schema=staging.schema))


def extend(folder, staging: Staging, parts, rows, *, info=None, telling=()):
    url = str(folder / "e.zarr")
    beside = {"aliases": aliases_schema(()).empty_table(), "rejected": REJECTED.empty_table()}
    with hold(url, "a test") as lease:
        return commit.extend(
            url, commit.EmbeddingStore.open_if_any(url), staging.blocks_of(parts), rows, beside,
            lease=lease, recipe={"model": "test"}, n_features=3, dtype="float16", chunk_rows=4,
            info=info or {}, telling=telling,
        )  # fmt: skip


def test_a_name_is_of_the_contents_their_order_and_the_recipe():
    """A name that changes would have all staged work done again."""
    (part,) = cut_parts(contents(0, 2), 8, RECIPE)
    ids = b"".join(content for content, _ in contents(0, 2))
    assert part.name == hashlib.sha256(b"r" + ids).hexdigest()[:32]
    (turned,) = cut_parts(contents(0, 2)[::-1], 8, RECIPE)
    (other,) = cut_parts(contents(0, 2), 8, "s")
    assert len({part.name, turned.name, other.name}) == 3


@pytest.mark.parametrize("size", [1, 3, 5, 99])
def test_parts_hold_all_contents_in_their_order(size):
    parts = cut_parts(contents(0, 7), size, RECIPE)
    assert [one for part in parts for one in part.contents] == contents(0, 7)
    assert {len(part) for part in parts[:-1]} <= {size}
    assert cut_parts([], size, RECIPE) == []


def test_a_small_job_has_parts_for_all_workers():
    assert [part_rows(1024, n) for n in (0, 1, 256, 257, 4096, 10**6)] == [
        32, 32, 32, 64, 512, 1024,
    ]  # fmt: skip
    assert part_rows(8, 10**6) == 8


def test_what_lies_there_is_not_missing(tmp_path):
    staging = staging_in(tmp_path)
    parts = cut_parts(contents(0, 6), 2, RECIPE)
    assert staging.missing(parts) == parts
    stage(staging, parts[1])
    (tmp_path / "e.staging" / f".tmp-{parts[0].name}.parquet").write_bytes(b"half")
    assert staging.missing(parts) == [parts[0], parts[2]]
    assert staging.names() == [parts[1].name]


def test_a_part_that_is_not_what_its_name_says_is_refused(tmp_path):
    staging = staging_in(tmp_path)
    one, other = cut_parts(contents(0, 4), 2, RECIPE)
    stage(staging, one)
    (tmp_path / "e.staging" / f"{one.name}.parquet").rename(
        tmp_path / "e.staging" / f"{other.name}.parquet"
    )
    with pytest.raises(StoreError, match="holds other contents than its name says; delete it"):
        staging.read(other)
    with pytest.raises(StoreError, match="is missing"):
        staging.read(one)


def test_values_that_the_store_cannot_hold():
    staging = Staging.of("e.zarr", DESCRIBED, "float16")
    rows = np.array([[1, 2], [70_000, 1], [np.nan, 1], [-1, 0.5]], np.float32)
    stored = [np.array(row, "<f2").tobytes() for row in ([1, 2], [-1, 0.5])]
    assert staging.values_of(rows) == [stored[0], None, None, stored[1]]
    assert staging.overflow == "features overflow float16"
    assert None not in Staging.of("e.zarr", DESCRIBED, "float32").values_of(rows[:2])


def test_parts_become_rows(tmp_path):
    staging = staging_in(tmp_path)
    first = cut_parts(contents(0, 5), 2, RECIPE)
    for part in first:
        stage(staging, part, overflows="3.png")
    rows, verdicts = staging.rows_of(first)
    refused = contents(3, 4)[0][0]
    assert verdicts == {refused: (NOT_FINITE, "features overflow float16")}
    extend(tmp_path, staging, first, rows)
    assert new_to(None, contents(0, 2)) == contents(0, 2)
    second = cut_parts(contents(5, 7), 2, RECIPE)
    stage(staging, second[0])
    store = extend(tmp_path, staging, second, staging.rows_of(second)[0])
    names = [f"{i}.png" for i in (0, 1, 2, 4, 5, 6)]
    assert store.table("rows")["file"].to_pylist() == names
    assert store.read(0, 6)[:, 0].tolist() == [0, 1, 2, 4, 5, 6]
    assert store.manifest.generation == 2
    assert new_to(store, contents(0, 9)) == [*contents(3, 4), *contents(7, 9)]


def test_nothing_new_writes_nothing(tmp_path):
    staging = staging_in(tmp_path)
    parts = cut_parts(contents(0, 2), 2, RECIPE)
    stage(staging, parts[0])
    none = DESCRIBED.empty_table()
    extend(tmp_path, staging, parts, staging.rows_of(parts)[0], info={"made": 1, "when": 1})
    again = {"made": 1, "when": 2}
    assert extend(tmp_path, staging, [], none, info=again, telling=["made"]).manifest.info == {
        "made": 1, "when": 1,
    }  # fmt: skip
    told = extend(tmp_path, staging, [], none, info={"made": 2}, telling=["made"])
    assert (told.manifest.generation, told.n_rows) == (2, 2)


def test_only_what_the_store_shows_is_cleared(tmp_path):
    staging = staging_in(tmp_path)
    own, rejecting, shown, pending = cut_parts(contents(0, 8), 2, RECIPE)
    stage(staging, own)
    stage(staging, rejecting, overflows="2.png")
    stage(staging, shown)
    stage(staging, pending)
    done = [own, rejecting, shown]
    rows, verdicts = staging.rows_of(done)
    store = extend(tmp_path, staging, done, rows)
    staging.clear([own], store, {})
    # Without its verdict a rejected content is still to be taken in.
    assert staging.names() == sorted([rejecting.name, pending.name])
    staging.clear([own], store, verdicts)
    assert staging.names() == [pending.name]
    staging.clear([pending], store, verdicts)
    assert not files.exists(staging.url)
    staging.clear([], store, verdicts)
