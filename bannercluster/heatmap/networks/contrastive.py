"""Contrastive losses: NT-Xent of SimCLR, and the supervised contrastive loss.

Both are one sum. With unit vectors u and temperature t, an anchor i, its positives P(i) and all
that it is compared with A(i), positives included,

    loss_i = -1/|P(i)| sum_{p in P(i)} log( exp(u_i.u_p / t) / sum_{a in A(i)} exp(u_i.u_a / t) )

which is L_out of Khosla et al. 2020, eq. 2; with one positive each it is NT-Xent of Chen et al.
2020, eq. 1. The loss of a batch is the mean over the anchors that have a positive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bannercluster.errors import UsageError

if TYPE_CHECKING:
    import torch

TINY_NORM = 1e-12
"""A vector that is no longer than this has no direction."""


def nt_xent(
    embeddings: torch.Tensor,
    source: torch.Tensor,
    temperature: float,
    group: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the NT-Xent loss of views, with views that are negatives only.

    Parameters
    ----------
    embeddings : tensor of shape (n_views, width), floating
    source : tensor of shape (n_views,), int64
        What a view was made of. Views of one source are positives of one another; a view whose
        source has no other view (-1 says so, any number of times) is a negative of all others and
        no anchor itself.
    temperature : float
    group : tensor of shape (n_views,), int64, optional
        Two views of different sources and one group are not compared: they may well be alike
        (healthy heatmaps of one grid). -1 is no group.

    Returns
    -------
    scalar tensor, float64 for float64 embeddings, else float32

    Raises
    ------
    UsageError
        If shapes do not fit, the temperature is not positive, or no view has a positive.
    """
    _check(embeddings, source, temperature)
    positive = _same(source)
    compared = _others(len(source), embeddings)
    if group is not None:
        _check(embeddings, group, temperature)
        compared &= positive | ~_same(group)
    return masked_loss(embeddings, positive, compared, temperature)


def supervised_contrastive(
    embeddings: torch.Tensor, label: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Return the supervised contrastive loss L_out of views with classes.

    Parameters
    ----------
    embeddings : tensor of shape (n_views, width), floating
    label : tensor of shape (n_views,), int64
        Class of each view. A view alone in its class is no anchor, and a negative of all others;
        so is every view of class -1.
    temperature : float

    Returns
    -------
    scalar tensor, float64 for float64 embeddings, else float32

    Raises
    ------
    UsageError
        As `nt_xent`.
    """
    _check(embeddings, label, temperature)
    return masked_loss(embeddings, _same(label), _others(len(label), embeddings), temperature)


def masked_loss(
    embeddings: torch.Tensor, positive: torch.Tensor, compared: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Return the mean over anchors of the sum above, for any positives and comparisons.

    Parameters
    ----------
    embeddings : tensor of shape (n_views, width), floating
    positive, compared : tensors of shape (n_views, n_views), bool
        Row i is P(i) and A(i) of anchor i; positive entries are compared ones.
    temperature : float

    Raises
    ------
    UsageError
        If no row has a positive.
    """
    import torch

    if not bool(positive.any()):
        raise UsageError(
            f"none of {len(positive)} views has a positive: give at least two views of one source "
            "or class in a batch"
        )
    unit = unit_vectors(embeddings)
    # Where the network runs under autocast, this product must not.
    with torch.autocast(unit.device.type, enabled=False):
        logits = (unit @ unit.T) / temperature
    # What is not compared is taken out before the exponential, and the logarithm of the sum takes
    # the largest term out first: no temperature overflows.
    is_anchor = positive.any(dim=1)
    logits = logits.masked_fill(~compared, -torch.inf)
    anchors = logits[is_anchor]
    log_share = anchors - torch.logsumexp(anchors, dim=1, keepdim=True)
    own = positive[is_anchor]
    return -(log_share.masked_fill(~own, 0.0).sum(dim=1) / own.sum(dim=1)).mean()


def unit_vectors(embeddings: torch.Tensor) -> torch.Tensor:
    """Return rows of length one; a zero row stays zero, with cosine 0 to all and no gradient.

    Half precision is widened to float32 first: a similarity of bfloat16 has three digits, and a
    temperature of 0.1 takes one of them.
    """
    import torch

    x = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
    # Scaled by its largest entry a row neither overflows nor vanishes when it is squared. Its
    # direction does not depend on the scale, and so no gradient passes through it.
    scale = x.detach().abs().amax(dim=1, keepdim=True)
    has_direction = scale > TINY_NORM
    scaled = torch.where(has_direction, x / scale.clamp_min(TINY_NORM), 1.0)
    norm = scaled.square().sum(dim=1, keepdim=True).sqrt()
    return torch.where(has_direction, scaled / norm, 0.0)


def _same(label: torch.Tensor) -> torch.Tensor:
    """Return (n, n) bool: which pairs of different views carry one label, -1 being none."""
    same = (label[:, None] == label[None, :]) & (label >= 0)[:, None]
    same.fill_diagonal_(False)
    return same


def _others(n_views: int, embeddings: torch.Tensor) -> torch.Tensor:
    import torch

    return ~torch.eye(n_views, dtype=torch.bool, device=embeddings.device)


def _check(embeddings: torch.Tensor, label: torch.Tensor, temperature: float) -> None:
    if embeddings.ndim != 2 or label.shape != embeddings.shape[:1]:
        raise UsageError(
            f"embeddings are {tuple(embeddings.shape)} and labels {tuple(label.shape)}; expected "
            "(n_views, width) and (n_views,)"
        )
    if not temperature > 0:
        raise UsageError(f"the temperature is {temperature}; expected a number above zero")
