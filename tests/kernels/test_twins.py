"""The compiled loops and their torch twins agree, bit for bit where they promise it.

Norms may differ in the last bits: float64 sums in another order (relative 2**-50), then rounded
to float32 (one unit in the last place, 2**-23).
"""

import numpy as np
import pytest
import torch

from bannercluster.kernels import portable
from bannercluster.kernels.native import labels as native_labels
from bannercluster.kernels.native import rows as native_rows
from bannercluster.kernels.native import sums as native_sums
from bannercluster.kernels.rows import Recipe, prepare
from bannercluster.kernels.stack import TIE, Stack

from .references import CASES, DEVICES, call


def _given(case, product):
    """All that the loops may ask for, as numpy arrays."""
    rng = np.random.default_rng(len(case))
    x, centres = CASES[case](rng, 1100, 21, 8)
    recipe = Recipe("none", product, x.mean(axis=0).astype(np.float32))
    rows = prepare(x.astype(np.float32), recipe)
    stack = Stack.of([centres, centres[2:5], centres[:1]], recipe)
    names = ("centres", "starts", "half_sq", "score_rounding", "slack")
    tensors = ("x", "norms", "residuals", "rests")
    scores = torch.mm(stack.operand, rows.operand.T).float()
    own = {
        "bits": scores.view(torch.uint32).numpy(),
        "shift": np.uint32(0),
        "centres": stack.arrays,
        "rows": rows.operands(slice(None)),
        "place": np.empty(0, np.int64),
        "x": rows.x.numpy(),
        "tie": TIE,
    }
    return own, {
        **{name: getattr(stack, name) for name in names},
        **{name: getattr(rows, name).float().numpy() for name in tensors},
        "scores": scores.numpy(),
        "tie": TIE,
        "labels": np.empty((3, 1100), np.uint8),
        "flagged": np.empty((3, 1100), np.float32),
    }


def _on(device, given):
    """The same as tensors; numbers and edges of runs as Python's."""
    moved = {
        name: torch.from_numpy(value).to(device) if isinstance(value, np.ndarray) else float(value)
        for name, value in given.items()
    }
    return {**moved, "starts": given["starts"].tolist()}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("product", ["float32", "bfloat16"])
@pytest.mark.parametrize("case", CASES)
def test_scan_and_recheck(case, product, device):
    given, other = _given(case, product)
    twin = _on(device, other)
    labels, flagged = other["labels"], other["flagged"]
    given |= {"labels": labels, "flagged": flagged}
    call(native_labels.scan, given)
    twin["labels"], twin["flagged"] = call(portable.scan, twin)
    np.testing.assert_array_equal(flagged, twin["flagged"].cpu().numpy())
    certain = flagged == -np.inf
    np.testing.assert_array_equal(labels[certain], twin["labels"].cpu().numpy()[certain])
    checked, left = call(native_labels.recheck, given)
    assert not left
    assert (flagged == -np.inf).all()
    twin_checked = call(portable.recheck, twin)
    np.testing.assert_array_equal(labels, twin["labels"].cpu().numpy())
    # The compiled loop spares itself the rows that the bounds of the single pairs decide.
    assert checked <= twin_checked == np.count_nonzero(~certain)


@pytest.mark.parametrize("device", DEVICES)
def test_bfloat16_operand(device):
    rng = np.random.default_rng(0)
    x = CASES["mixed_scales"](rng, 300, 19, 3)[0].astype(np.float32)
    x[0, :3] = (1.00390625, 1.01171875, -1.00390625)  # ties of the rounding: to even
    mean = x.mean(axis=0)
    mean[:3] = 0.0
    bits = np.empty(x.shape, np.uint16)
    norms, residuals = np.empty(300, np.float32), np.empty(300, np.float32)
    native_rows.bfloat16_operand(x, mean, bits, norms, residuals)
    operand, twin_norms, twin_residuals = portable.bfloat16_operand(
        torch.from_numpy(x).to(device), torch.from_numpy(mean).to(device)
    )
    np.testing.assert_array_equal(bits.view(np.int16), operand.cpu().view(torch.int16).numpy())
    np.testing.assert_allclose(norms, twin_norms.cpu().numpy(), rtol=2**-23)
    np.testing.assert_allclose(residuals, twin_residuals.cpu().numpy(), rtol=2**-23)


@pytest.mark.parametrize("device", DEVICES)
def test_scale_rows(device):
    x = np.random.default_rng(1).normal(size=(200, 31)).astype(np.float32)
    x[3] = 0.0
    twin = torch.from_numpy(x.copy()).to(device)
    portable.scale_rows(twin)
    native_rows.scale_rows(x, np.square(x.astype(np.float64)).sum(axis=1))
    np.testing.assert_allclose(x, twin.cpu().numpy(), rtol=2**-23)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("fresh", [True, False])
def test_add_rows(fresh, device):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1300, 150)).astype(np.float32)
    starts = np.array([0, 3, 8], np.int64)
    old, new = (
        np.stack([rng.integers(k, size=1300) for k in (3, 5)]).astype(np.uint8) for _ in range(2)
    )
    sums, counts = np.zeros((8, 150)), np.zeros(8, np.int64)
    twin_sums = torch.zeros((8, 150), dtype=torch.float64, device=device)
    twin_counts = torch.zeros(8, dtype=torch.int64, device=device)
    grid = 2.0**23
    before = np.empty((2, 0), np.uint8) if fresh else old
    changes = native_sums.add_rows(
        x, np.empty(0, np.int64), 2, before, new, starts, grid, sums, counts
    )
    twin_changes = portable.add_rows(
        torch.from_numpy(x).to(device),
        None if fresh else torch.from_numpy(old).to(device),
        torch.from_numpy(new).to(device),
        starts.tolist(),
        grid,
        twin_sums,
        twin_counts,
    )
    assert changes == twin_changes == (2 * 1300 if fresh else np.count_nonzero(old != new))
    np.testing.assert_array_equal(sums, twin_sums.cpu().numpy())
    np.testing.assert_array_equal(counts, twin_counts.cpu().numpy())
