"""Maximum variance unfolding: seconds, residuals and proofs of optimality.

120 points by the interior point method and by the low-rank factor, fewer (``--cvxpy-points``) by
cvxpy with Clarabel, whose time grows with the sixth power of the points, and 1,000 points by the
interior point method. Two kinds of points: groups in 50 dimensions, as feature blocks are, and a
swiss roll, on which the multipliers grow without end and rounding stops the method early.

Processor time of the thread is given beside the seconds: our own methods use one thread.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from typing import Any

import numpy as np

from bannercluster.heatmap.pictures.mvu import Method, UnfoldingConfig, unfold
from benchmarks.results import keep

N_NEIGHBORS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=120)
    parser.add_argument("--large", type=int, default=1_000)
    parser.add_argument("--cvxpy-points", type=int, default=60)
    asked = parser.parse_args()
    tasks: list[tuple[int, Method]] = [
        (asked.cvxpy_points, "cvxpy"),
        (asked.cvxpy_points, "interior"),
        (asked.small, "interior"),
        (asked.small, "factorised"),
        (asked.large, "interior"),
    ]
    unfold(groups(20))  # imports and first calls
    runs = [
        measured(kind, points(n), method)
        for n, method in tasks
        for kind, points in (("groups", groups), ("swiss roll", swiss_roll))
    ]
    keep("heatmap_mvu", {"n_neighbors": N_NEIGHBORS, "runs": runs})


def groups(n: int) -> np.ndarray:
    """Ten groups in 50 dimensions: (n, 50) float64."""
    own = np.random.Generator(np.random.PCG64(1))
    centres = own.standard_normal((10, 50)) * 1.5
    return centres[own.integers(0, 10, n)] + own.standard_normal((n, 50)) * 0.7


def swiss_roll(n: int) -> np.ndarray:
    """Roll up a sheet: (n, 3) float64."""
    own = np.random.Generator(np.random.PCG64(1))
    turn = 1.5 * np.pi * (1 + 2 * own.random(n))
    return np.column_stack((turn * np.cos(turn), 21 * own.random(n), turn * np.sin(turn)))


def measured(kind: str, points: np.ndarray, method: Method) -> dict[str, Any]:
    """Unfold once and return all figures, rounded to four digits."""
    started = time.thread_time()
    found = unfold(points, UnfoldingConfig(n_neighbors=N_NEIGHBORS, method=method))
    spent = time.thread_time() - started
    facts = asdict(found)
    del facts["coordinates"]
    facts["shares"] = [float(f"{share:.4g}") for share in found.shares]
    for name, value in facts.items():
        if isinstance(value, float):
            facts[name] = float(f"{value:.{9 if name in ('objective', 'bound') else 4}g}")
    print(kind, method, found.n_points, f"{spent:.1f} s", found.worst_residual, found.gap)
    return {"points": kind, **facts, "thread_s": round(spent, 2)}


if __name__ == "__main__":
    main()
