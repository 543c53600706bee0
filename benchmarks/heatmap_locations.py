"""Where the click clusters of an image are: Hungarian set prediction, Chamfer, and EM from truth.

    python -m benchmarks.heatmap_locations FOLDER [--images 200] [--steps 800] [--chamfer-steps 400]

FOLDER keeps the trained networks; a run that was ended goes on. Test images are those of
`TEST_SEED` with 0 to 6 clusters. The figures go to ``results/heatmap_locations.json``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from bannercluster.heatmap.mixtures.em import EmConfig
from bannercluster.heatmap.mixtures.truth import fit_from_truth
from bannercluster.heatmap.networks.clusters import ClusterConfig, ClusterImage, cluster_images
from bannercluster.heatmap.networks.location import LocationConfig, train_location_network
from benchmarks.heatmap_counts import N_CLICKS, interval
from benchmarks.results import keep

TEST_SEED = 20_261_124
NEAR_PX = 3.0
ISOLATED_SD = 4.0
"""A cluster is isolated if no other centre is nearer than so many of the larger deviation of the
two (the longest axis counts)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=200, help="test images of each click count")
    parser.add_argument("--steps", type=int, default=800, help="of the Hungarian training")
    parser.add_argument("--chamfer-steps", type=int, default=400, help="of the Chamfer training")
    given = parser.parse_args()
    torch.set_num_threads(1)
    folder = str(given.folder)
    hungarian = train_location_network(
        LocationConfig.small("hungarian", given.steps), folder=folder, on_step=print
    )
    chamfer = train_location_network(
        LocationConfig.small("chamfer", given.chamfer_steps), folder=folder, on_step=print
    )
    result: dict[str, Any] = {
        "test_seed": TEST_SEED,
        "images": given.images,
        "hungarian": hungarian.fingerprint,
        "hungarian_steps": given.steps,
        "chamfer": chamfer.fingerprint,
        "chamfer_steps": given.chamfer_steps,
        "clicks": {},
    }
    for n_clicks in N_CLICKS:
        config = ClusterConfig(max_clusters=6, n_clicks=(n_clicks, n_clicks))
        images = cluster_images(config, TEST_SEED, 0, given.images)
        counts = np.stack([image.counts for image in images])
        said = {
            "hungarian": [one.centres for one in hungarian.predict(counts)],
            "hungarian_without_em": [
                one.centres for one in hungarian.predict(counts, refine=False)
            ],
            "chamfer": [merged(one.centres) for one in chamfer.predict(counts)],
            "truth_em": [from_truth(image) for image in images],
        }
        result["clicks"][str(n_clicks)] = compared(images, said)
    keep("heatmap_locations", result)


def compared(images: list[ClusterImage], said: dict[str, list[np.ndarray]]) -> dict[str, Any]:
    """Score all; RMSE of those clusters that all but Chamfer found, so that it is of the same."""
    apart = [isolated(image) for image in images]
    gaps = {
        name: [nearest(image.centres, one) for image, one in zip(images, found, strict=True)]
        for name, found in said.items()
    }
    result: dict[str, Any] = {}
    both = [
        alone & np.isfinite(own) & np.isfinite(true)
        for alone, own, true in zip(apart, gaps["hungarian"], gaps["truth_em"], strict=True)
    ]
    for name, found in said.items():
        own = np.concatenate([gap[pick] for gap, pick in zip(gaps[name], both, strict=True)])
        number = np.array([len(one) for one in found])
        truth = np.array([image.n_clusters for image in images])
        result[name] = {
            "f1_at_3_px": round(f1(images, found), 4),
            "count_exact": interval(number == truth),
            "rmse_isolated_px": rmse(own[np.isfinite(own)]),
            "isolated_found": int(np.isfinite(own).sum()),
        }
    result["isolated"] = int(sum(pick.sum() for pick in apart))
    result["rmse_ratio_to_truth_em"] = round(
        result["hungarian"]["rmse_isolated_px"] / result["truth_em"]["rmse_isolated_px"], 3
    )
    return result


def from_truth(image: ClusterImage) -> np.ndarray:
    """Return the centres of EM from the truth."""
    config = EmConfig(n_steps=200, tolerance=1e-3)
    fit = fit_from_truth(image.counts, image.centres, image.covariances, image.n_drawn, config)
    return fit.mixture.means


def isolated(image: ClusterImage) -> np.ndarray:
    """Return which clusters of an image are isolated, (k,) bool."""
    sd = np.sqrt(np.linalg.eigvalsh(image.covariances)[:, -1]) if image.n_clusters else np.zeros(0)
    gap = np.hypot(*(image.centres[:, None] - image.centres[None]).transpose(2, 0, 1))
    np.fill_diagonal(gap, np.inf)
    return (gap > ISOLATED_SD * np.maximum(sd[:, None], sd[None])).all(axis=1)


def nearest(centres: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the distance of each centre to the point it is matched with; inf beyond 3 px."""
    gap = np.full(len(centres), np.inf)
    rows, columns, distance = matched(centres, found)
    gap[rows] = distance[rows, columns]
    return np.where(gap <= NEAR_PX, gap, np.inf)


def matched(centres: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Match most pairs within 3 px, and of these ways the one of least distance."""
    distance = np.hypot(*(centres[:, None] - found[None]).transpose(2, 0, 1))
    cost = np.where(distance <= NEAR_PX, distance, 1e6)
    rows, columns = linear_sum_assignment(cost)
    return rows, columns, distance


def f1(images: list[ClusterImage], found: list[np.ndarray]) -> float:
    """F1 of all clusters of all images, a hit being a pair of its own within 3 px."""
    hits = sum(
        int(np.isfinite(nearest(image.centres, one)).sum())
        for image, one in zip(images, found, strict=True)
    )
    total = sum(image.n_clusters + len(one) for image, one in zip(images, found, strict=True))
    return 2 * hits / max(total, 1)


def rmse(gaps: np.ndarray) -> float:
    """Root of the mean square distance, px."""
    return round(float(np.sqrt((gaps**2).mean())), 4) if len(gaps) else float("nan")


def merged(points: np.ndarray) -> np.ndarray:
    """Return one point for each group that lies within 3 px: Chamfer's points have no existence."""
    kept: list[np.ndarray] = []
    for point in points:
        if all(np.hypot(*(point - other)) > NEAR_PX for other in kept):
            kept.append(point)
    return np.array(kept).reshape(-1, 2)


if __name__ == "__main__":
    main()
