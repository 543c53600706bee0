"""Any mixture of rows, encoded and cut in any way, makes the store that the naive model makes."""

import tempfile
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.errors import DataError, UsageError
from transfer.making import imported, put, store_in, table_of
from transfer.naive import Model, dimension_of

N_FEATURES = 3
GOOD = [[0.0, 1.0, 2.0], [0.5, 0.0, -3.0], [-0.0, 1.0, 2.0], [1 / 3, 0.0, 7.0], [9.0, 9.0, 9.0]]
BAD = [
    None,
    [],
    [1.0],
    [1.0, 2.0, 3.0, 4.0],
    [1.0, None, 2.0],
    [float("nan"), 0.0, 1.0],
    [1.0, float("inf"), 0.0],
    [70_000.0, 0.0, 0.0],
    [0.0, -65_520.0, 0.0],
]
ENCODINGS = ("list32", "list64", "list16", "large32", "fixed32", "fixed64", "spark")

one_row = st.fixed_dictionaries(
    {
        "banner_id": st.sampled_from(["a", "b", "c", "d", "e", "", None]),
        "file": st.sampled_from(["x.png", "a", None, ""]),
        "advertiser": st.sampled_from(["acme", "zeta", None]),
        "day": st.sampled_from(["2025-03-01", "2025-03-02", "2025-03-05T10:00", None, "soon"]),
        "vector": st.sampled_from([*GOOD, *GOOD, *BAD]),
    }
)


@st.composite
def sources(draw):
    """Rows, their encoding, the ends of the files, rows of a group."""
    encoding = draw(st.sampled_from(ENCODINGS))
    rows = draw(st.lists(one_row, min_size=1, max_size=24))
    if encoding.startswith("fixed"):
        rows = [row for row in rows if row["vector"] is None or len(row["vector"]) == N_FEATURES]
    if encoding in ("list16", "spark"):  # 70,000 is no float16; a sparse vector has no empty form
        rows = [row for row in rows if row["vector"] != []]
    if encoding == "list16":
        rows = [{**row, "vector": _as_float16(row["vector"])} for row in rows]
    cuts = sorted(draw(st.sets(st.integers(0, len(rows)), max_size=2)))
    return rows, encoding, [0, *cuts, len(rows)], draw(st.integers(1, 9))


def _as_float16(vector):
    with np.errstate(over="ignore"):
        return vector and [None if value is None else float(np.float16(value)) for value in vector]


@settings(max_examples=60, deadline=None)
@given(
    drawn=st.lists(sources(), min_size=1, max_size=2),
    part_rows=st.integers(1, 7),
    chunk_rows=st.integers(1, 5),
    workers=st.integers(1, 3),
    dtype=st.sampled_from(["float16", "float32"]),
)
def test_like_the_naive_model(drawn, part_rows, chunk_rows, workers, dtype):
    # Nothing is killed here, so nothing need be synced: that is most of the time otherwise.
    with tempfile.TemporaryDirectory() as name, mock.patch("os.fsync"):
        folder, model = Path(name), None
        for nth, (rows, encoding, cuts, group) in enumerate(drawn):
            source = folder / f"source{nth}"
            source.mkdir()
            places = []
            for part, (low, high) in enumerate(pairwise(cuts)):
                table = table_of(rows[low:high], encoding, N_FEATURES)
                put(source / f"part-{part}.parquet", table, group)
                places += [(f"part-{part}.parquet", row) for row in range(high - low)]
            n_features = N_FEATURES if encoding.startswith("fixed") else dimension_of(rows)
            options = {
                "part_rows": part_rows, "chunk_rows": chunk_rows, "workers": workers,
                "dtype": dtype,
            }  # fmt: skip
            refused = not rows or n_features is None
            if refused or (model is not None and model.n_features != n_features):
                with pytest.raises(UsageError):
                    imported(folder, source, **options)
                return
            expected = model or Model(n_features, dtype)
            plain = [{**row, "day": _day(row)} for row in rows]
            counts = expected.take(plain, places)
            if not expected.contents:
                with pytest.raises(DataError, match="none of the"):
                    imported(folder, source, **options)
                return
            result = imported(folder, source, **options)
            assert dict(result.reasons) == dict(counts.pop("reasons"))
            assert {key: getattr(result, key) for key in counts} == counts
            model = expected
        if model is not None:
            check(folder, model)


def _day(row):
    return row["day"] if row["day"] in (None, "soon") else row["day"][:10]


def check(folder: Path, model: Model) -> None:
    store = store_in(folder)
    ids = [one.tobytes() for one in store.content_ids()]
    assert ids == list(model.contents)
    expected = np.array(list(model.contents.values()), model.dtype)
    assert store.read(0, store.n_rows).tobytes() == expected.tobytes()
    assert store.table("rows")["content_id"].to_pylist() == ids
    aliases = store.table("aliases").to_pylist()
    names = ("banner_id", "file", "content_id", "advertiser", "first_day", "last_day")
    found = [{name: row.get(name) for name in names} for row in aliases]
    assert found == list(model.aliases.values())
    refused = store.table("rejected").to_pylist()
    keys = ("file", "banner_id", "reason", "detail")
    assert sorted(tuple(str(row[key]) for key in keys) for row in refused) == sorted(
        tuple(map(str, one)) for one in model.rejected
    )
    assert not list(folder.glob("*.importing"))
