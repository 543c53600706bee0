"""Prepared rows: what every pass over the embeddings computes once for a tile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch

from bannercluster.kernels import portable
from bannercluster.kernels.native import rows as native
from bannercluster.kernels.native.labels import Operands
from bannercluster.kernels.products import float32_product

Normalize = Literal["l2", "none"]
Product = Literal["float32", "bfloat16"]


@dataclass(frozen=True, eq=False)
class Recipe:
    """How stored values become prepared rows.

    Parameters
    ----------
    normalize : {"l2", "none"}
        Divide each row by its Euclidean norm (a zero row stays zero). Part of a model.
    product : {"float32", "bfloat16"}
        Precision of the operand of the matrix product. Labels do not depend on it.
    mean : (n_features,) float32 array or None
        Subtracted from the operand (not from the rows): distances do not change, and the rounding
        error of the product shrinks with the norms.
    basis : (n_features, n_dims) float32 array or None
        Orthonormal columns: the operand is the projection on them, and the product that many
        times smaller. What the projection leaves away is part of the bound of the error, so any
        basis gives the same labels; a good one leaves few of them to be decided in float64.
    """

    normalize: Normalize = "l2"
    product: Product = "float32"
    mean: np.ndarray | None = None
    basis: np.ndarray | None = None

    @cached_property
    def key(self) -> tuple[str, str, bytes, bytes]:
        """Identity of the recipe, for caches of prepared rows."""
        mean, basis = (
            b"" if array is None else hashlib.sha256(array.tobytes()).digest()
            for array in (self.mean, self.basis)
        )
        return (self.normalize, self.product, mean, basis)


Fetch = Callable[[np.ndarray], torch.Tensor]
"""Takes (m,) int64 places in a tile, returns the (m, n_features) float32 values of these rows."""


@dataclass(frozen=True)
class Rows:
    """A tile of prepared rows.

    Parameters
    ----------
    values : (n, n_features) float32 tensor or None
        The rows themselves: distances and sums are those of these values. None where they are
        not kept.
    operand : (n, n_features or n_dims) float32 or bfloat16 tensor
        The rows, or ``x - mean`` rounded to bfloat16, or its projection on a basis.
    norms, residuals, rests : (n,) float32 tensors
        Upper bounds of the norms of the operand, of what rounding it lost, and of what lies outside
        the basis.
    wide : (n, n_dims) float32 tensor or None
        The projection as it was before it was rounded to bfloat16.
    rounding : float
        Bound of the relative error of ``wide``: times the norm of the whole centred row.
    fetch : callable or None
        Gets values that are not kept.
    """

    values: torch.Tensor | None
    operand: torch.Tensor
    norms: torch.Tensor
    residuals: torch.Tensor
    rests: torch.Tensor
    wide: torch.Tensor | None = None
    rounding: float = 0.0
    fetch: Fetch | None = None

    @property
    def x(self) -> torch.Tensor:
        """(n, n_features) float32: all rows; got anew in every call where they are not kept."""
        return self._fetched(np.arange(len(self.norms))) if self.values is None else self.values

    @property
    def nbytes(self) -> int:
        """Bytes that the tile holds."""
        tensors = [self.norms, self.residuals, self.rests]
        if self.values is not None:
            tensors.append(self.values)
        if self.values is None or self.operand.data_ptr() != self.values.data_ptr():
            tensors.append(self.operand)
        if self.wide is not None:
            tensors.append(self.wide)
        return sum(tensor.nbytes for tensor in tensors)

    def without_values(self, fetch: Fetch) -> Rows:
        """Return the same rows without their values, which ``fetch`` gets where they are needed."""
        return replace(self, values=None, fetch=fetch)

    def some(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return values of at least the wanted rows, and where each row is among them.

        Parameters
        ----------
        wanted : (n,) bool array

        Returns
        -------
        (m, n_features) float32 array, (n,) int64 array
            The second is -1 for rows that are not among the values, or empty where all are.
        """
        if self.values is not None:
            return self.values.numpy(), _EVERYWHERE
        places = np.flatnonzero(wanted)
        place = np.full(len(wanted), -1, np.int64)
        place[places] = np.arange(len(places))
        return self._fetched(places).numpy(), place

    def operands(self, own: slice) -> Operands:
        """Return what the compiled loops take of some rows beside their values."""
        wide = _NOT_PROJECTED if self.wide is None else self.wide[own].numpy()
        norms, residuals = self.norms[own].numpy(), self.residuals[own].numpy()
        return Operands(norms, residuals, self.rests[own].numpy(), wide, self.rounding)

    def _fetched(self, places: np.ndarray) -> torch.Tensor:
        assert self.fetch is not None  # noqa: S101 - rows without values are made with it
        return self.fetch(places)


