"""A column of vectors, however it is encoded, as a matrix and a verdict per row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from bannercluster.errors import UsageError

REASONS = (
    "",
    "no_id",
    "null_vector",
    "null_element",
    "wrong_dimension",
    "not_finite",
    "bad_vector",
    "bad_day",
    "bad_content_id",
    "repeated_id",
)
"""Why a row is refused, by code; 0 is a row that is not."""

NULL_VECTOR, NULL_ELEMENT, WRONG_DIMENSION, NOT_FINITE, BAD_VECTOR = range(2, 7)

_CACHED_NBYTES = 256 << 10
_DENSE, _SPARSE = 1, 0
_SPARK_FIELDS = ["type", "size", "indices", "values"]

Encoding = Literal["lists", "fixed", "spark"]


@dataclass(frozen=True)
class Vectors:
    """Vectors of some rows.

    Parameters
    ----------
    values : (n, n_features) floating array
        What a refused row holds means nothing.
    reasons : (n,) uint8 array
        Codes of ``REASONS``.
    lengths : (n,) int64 array
        Dimension of each vector; -1 where there is none.
    """

    values: np.ndarray
    reasons: np.ndarray
    lengths: np.ndarray


def encoding_of(kind: pa.DataType) -> Encoding | None:
    """Return how a column type encodes vectors; None where it does not."""
    if pa.types.is_fixed_size_list(kind):
        return "fixed" if pa.types.is_floating(kind.value_type) else None
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return "lists" if pa.types.is_floating(kind.value_type) else None
    if pa.types.is_struct(kind) and [field.name for field in kind] == _SPARK_FIELDS:
        values, indices = kind.field("values").type, kind.field("indices").type
        lists = pa.types.is_list(values) and pa.types.is_list(indices)
        if (
            lists
            and pa.types.is_floating(values.value_type)
            and pa.types.is_integer(indices.value_type)
        ):
            return "spark"
    return None


def lengths_of(column: pa.Array) -> np.ndarray:
    """Return the dimension of each vector, -1 where there is none."""
    encoding = encoding_of(column.type)
    valid = _valid(column)
    if encoding == "fixed":
        return np.where(valid, column.type.list_size, -1)
    if encoding == "lists":
        return np.where(valid, np.diff(_offsets(column)), -1)
    kind, size, _, values = (column.field(index) for index in range(4))
    dense = _whole_numbers(kind, -1) == _DENSE
    of_values = np.where(_valid(values), np.diff(_offsets(values)), -1)
    return np.where(valid, np.where(dense, of_values, _whole_numbers(size, -1)), -1)


def vectors_of(column: pa.Array, n_features: int) -> Vectors:
    """Return the vectors of a column; those of another dimension are refused.

    Parameters
    ----------
    column : array
        Of lists of float16, float32 or float64, or of Spark ML vectors.
    n_features : int
    """
    encoding = encoding_of(column.type)
    if encoding == "fixed":
        width = column.type.list_size
        low = column.offset * width
        flat = column.values.slice(low, len(column) * width)
        values, reasons = _from_lists(
            flat, np.arange(len(column) + 1) * width, _valid(column), n_features
        )
    elif encoding == "lists":
        values, reasons = _from_lists(column.values, _offsets(column), _valid(column), n_features)
    elif encoding == "spark":
        values, reasons = _from_spark(column, n_features)
    else:
        raise UsageError(
            f"expected lists of floating-point numbers or Spark ML vectors, got {column.type}"
        )
    return Vectors(values, reasons, lengths_of(column))


def _from_lists(
    flat: pa.Array, offsets: np.ndarray, valid: np.ndarray, n_features: int
) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.diff(offsets)
    reasons = np.where(valid, 0, NULL_VECTOR).astype(np.uint8)
    reasons[valid & (lengths != n_features)] = WRONG_DIMENSION
    values = _numbers(flat)[offsets[0] : offsets[-1]]
    missing = None
    if flat.null_count:
        missing = np.asarray(flat.is_null())[offsets[0] : offsets[-1]]
    good = reasons == 0
    if good.all():  # without a copy
        matrix = values.reshape(len(valid), n_features)
        if missing is not None:
            reasons[missing.reshape(matrix.shape).any(axis=1)] = NULL_ELEMENT
        return matrix, reasons
    matrix = np.zeros((len(valid), n_features), values.dtype)
    kept = np.repeat(good, lengths)
    matrix[good] = values[kept].reshape(-1, n_features)
    if missing is not None:
        holes = missing[kept].reshape(-1, n_features).any(axis=1)
        reasons[np.flatnonzero(good)[holes]] = NULL_ELEMENT
    return matrix, reasons


def _from_spark(column: pa.StructArray, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    kind, size, indices, values = (column.field(index) for index in range(4))
    valid = _valid(column)
    kinds = _whole_numbers(kind, -1)
    dense = valid & (kinds == _DENSE)
    matrix, reasons = _from_lists(values.values, _offsets(values), _valid(values), n_features)
    sparse = valid & (kinds == _SPARSE)
    if sparse.any():
        rows = np.flatnonzero(sparse)
        picked = pa.array(rows)
        scattered, verdicts = _scattered(
            _whole_numbers(size, -1)[rows], indices.take(picked), values.take(picked), n_features
        )
        if not matrix.flags.writeable:
            matrix = matrix.copy()
        matrix[rows], reasons[rows] = scattered, verdicts
    reasons[valid & ~dense & ~sparse] = BAD_VECTOR
    reasons[~valid] = NULL_VECTOR
    return matrix, reasons


def _scattered(
    size: np.ndarray, indices: pa.ListArray, values: pa.ListArray, n_features: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return sparse vectors as dense ones; indices must rise and stay below the size."""
    n = len(size)
    index_ends, value_ends = _offsets(indices), _offsets(values)
    lengths = np.diff(index_ends)
    whole = _valid(indices) & _valid(values) & (lengths == np.diff(value_ends))
    row = np.repeat(np.arange(n), lengths)
    flat = _whole_numbers(indices.values, -1)[index_ends[0] : index_ends[-1]]
    off = (flat < 0) | (flat >= size[row])
    off[1:] |= (np.diff(flat) <= 0) & (np.diff(row) == 0)
    whole &= np.bincount(row[off], minlength=n) == 0
    reasons = np.where(whole, 0, BAD_VECTOR).astype(np.uint8)
    reasons[whole & (size != n_features)] = WRONG_DIMENSION
    numbers = _numbers(values.values)[value_ends[0] : value_ends[-1]]
    matrix = np.zeros((n, n_features), numbers.dtype)
    good = reasons == 0
    of_index, of_value = np.repeat(good, lengths), np.repeat(good, np.diff(value_ends))
    matrix[row[of_index], flat[of_index]] = numbers[of_value]
    if values.values.null_count:
        missing = np.asarray(values.values.is_null())[value_ends[0] : value_ends[-1]]
        holes = np.bincount(row[of_index][missing[of_value]], minlength=n) > 0
        reasons[holes] = NULL_ELEMENT
    return matrix, reasons


