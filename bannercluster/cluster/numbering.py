"""The numbers of the clusters: those of the predecessor, or by falling size.

The predecessor of a model is the one of the same k in the latest sweep of the folder, which is what
``sweep.json`` says. That file is written last, so a run that was killed finds the same predecessor
again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bannercluster.config import ClusterConfig
from bannercluster.errors import IncompatibleStoreError, StoreError, UsageError
from bannercluster.kmeans.sweep import RunResult
from bannercluster.models.card import ModelCard, PredecessorCard
from bannercluster.models.folder import has_model, load_model
from bannercluster.models.kmeans import KMeansModel
from bannercluster.models.matching import by_size, match
from bannercluster.models.sweeps import SweepFile
from bannercluster.store.embeddings import EmbeddingStore

AUTO, NONE = "auto", "none"


@dataclass(frozen=True)
class Predecessor:
    """The model whose numbers the clusters of a k take over.

    Parameters
    ----------
    model : KMeansModel or None
    reason : str
        Why there is none, in words; empty where there is one.
    """

    model: KMeansModel | None
    reason: str = ""

    @property
    def words(self) -> str:
        """Where the numbers come from, for a plan."""
        if self.model is None:
            return f"by falling size ({self.reason})"
        return f"those of {self.model.card.name}"


def predecessor_of(
    k: int, config: ClusterConfig, store: EmbeddingStore, models: str
) -> Predecessor:
    """Find the predecessor of the model of a k.

    Raises
    ------
    UsageError
        If the model that is named does not exist, or has another k.
    IncompatibleStoreError
        If it was fitted to rows of another kind.
    StoreError, FormatVersionError
        If a model of the latest sweep is damaged, or newer than this code.
    """
    if config.predecessor == NONE:
        return Predecessor(None, "no predecessor is wanted")
    if config.predecessor != AUTO:
        return _named(k, config, store, models)
    sweep = SweepFile.load_if_any(models)
    if sweep is None:
        return Predecessor(None, "the first sweep in this folder")
    for name in sweep.models:
        if not has_model(models, name):
            continue  # removed by hand since
        try:
            model = load_model(models, name)
        except StoreError as error:
            raise type(error)(
                f"{error}; or number the clusters without it: --predecessor none"
            ) from error
        if model.card.k == k:
            other = _difference(model.card, config, store)
            return Predecessor(None, f"{name} has {other}") if other else Predecessor(model)
    return Predecessor(None, f"the latest sweep has no model of k = {k}")


def in_order(
    run: RunResult, predecessor: Predecessor
) -> tuple[np.ndarray, tuple[int, ...], PredecessorCard | None]:
    """Put the clusters of a run in the order of their numbers.

    Parameters
    ----------
    run : RunResult
    predecessor : Predecessor

    Returns
    -------
    centres : (k, n_features) float64 array
    sizes : tuple of int
    card : PredecessorCard or None
        How far each cluster is from the predecessor's.
    """
    card = None
    if predecessor.model is None:
        order = by_size(run.sizes, run.centres)
    else:
        found = match(predecessor.model.centres, run.centres)
        order = found.order
        card = PredecessorCard(
            predecessor.model.card.name,
            tuple(float(one) for one in found.distances),
            tuple(None if math.isnan(one) else float(one) for one in found.moved),
            tuple(bool(one) for one in found.same),
        )
    return run.centres[order], tuple(int(run.sizes[c]) for c in order), card


def told(card: PredecessorCard | None) -> str:
    """Return which clusters are not the predecessor's, in words."""
    if card is None:
        return ""
    changed = []
    for cluster, moved in enumerate(card.moved):
        if not card.same[cluster]:
            changed.append(f"{cluster} (moved{'' if moved is None else f' {moved:.2f}'})")
    return ", ".join(changed) or "none"


def _named(k: int, config: ClusterConfig, store: EmbeddingStore, models: str) -> Predecessor:
    model = load_model(models, config.predecessor)
    name = model.card.name
    if model.card.k != k:
        asked = ", ".join(str(one) for one in config.k)
        raise UsageError(
            f"--predecessor {name} has k = {model.card.k}, and k = {asked} is asked for; expected "
            f"that one k alone: use --k {model.card.k}, or --predecessor auto, which takes a "
            f"predecessor for each k"
        )
    other = _difference(model.card, config, store)
    if other:
        raise IncompatibleStoreError(
            f"--predecessor {name} has {other}; expected a model of the same embeddings, fitted in "
            f"the same space: name another one, or use --predecessor none"
        )
    return Predecessor(model)


def _difference(card: ModelCard, config: ClusterConfig, store: EmbeddingStore) -> str:
    """Return why distances between the centres of two models would mean nothing; or nothing."""
    if card.embedding != store.manifest.recipe or card.n_features != store.n_features:
        return "embeddings made in another way"
    if card.normalize != config.normalize:
        return f"--normalize {card.normalize}"
    if card.spherical != config.spherical:
        return "spherical centres" if card.spherical else "centres that are not spherical"
    return ""
