"""Prepared rows: what every pass over the embeddings computes once for a tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from bannercluster.kernels import native, portable

Normalize = Literal["l2", "none"]
Product = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
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
    """

    normalize: Normalize = "l2"
    product: Product = "float32"
    mean: np.ndarray | None = None

    @property
    def key(self) -> tuple[str, str, bytes]:
        """Identity of the recipe, for caches of prepared rows."""
        return (self.normalize, self.product, b"" if self.mean is None else self.mean.tobytes())


@dataclass(frozen=True)
class Rows:
    """A tile of prepared rows.

    Parameters
    ----------
    x : (n, n_features) float32 tensor
        The rows themselves: distances and sums are those of these values.
    operand : (n, n_features) float32 or bfloat16 tensor
        ``x``, or ``x - mean`` rounded to bfloat16.
    norms, residuals : (n,) float32 tensors
        Upper bounds of the norm of the operand, and of the norm of what rounding it lost.
    """

    x: torch.Tensor
    operand: torch.Tensor
    norms: torch.Tensor
    residuals: torch.Tensor

    @property
    def nbytes(self) -> int:
        """Bytes that the tile holds."""
        shared = self.operand.data_ptr() == self.x.data_ptr()
        kept = (
            (self.x, self.norms, self.residuals)
            if shared
            else (self.x, self.operand, self.norms, self.residuals)
        )
        return sum(tensor.nbytes for tensor in kept)


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
    n, n_features = x.shape
    if recipe.product == "float32":
        sq = sq_norms(x)
        norms = sq.sqrt_().mul_(1 + 1e-6).float()
        return Rows(x, x, norms, torch.zeros_like(norms))
    mean = np.zeros(n_features, np.float32) if recipe.mean is None else recipe.mean
    if x.device.type == "cpu":
        bits = np.empty((n, n_features), np.uint16)
        norms_ = np.empty(n, np.float32)
        residuals = np.empty(n, np.float32)
        native.bfloat16_operand(x.numpy(), mean, bits, norms_, residuals)
        operand = torch.from_numpy(bits).view(torch.bfloat16)
        return Rows(x, operand, torch.from_numpy(norms_), torch.from_numpy(residuals))
    return Rows(x, *portable.bfloat16_operand(x, torch.from_numpy(mean).to(x.device)))


def _address(stored: np.ndarray | torch.Tensor) -> int:
    return stored.ctypes.data if isinstance(stored, np.ndarray) else stored.data_ptr()
