"""Networks that a model does not use: trained at a profile, held against their references.

They answer what the users asked of them. The figures are of few images, to see that a training
works; those that are quoted come from the benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from bannercluster.heatmap.mixtures.path import fit_path
from bannercluster.heatmap.mixtures.truth import fit_from_truth
from bannercluster.heatmap.networks.anchors import anchor_cosine, mean_anchors
from bannercluster.heatmap.networks.clusters import (
    ClusterConfig,
    ClusterImage,
    cluster_images,
)
from bannercluster.heatmap.networks.count import CountConfig, train_count_network
from bannercluster.heatmap.networks.embedding import encode
from bannercluster.heatmap.networks.encoder import SimclrNetwork
from bannercluster.heatmap.networks.location import LocationConfig, train_location_network
from bannercluster.heatmap.networks.simclr import FULL, SMALL, SimclrConfig, train_on_heatmaps
from bannercluster.heatmap.quality import auroc
from bannercluster.heatmap.simulator.benchmark import (
    BenchmarkConfig,
    Heatmaps,
    draw_grids,
    simulate_grid,
)
from bannercluster.store.fingerprint import fingerprint

OnStep = Callable[[int, float], None]
Figure = dict[str, Any]
"""``figure``, ``value``, ``reference`` and ``reference_value``."""

_TEST_SEED = 20_261_124
_N_CLICKS = 2_000
_NEAR_PX = 3.0


@dataclass(frozen=True)
class FurtherRecipe:
    """What further networks are made from, and how many images measure them.

    Parameters
    ----------
    count : CountConfig
    location : LocationConfig
    simclr : SimclrConfig
    lessons : BenchmarkConfig
        Grids of which one half teaches SimCLR and the other half measures it.
    n_images : int
        That measure count and location.
    """

    count: CountConfig = field(default_factory=CountConfig.small)
    location: LocationConfig = field(default_factory=LocationConfig.small)
    simclr: SimclrConfig = SMALL
    lessons: BenchmarkConfig = field(
        default_factory=lambda: BenchmarkConfig(
            grids=(24, 0, 0), healthy=5, clicks=(60, 300, 2_000), seed=3_000
        )
    )
    n_images: int = 40

    @classmethod
    def full(cls) -> FurtherRecipe:
        """Return what a GPU makes."""
        return cls(CountConfig.full(), LocationConfig.full(), FULL, n_images=400)

    def mark(self, name: str) -> str:
        """Return the SHA-256 (hex) of what decides the figures of a network."""
        of_network = asdict(getattr(self, name))
        own = {"name": name, "config": of_network, "n_images": self.n_images}
        return fingerprint({**own, "lessons": asdict(self.lessons)} if name == "simclr" else own)

    def n_steps(self, name: str) -> int:
        """Return the steps of the training of a network."""
        steps: int = getattr(self, name).training.n_steps
        return steps


def trained_further(name: str, recipe: FurtherRecipe, folder: str, on_step: OnStep) -> list[Figure]:
    """Train a network, or load it where it is finished, and measure it.

    Parameters
    ----------
    name : {"count", "location", "simclr"}
    recipe : FurtherRecipe
    folder : str
        Where networks lie.
    on_step : callable
        Called with the steps done and the loss.
    """
    return _MEASURES[name](recipe, folder, on_step)


def _count(recipe: FurtherRecipe, folder: str, on_step: OnStep) -> list[Figure]:
    network = train_count_network(recipe.count, folder=folder, on_step=on_step)
    images = _images(recipe.count.clusters, recipe.n_images)
    truth = np.array([image.n_clusters for image in images])
    found = network.predict(np.stack([image.counts for image in images])).counts
    mixtures = np.array([fit_path(image.counts).chosen for image in images])
    return [
        {
            "figure": f"{what}, {_N_CLICKS:,} clicks",
            "value": float((abs(found - truth) <= off).mean()),
            "reference": "Gaussian mixture and BIC",
            "reference_value": float((abs(mixtures - truth) <= off).mean()),
        }
        for what, off in (("count exact", 0), ("count within one", 1))
    ]


def _location(recipe: FurtherRecipe, folder: str, on_step: OnStep) -> list[Figure]:
    network = train_location_network(recipe.location, folder=folder, on_step=on_step)
    images = _images(recipe.location.clusters, recipe.n_images)
    found = [one.centres for one in network.predict(np.stack([image.counts for image in images]))]
    truth = [
        fit_from_truth(one.counts, one.centres, one.covariances, one.n_drawn).mixture.means
        for one in images
    ]
    return [
        {
            "figure": f"F1 at {_NEAR_PX:g} px, {_N_CLICKS:,} clicks",
            "value": _f1(images, found),
            "reference": "EM that starts at the truth",
            "reference_value": _f1(images, truth),
        }
    ]


def _simclr(recipe: FurtherRecipe, folder: str, on_step: OnStep) -> list[Figure]:
    grids = draw_grids(recipe.lessons)
    drawn = Heatmaps.concatenated(
        [simulate_grid(recipe.lessons, grids, grid.number) for grid in grids]
    )
    is_taught = drawn.grid < len(grids) // 2
    lessons = drawn.where(is_taught & ~drawn.broken)
    trained = train_on_heatmaps(
        lessons.counts, lessons.grid, recipe.simclr, folder=folder, on_step=on_step
    )
    if not isinstance(trained.network, SimclrNetwork):
        raise TypeError(f"a {type(trained.network).__name__} is no SimclrNetwork")
    test = drawn.where(~is_taught)
    features = encode(trained.network.encoder, test.counts)
    pixels = test.counts.reshape(len(test), -1).astype(np.float64)
    return [
        {
            "figure": "AUROC of the cosine to the mean reference, grids left out",
            "value": _anchored(features, test),
            "reference": "the same of the counts themselves",
            "reference_value": _anchored(pixels, test),
        }
    ]


_MEASURES: Mapping[str, Callable[[FurtherRecipe, str, OnStep], list[Figure]]] = MappingProxyType(
    {"count": _count, "location": _location, "simclr": _simclr}
)


def _images(clusters: ClusterConfig, n: int) -> list[ClusterImage]:
    return cluster_images(replace(clusters, n_clicks=(_N_CLICKS, _N_CLICKS)), _TEST_SEED, 0, n)


def _f1(images: list[ClusterImage], found: list[npt.NDArray[np.float64]]) -> float:
    """Return the F1 of centres, matched one to one where they are near."""
    n_near = n_true = n_found = 0
    for image, centres in zip(images, found, strict=True):
        gap = np.linalg.norm(image.centres[:, None] - centres[None], axis=2)
        rows, columns = linear_sum_assignment(np.minimum(gap, 2 * _NEAR_PX))
        n_near += int((gap[rows, columns] <= _NEAR_PX).sum())
        n_true, n_found = n_true + len(image.centres), n_found + len(centres)
    return 2 * n_near / max(n_true + n_found, 1)


def _anchored(block: npt.NDArray[Any], test: Heatmaps) -> float:
    grids, anchors = mean_anchors(block, test.grid, test.reference)
    cosine = anchor_cosine(block, test.grid, grids, anchors)
    judged = ~test.reference
    return auroc(-cosine[judged], np.asarray(test.broken)[judged])
