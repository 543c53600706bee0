"""Native aspect + L2 against squashed + raw, on the real banners: advertiser AMI over 50 seeds."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

from bannercluster import BannerKMeans, EmbeddingStore, embed
from bannercluster.config import load_config
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.runtime.progress import SilentProgress
from benchmarks.results import keep

K = 7
SEEDS = range(50)
LEAST_BANNERS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", default="../shared/data/banners_mit")
    asked = parser.parse_args()
    if not Path(asked.images).is_dir():
        sys.exit(f"the real banners are not at {asked.images}: name their folder with --images")
    result: dict[str, object] = {"k": K, "seeds": len(SEEDS), "least_banners": LEAST_BANNERS}
    for precision in ("auto", "float32"):
        native = Embedded.of(asked.images, "native", precision)
        squashed = Embedded.of(asked.images, "squash", precision)
        for restarts in (1, 10):
            ours, theirs = native.scores("l2", restarts), squashed.scores("none", restarts)
            low, high = paired_interval(ours - theirs)
            result[f"precision {precision}, {restarts} restarts"] = {
                "native_l2_ami": round(float(ours.mean()), 4),
                "squash_raw_ami": round(float(theirs.mean()), 4),
                "difference": round(float((ours - theirs).mean()), 4),
                "difference_95": [round(float(low), 4), round(float(high), 4)],
            }
    keep("resize", result)


@dataclass(frozen=True)
class Embedded:
    """Embeddings (n_rows, n_features) and advertisers (n_rows,) of the real banners."""

    values: np.ndarray
    truth: np.ndarray

    @classmethod
    def of(cls, images: str, resize: str, precision: str) -> Embedded:
        """Embed the banners whose advertiser has enough of them."""
        work = tempfile.mkdtemp(prefix="bc-bench-")
        try:
            paths = {"images": images, "embeddings": f"{work}/embeddings.zarr"}
            config = {"model": "efficientnet_lite0", "resize": resize, "precision": precision}
            settings = load_config({"paths": paths, "embed": config}, None, dict(os.environ))
            with ThreadExecutor(n_cores()) as executor:
                embed.run(settings, executor=executor, progress=SilentProgress())
            store = EmbeddingStore.open(settings.paths.embeddings)
            values = store.read(0, store.n_rows)
            contents, names = (
                store.table("aliases")[name].to_pylist() for name in ("content_id", "advertiser")
            )
            advertiser_of = dict(zip(contents, names, strict=True))
            truth = np.array([advertiser_of[row.tobytes()] for row in store.content_ids()])
        finally:
            shutil.rmtree(work)
        names, counts = np.unique(truth, return_counts=True)
        kept = np.isin(truth, names[counts >= LEAST_BANNERS])
        return cls(values[kept], truth[kept])

    def scores(self, normalize: str, restarts: int) -> np.ndarray:
        """AMI of the best of some restarts, one a seed: (n_seeds,) float64."""
        found = []
        for seed in SEEDS:
            model = BannerKMeans(K, n_init=restarts, random_state=seed, normalize=normalize)
            found.append(adjusted_mutual_info_score(self.truth, model.fit(self.values).labels_))
        return np.array(found)


def paired_interval(difference: np.ndarray) -> np.ndarray:
    """95 % interval of the mean difference, bootstrapped over the seeds."""
    generator = np.random.Generator(np.random.PCG64(0))
    drawn = generator.choice(difference, (10_000, len(difference)))
    return np.quantile(drawn.mean(axis=1), [0.025, 0.975])


if __name__ == "__main__":
    main()