def _valid(column: pa.Array) -> np.ndarray:
    if not column.null_count:
        return np.ones(len(column), bool)
    return np.asarray(column.is_valid())


def _offsets(lists: pa.Array) -> np.ndarray:
    return np.asarray(lists.offsets).astype(np.int64)


def _whole_numbers(column: pa.Array, missing: int) -> np.ndarray:
    whole = column.cast(pa.int64())
    return np.asarray(whole.fill_null(missing) if whole.null_count else whole)


def _numbers(flat: pa.Array) -> np.ndarray:
    """Return the values of an array without a copy; what a null holds means nothing."""
    data = flat.buffers()[1]
    if data is None:
        return np.empty(0, flat.type.to_pandas_dtype())
    whole = np.frombuffer(data, flat.type.to_pandas_dtype())
    return whole[flat.offset : flat.offset + len(flat)]


def as_stored(vectors: Vectors, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return the values as a store keeps them, and the verdicts.

    Values are rounded to float32 and then to the type of the store. What is not finite there, such
    as 70,000 in float16, is refused.

    Returns
    -------
    values : (n, n_features) array
    reasons : (n,) uint8 array
    """
    values = vectors.values
    stored = np.empty(values.shape, dtype)
    finite = np.empty(len(values), bool)
    # A few rows at a time: converting, and looking at what came out, stay inside the caches.
    step = max(_CACHED_NBYTES // max(values[:1].nbytes, 1), 1)
    with np.errstate(over="ignore", invalid="ignore"):
        for low in range(0, len(values), step):
            own, some = stored[low : low + step], values[low : low + step]
            own[...] = some.astype(np.float32) if some.dtype.itemsize > 4 else some
            finite[low : low + step] = _finite_rows(own)
    reasons = vectors.reasons.copy()
    reasons[(reasons == 0) & ~finite] = NOT_FINITE
    return stored, reasons


def _finite_rows(stored: np.ndarray) -> np.ndarray:
    if stored.dtype.itemsize == 2:
        # On the bits: numpy converts every float16 to look at it.
        magnitude = stored.view(np.uint16) & np.uint16(0x7FFF)
        finite: np.ndarray = magnitude.max(axis=1, initial=0) < 0x7C00
    else:
        finite = np.isfinite(stored).all(axis=1)
    return finite