_EVERYWHERE = np.empty(0, np.int64)
_NOT_PROJECTED = np.empty((0, 0), np.float32)


def to_float32(stored: np.ndarray | torch.Tensor, device: str = "cpu") -> torch.Tensor:
    """Return stored values as float32 rows: a new tensor, unless they are so already.

    Parameters
    ----------
    stored : (n, n_features) float16, float32 or float64 array or tensor
    device : str
        Where the rows are to live.
    """
    if isinstance(stored, np.ndarray):
        # torch takes writable arrays only: a read-only one is copied.
        stored = torch.from_numpy(np.require(stored, requirements=("C", "W")))
    return stored.to(device=device, dtype=torch.float32).contiguous()


def sq_norms(x: torch.Tensor) -> torch.Tensor:
    """(n,) float64 squared Euclidean norms of float32 rows."""
    if x.device.type != "cpu":
        return x.double().square().sum(dim=1)
    sq = np.empty(len(x))
    native.sq_norms(x.numpy(), sq)
    return torch.from_numpy(sq)


def normalized(x: torch.Tensor, normalize: Normalize) -> torch.Tensor:
    """Return float32 rows normalised in place as the recipe says; norms are taken in float64."""
    if normalize == "l2":
        if x.device.type == "cpu":
            native.scale_rows(x.numpy(), sq_norms(x).numpy())
        else:
            portable.scale_rows(x)
    return x


def prepare(stored: np.ndarray | torch.Tensor, recipe: Recipe, device: str = "cpu") -> Rows:
    """Prepare a tile.

    Parameters
    ----------
    stored : (n, n_features) float16, float32 or float64
        Values as they are stored.
    recipe : Recipe
    device : str
        A torch device.
    """
    x = to_float32(stored, device)
    if recipe.normalize != "none" and x.data_ptr() == _address(stored):
        x = x.clone()
    x = normalized(x, recipe.normalize)
    if recipe.basis is not None:
        return _projected(x, recipe, recipe.basis)
    if recipe.product == "float32":
        norms = _up(sq_norms(x).sqrt())
        nothing = torch.zeros_like(norms)
        return Rows(x, x, norms, nothing, nothing)
    n, n_features = x.shape
    mean = np.zeros(n_features, np.float32) if recipe.mean is None else recipe.mean
    if x.device.type != "cpu":
        bounds = portable.bfloat16_operand(x, torch.from_numpy(mean).to(x.device))
        return Rows(x, *bounds, torch.zeros_like(bounds[1]))
    bits = np.empty((n, n_features), np.uint16)
    norms_ = np.empty(n, np.float32)
    residuals = np.empty(n, np.float32)
    native.bfloat16_operand(x.numpy(), mean, bits, norms_, residuals)
    operand = torch.from_numpy(bits).view(torch.bfloat16)
    norms, lost = torch.from_numpy(norms_), torch.from_numpy(residuals)
    return Rows(x, operand, norms, lost, torch.zeros_like(norms))


BASIS_ERROR = 1e-5
"""Largest distance of a basis from orthonormal that the bounds allow: Frobenius norm of Q'Q - I."""

