"""``BannerKMeans``: a sweep of one k with the interface of a scikit-learn estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from bannercluster.config import ClusterConfig
from bannercluster.errors import UsageError
from bannercluster.kernels.rows import Normalize, prepare
from bannercluster.kernels.rows import Recipe as _Recipe
from bannercluster.kmeans.sweep import Sweep, labels_of
from bannercluster.models.kmeans import nearest
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Walker


class BannerKMeans(TransformerMixin, ClusterMixin, BaseEstimator):  # type: ignore[misc] # untyped
    """K-means whose labels are those of float64 arithmetic, on all cores.

    Parameters
    ----------
    n_clusters : int
    init : "k-means++" or (n_clusters, n_features) array
        First centres, in the space of the normalised rows.
    n_init : int
        Restarts, all in the same traversals; 1 where ``init`` is an array.
    max_iter : int
    tol : float
        As in scikit-learn: relative to the mean variance of the features.
    random_state : int
    normalize : {"none", "l2"}
    spherical : bool
        Keep the centres on the unit sphere.
    n_jobs : int or None
        Threads; one a core by default. Does not change a result.

    Attributes
    ----------
    cluster_centers_ : (n_clusters, n_features) float64 array
    labels_ : (n_samples,) int32 array
    inertia_ : float
        Sum of squared distances of the (normalised) rows to their centres.
    n_iter_, n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from bannercluster import BannerKMeans
    >>> x = np.array([[0.0, 1.0], [0.0, 1.1], [5.0, 0.0], [5.1, 0.0]])
    >>> model = BannerKMeans(n_clusters=2, random_state=0).fit(x)
    >>> bool(model.labels_[0] == model.labels_[1] != model.labels_[2] == model.labels_[3])
    True
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: str | npt.ArrayLike = "k-means++",
        n_init: int = 10,
        max_iter: int = 300,
        tol: float = 1e-4,
        random_state: int = 0,
        normalize: Normalize = "none",
        spherical: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.normalize = normalize
        self.spherical = spherical
        self.n_jobs = n_jobs

    def fit(self, X: npt.ArrayLike, y: object = None) -> BannerKMeans:  # noqa: ARG002
        """Fit the centres.

        Parameters
        ----------
        X : (n_samples, n_features) float array
            Taken as float32.
        y : ignored

        Raises
        ------
        DataError
            If X has fewer distinct rows than ``n_clusters``.
        UsageError
            If ``init`` is neither "k-means++" nor an array of the right shape.
        """
        rows = np.asarray(validate_data(self, X, dtype=[np.float32, np.float16]))
        first = self._first(rows.shape[1])
        config = ClusterConfig(
            k=(self.n_clusters,),
            n_init=self.n_init if first is None else 1,
            max_iter=self.max_iter,
            tol=self.tol,
            seed=self.random_state,
            normalize=self.normalize,
            spherical=self.spherical,
        )
        init = None if first is None else {self.n_clusters: [first]}
        with ThreadExecutor(self.n_jobs or n_cores()) as executor:
            walker = Walker(ArraySource(rows), executor, cache_nbytes=4 * rows.size)
            best = Sweep(config, "float32", init).run(walker).best(self.n_clusters)
            (labels,) = labels_of(walker, [best.centres], self.normalize, "float32")
        self.cluster_centers_ = best.centres
        self.inertia_ = best.inertia
        self.n_iter_ = best.n_iter
        self.labels_ = labels.astype(np.int32)
        return self

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """Return the index of the nearest centre of each row, (n_samples,) int32."""
        return nearest(self._rows(X), self.cluster_centers_, self.normalize).cluster_id

    def transform(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the Euclidean distances to all centres, (n_samples, n_clusters) float64."""
        x = prepare(self._rows(X), _Recipe(self.normalize)).x.double()
        centres = torch.from_numpy(self.cluster_centers_)
        distances: npt.NDArray[np.float64] = torch.cdist(
            x, centres, compute_mode="donot_use_mm_for_euclid_dist"
        ).numpy()
        return distances

    def score(self, X: npt.ArrayLike, y: object = None) -> float:  # noqa: ARG002
        """Return minus the sum of squared distances of the rows to their nearest centres."""
        found = nearest(self._rows(X), self.cluster_centers_, self.normalize)
        return -float(np.square(found.distance.astype(np.float64)).sum())

    def _rows(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, dtype=[np.float32, np.float16], reset=False))

    def _first(self, n_features: int) -> npt.NDArray[np.float64] | None:
        if isinstance(self.init, str):
            if self.init != "k-means++":
                raise UsageError(f"init is {self.init!r}; expected 'k-means++' or an array")
            return None
        first = np.asarray(self.init, dtype=np.float64)
        if first.shape != (self.n_clusters, n_features):
            raise UsageError(
                f"init has shape {first.shape}; expected {(self.n_clusters, n_features)}"
            )
        return first
