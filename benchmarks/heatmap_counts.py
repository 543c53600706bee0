"""How many click clusters an image has: the count network against mixtures on the same images.

    python -m benchmarks.heatmap_counts FOLDER [--images 200] [--references 200] [--threads 1]

FOLDER keeps the trained network and, line by line, what the mixtures said of each test image: a run
that was ended goes on. The test images are those of `TEST_SEED`; the network is trained on another
seed. The figures go to ``results/heatmap_counts.json``.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bannercluster.heatmap.mixtures.em import EmConfig
from bannercluster.heatmap.mixtures.model import N_PARAMETERS
from bannercluster.heatmap.mixtures.path import PathConfig, fit_path
from bannercluster.heatmap.mixtures.truth import fit_from_truth, pruned
from bannercluster.heatmap.networks.clusters import ClusterConfig, ClusterImage, cluster_images
from bannercluster.heatmap.networks.count import CountConfig, CountNetwork, train_count_network
from bannercluster.heatmap.networks.stacking import Evidence, fit_stack
from benchmarks.results import keep

N_CLICKS = (500, 2_000, 50_000)
TEST_SEED = 20_261_122
PATH = PathConfig(em=EmConfig(most_sd=11.0))
"""The references know the range of the true deviations (1 ... 10 px), and a px more."""

N_RESAMPLES = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=400, help="test images of each click count")
    parser.add_argument("--references", type=int, default=200, help="of these, for the mixtures")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--steps", type=int, default=2000, help="of the training")
    parser.add_argument("--only-references", action="store_true", help="fit the mixtures and end")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.only_references:
        for n_clicks in N_CLICKS:
            references(given.folder, n_clicks, given.references)
        return
    torch.set_num_threads(given.threads)
    network = train_count_network(
        CountConfig.small(given.steps), folder=str(given.folder), on_step=print
    )
    keep("heatmap_counts", compared(network, given.folder, given.images, given.references))


def compared(
    network: CountNetwork, folder: Path, n_images: int, n_references: int
) -> dict[str, Any]:
    """Measure network and references, click count by click count."""
    result: dict[str, Any] = {
        "test_seed": TEST_SEED,
        "training_seed": network.config.training.seed,
        "network": network.fingerprint,
        "training_steps": network.config.training.n_steps,
        "training_images": network.config.training.n_steps * network.config.n_batch,
        "chance": {"exact": round(1 / 21, 4), "within_one": round(3 / 21, 4)},
        "clicks": {},
    }
    for n_clicks in N_CLICKS:
        images = images_of(n_clicks, 0, n_images)
        truth = np.array([image.n_clusters for image in images])
        counts = np.stack([image.counts for image in images])
        began = time.process_time()
        predicted = network.predict(counts)
        found = predicted.counts
        network_s = (time.process_time() - began) / n_images
        rows = references(folder, n_clicks, n_references)
        n = len(rows)
        said = {
            "network": found[:n],
            "gmm_bic": np.array([row["bic"] for row in rows]),
            "gmm_tuned_penalty": tuned(rows, truth[:n]),
            "network_and_gmm": stacked(rows, predicted.probabilities[:n], truth[:n]),
            "truth_em_bic": np.array([row["truth"] for row in rows]),
        }
        result["clicks"][str(n_clicks)] = {
            "images": n_images,
            "network": score(found, truth),
            "network_cpu_s_per_image": round(network_s, 4),
            "same_images": {
                "images": n,
                **{name: score(one, truth[:n]) for name, one in said.items()},
                "network_minus_gmm_bic_exact": difference(
                    said["network"] == truth[:n], said["gmm_bic"] == truth[:n]
                ),
                "network_and_gmm_minus_gmm_bic_exact": difference(
                    said["network_and_gmm"] == truth[:n], said["gmm_bic"] == truth[:n]
                ),
                "network_minus_truth_em_bic_exact": difference(
                    said["network"] == truth[:n], said["truth_em_bic"] == truth[:n]
                ),
                "gmm_cpu_s_per_image": round(float(np.mean([row["path_s"] for row in rows])), 3),
                "truth_em_cpu_s_per_image": round(
                    float(np.mean([row["truth_s"] for row in rows])), 3
                ),
                "path_worse_than_truth_by_bic": round(
                    float(np.mean([row["best"] > row["truth_bic"] + 1 for row in rows])), 3
                ),
            },
        }
    return result


def images_of(n_clicks: int, start: int, stop: int) -> list[ClusterImage]:
    """Return the test images of a click count."""
    return cluster_images(ClusterConfig(n_clicks=(n_clicks, n_clicks)), TEST_SEED, start, stop)


def references(folder: Path, n_clicks: int, n_images: int) -> list[dict[str, Any]]:
    """Fit mixtures to the first test images, or read what was fitted before."""
    kept = folder / f"references-{n_clicks}.jsonl"
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    for index in range(len(lines), n_images):
        lines.append(json.dumps(referred(images_of(n_clicks, index, index + 1)[0])))
        with kept.open("a", encoding="utf-8") as file:
            file.write(lines[-1] + "\n")
    return [json.loads(line) for line in lines[:n_images]]


def referred(image: ClusterImage) -> dict[str, Any]:
    """Fit mixtures from nothing and from the truth."""
    began = time.thread_time()
    path = fit_path(image.counts, PATH)
    between = time.thread_time()
    start = fit_from_truth(image.counts, image.centres, image.covariances, image.n_drawn, PATH.em)
    last = pruned(image.counts, start, PATH)
    k = last.mixture.n_components
    n_clicks = float(image.counts.sum())
    return {
        "k": image.n_clusters,
        "n_clicks": n_clicks,
        "bic": path.chosen,
        "best": min(path.bic),
        "log_likelihoods": [round(fit.log_likelihood, 2) for fit in path.fits],
        "truth": k,
        "truth_bic": -2 * last.log_likelihood + N_PARAMETERS * k * np.log(n_clicks),
        "path_s": between - began,
        "truth_s": time.thread_time() - between,
    }


def tuned(rows: list[dict[str, Any]], truth: np.ndarray) -> np.ndarray:
    """Count by the penalty of a component that counts best on the other half of the images."""
    penalties = np.arange(4.0, 100.0, 1.0)
    chosen = np.array(
        [
            [
                int(
                    np.argmin(
                        [-2 * value + c * k for k, value in enumerate(row["log_likelihoods"])]
                    )
                )
                for c in penalties
            ]
            for row in rows
        ]
    )
    found = np.zeros(len(rows), np.int64)
    for half in (0, 1):
        own = np.arange(len(rows)) % 2 == half
        right = (chosen[~own] == truth[~own, None]).mean(axis=0)
        found[own] = chosen[own, int(np.argmax(right))]
    return found


def stacked(rows: list[dict[str, Any]], probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Count by network and mixture together, weighted on the other half of the images."""
    evidence = Evidence.of(
        probabilities,
        [row["log_likelihoods"] for row in rows],
        np.array([row["n_clicks"] for row in rows]),
    )
    found = np.zeros(len(rows), np.int64)
    for half in (0, 1):
        own = np.arange(len(rows)) % 2 == half
        stack = fit_stack(evidence.some(~own), truth[~own])
        found[own] = stack.counts(evidence.some(own))
    return found


def score(found: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """Return the shares exact and within one, with intervals, and the mean error."""
    gap = found - truth
    return {
        "exact": interval(gap == 0),
        "within_one": interval(abs(gap) <= 1),
        "mean_error": round(float(gap.mean()), 3),
    }


def interval(values: np.ndarray) -> list[float]:
    """Return mean, and ends of the 95 % interval by bootstrap over images."""
    rng = np.random.Generator(np.random.PCG64(7))
    picks = rng.integers(len(values), size=(N_RESAMPLES, len(values)))
    means = np.asarray(values, np.float64)[picks].mean(axis=1)
    ends = np.quantile(means, [0.025, 0.975])
    return [round(float(x), 3) for x in (np.mean(values), *ends)]


def difference(first: np.ndarray, second: np.ndarray) -> list[float]:
    """Return the mean difference on the same images, with its interval."""
    return interval(first.astype(np.float64) - second.astype(np.float64))


if __name__ == "__main__":
    main()