_PROJECTION_BLOCK = 448  # features summed in float32 at a time
_PROJECTION_ROWS = 512  # rows whose centred copy stays in the cache


def _projected(x: torch.Tensor, recipe: Recipe, basis: np.ndarray) -> Rows:
    """Project centred rows on the basis and bound what that loses.

    With ``y = x - mean`` and ``z`` its exact projection the computed one is off by at most ``eta
    |y|``: each of its ``m`` entries is a sum of products over at most 448 features, taken in
    float32 (error at most ``gamma |y|``), so ``eta = gamma sqrt(m)``; and ``|y - Q z|^2 <= |y|^2 -
    |z|^2`` up to the distance of Q from orthonormal.
    """
    mean = np.zeros(x.shape[1], np.float32) if recipe.mean is None else recipe.mean
    z, whole = _projection(x, mean, basis)
    operand = z.to(torch.bfloat16) if recipe.product == "bfloat16" else z
    n_blocks = -(-x.shape[1] // _PROJECTION_BLOCK)
    n_operations = _PROJECTION_BLOCK + n_blocks + 8
    gamma = n_operations * 2.0**-24 / (1 - n_operations * 2.0**-24)
    eta = gamma * basis.shape[1] ** 0.5 + BASIS_ERROR
    inside = sq_norms(z).sqrt()
    norms, lost = inside, eta * whole
    if operand is not z:
        norms = sq_norms(operand.float()).sqrt()
        lost = sq_norms(z - operand.float()).sqrt() + lost
    outside = whole**2 * (1 + BASIS_ERROR) - (inside - eta * whole).clamp_(min=0) ** 2
    bounds = _up(norms), _up(lost), _up(outside.clamp_(min=0).sqrt())
    return Rows(x, operand, *bounds, None if operand is z else z, eta * (1 + 1e-6))


def _projection(
    x: torch.Tensor, mean: np.ndarray, basis: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (n, n_dims) float32 projections of ``x - mean`` and the (n,) float64 norms of it."""
    n, n_features = x.shape
    if x.device.type != "cpu":
        y = x - torch.from_numpy(mean).to(x.device)
        columns = torch.from_numpy(basis).to(x.device)
        z = torch.zeros((n, basis.shape[1]), device=x.device)
        for low in range(0, n_features, _PROJECTION_BLOCK):
            own = slice(low, low + _PROJECTION_BLOCK)
            z += torch.mm(y[:, own], columns[own])
        return z, sq_norms(y).sqrt_()
    values, found = x.numpy(), torch.zeros((n, basis.shape[1]))
    sq, part = np.zeros(n), np.empty(_PROJECTION_ROWS)
    blocks = [
        slice(low, low + _PROJECTION_BLOCK) for low in range(0, n_features, _PROJECTION_BLOCK)
    ]
    transposed = [torch.from_numpy(np.ascontiguousarray(basis[block].T)) for block in blocks]
    # One block for all: fresh pages for each would cost as much as the arithmetic.
    scratch = np.empty(_PROJECTION_ROWS * _PROJECTION_BLOCK, np.float32)
    for first in range(0, n, _PROJECTION_ROWS):
        rows = slice(first, min(first + _PROJECTION_ROWS, n))
        size = rows.stop - first
        for block, column in zip(blocks, transposed, strict=True):
            width = column.shape[1]
            centred = scratch[: size * width].reshape(size, width)
            np.subtract(values[rows, block], mean[block], out=centred)
            native.sq_norms(centred, part[:size])
            sq[rows] += part[:size]
            found[rows] += float32_product(torch.from_numpy(centred), column)
    return found, torch.from_numpy(np.sqrt(sq))


def _up(bound: torch.Tensor) -> torch.Tensor:
    """Return a float64 bound as float32 that is no smaller."""
    return (bound * (1 + 1e-6)).float()


def _address(stored: np.ndarray | torch.Tensor) -> int:
    return stored.ctypes.data if isinstance(stored, np.ndarray) else stored.data_ptr()
