"""Vector operations that the compiler does not find by itself, written in its own language.

Each works on ``WIDTH`` consecutive features, held in registers while many rows pass: a plain loop
would load and store the sums for every row. LLVM makes machine code of them for any processor,
with the widest vectors that it has.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WIDTH = 64
"""Features that are worked on at a time."""

_LANES = 16  # values of four bytes in the widest vector
_VECTORS = WIDTH // _LANES
_I64 = ir.IntType(64)
_INT = ir.VectorType(ir.IntType(32), _LANES)
_FLOAT = ir.VectorType(ir.FloatType(), _LANES)
_DOUBLE = ir.VectorType(ir.DoubleType(), _LANES)


@intrinsic
def as_float32(typing_context, word):  # type: ignore[no-untyped-def] # noqa: ARG001
    """Return the float32 value that has the bits of a uint32."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def] # noqa: ARG001
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.uint32), generate


@intrinsic
def to_fixed(typing_context, x, row, feature, grid, slab, slot):  # type: ignore[no-untyped-def] # noqa: ARG001
    """``slab[slot] = rint(x[row, feature : feature + WIDTH] * grid)``.

    ``x`` (n, F) float32 and ``slab`` (n_slots, WIDTH) int32, C-contiguous; ``grid`` float32.
    """
    signature = types.void(x, types.int64, types.int64, types.float32, slab, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x_value, row_, feature_, grid_, slab_value, slot_ = arguments
        source = _element(context, builder, signature.args[0], x_value, row_, feature_)
        zero = ir.Constant(_I64, 0)
        target = _element(context, builder, signature.args[4], slab_value, slot_, zero)
        scale = _splat(builder, grid_, _FLOAT)
        rint = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_FLOAT, [_FLOAT]), f"llvm.rint.v{_LANES}f32"
        )
        for vector in range(_VECTORS):
            values = _load(builder, source, vector, _FLOAT, 4)
            values = builder.call(rint, [builder.fmul(values, scale)])
            _store(builder, builder.fptosi(values, _INT), target, vector, 4)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_listed(typing_context, slab, slots, first, last, unit, sums, row, feature):  # type: ignore[no-untyped-def] # noqa: ARG001
    """``sums[row, feature : feature + WIDTH] += unit * sum(slab[slots[first:last]])``.

    ``slab`` (n_slots, WIDTH) int32, ``slots`` int32, ``sums`` (n, F) float64, all C-contiguous;
    ``unit`` float64. The caller sees to it that the sum of the listed rows stays inside int32.
    """
    i64 = types.int64
    signature = types.void(slab, slots, i64, i64, types.float64, sums, i64, i64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        slab_value, slots_value, first_, last_, unit_, sums_value, row_, feature_ = arguments
        zero = ir.Constant(_I64, 0)
        target = _element(context, builder, signature.args[5], sums_value, row_, feature_)
        base = _element(context, builder, signature.args[0], slab_value, zero, zero)
        listed = context.make_array(signature.args[1])(context, builder, slots_value).data
        totals = [cgutils.alloca_once(builder, _INT) for _ in range(_VECTORS)]
        for total in totals:
            builder.store(ir.Constant(_INT, [0] * _LANES), total)
        with cgutils.for_range_slice(builder, first_, last_, ir.Constant(_I64, 1)) as (
            at,
            _,
        ):
            slot = builder.load(builder.gep(listed, [at]))
            offset = builder.mul(builder.sext(slot, _I64), ir.Constant(_I64, WIDTH))
            source = builder.gep(base, [offset])
            for vector, total in enumerate(totals):
                values = _load(builder, source, vector, _INT, 4)
                builder.store(builder.add(builder.load(total), values), total)
        factor = _splat(builder, unit_, _DOUBLE)
        for vector, total in enumerate(totals):
            wide = builder.fmul(builder.sitofp(builder.load(total), _DOUBLE), factor)
            before = _load(builder, target, vector, _DOUBLE, 8)
            _store(builder, builder.fadd(before, wide), target, vector, 8)
        return context.get_dummy_value()

    return signature, generate


def _element(context: Any, builder: Any, kind: Any, value: Any, row: Any, column: Any) -> Any:
    """Pointer to an element of a two-dimensional array."""
    array = context.make_array(kind)(context, builder, value)
    width = cgutils.unpack_tuple(builder, array.shape)[1]
    return builder.gep(array.data, [builder.add(builder.mul(row, width), column)])


def _splat(builder: Any, value: Any, kind: ir.VectorType) -> Any:
    out = ir.Constant(kind, ir.Undefined)
    for lane in range(_LANES):
        out = builder.insert_element(out, value, ir.Constant(ir.IntType(32), lane))
    return out


def _at(builder: Any, pointer: Any, vector: int, kind: ir.VectorType) -> Any:
    moved = builder.gep(pointer, [ir.Constant(_I64, vector * _LANES)])
    return builder.bitcast(moved, kind.as_pointer())


def _load(builder: Any, pointer: Any, vector: int, kind: ir.VectorType, align: int) -> Any:
    return builder.load(_at(builder, pointer, vector, kind), align=align)


def _store(builder: Any, value: Any, pointer: Any, vector: int, align: int) -> None:
    kind = value.type
    builder.store(value, _at(builder, pointer, vector, kind), align=align)
