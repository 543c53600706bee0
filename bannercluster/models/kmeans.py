"""A fitted k-means model: centres, and the nearest centre, distance and margin of new rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bannercluster.fusion.fusing import Fusion
from bannercluster.kernels.native import labels as native
from bannercluster.kernels.rows import Normalize, Recipe, prepare
from bannercluster.kernels.stack import TIE
from bannercluster.models.card import ModelCard


@dataclass(frozen=True)
class Assigned:
    """Rows with their clusters.

    Parameters
    ----------
    cluster_id : (n,) int32 array
    distance : (n,) float32 array
        Euclidean distance to the own centre, in the space of the model.
    margin : (n,) float32 array
        Distance to the second nearest centre minus ``distance``; NaN for a model with one cluster.
    """

    cluster_id: np.ndarray
    distance: np.ndarray
    margin: np.ndarray


@dataclass(frozen=True)
class KMeansModel:
    """Centres and a card.

    Parameters
    ----------
    centres : (k, n_features) float64 array
    card : ModelCard
    fusion : Fusion or None
        What made its rows of images and texts; None where they are rows of one store.
    """

    centres: np.ndarray
    card: ModelCard
    fusion: Fusion | None = None

    @property
    def normalize(self) -> Normalize:
        """How rows are normalised before they meet the centres."""
        return "l2" if self.card.normalize == "l2" else "none"

    def assign(self, stored: np.ndarray) -> Assigned:
        """Assign rows.

        Parameters
        ----------
        stored : (n, n_features) float16 or float32 array
            Embeddings as stored.

        Returns
        -------
        Assigned
        """
        return nearest(stored, self.centres, self.normalize)


def nearest(stored: np.ndarray, centres: np.ndarray, normalize: Normalize) -> Assigned:
    """Return the nearest centre of each row with its distance and margin, in float64 arithmetic.

    Parameters
    ----------
    stored : (n, n_features) float16 or float32 array
    centres : (k, n_features) float64 array
    normalize : {"l2", "none"}
    """
    x = prepare(stored, Recipe(normalize)).x.numpy()
    label = np.empty(len(x), np.int32)
    distance, margin = np.empty(len(x), np.float32), np.empty(len(x), np.float32)
    native.nearest(x, centres, TIE, label, distance, margin)
    return Assigned(label, distance, margin)
