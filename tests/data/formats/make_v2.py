"""How the models in ``v2`` were made. Not run by any test, and not to be run again.

    python tests/data/formats/make_v2.py FOLDER

Version 2 of the card says what engine fitted a model and whose cluster numbers it has; version 2 of
``sweep.json`` has timings. Two models: one of its own numbers, and its refit by scikit-learn.
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np
from make_v1 import CENTRES, make_model

from bannercluster.models.card import PredecessorCard
from bannercluster.models.folder import save_model
from bannercluster.models.kmeans import KMeansModel
from bannercluster.models.sweeps import SweepFile


def main(folder: Path) -> None:
    models = str(folder / "models")
    first = make_model(3)
    save_model(models, first)
    predecessor = PredecessorCard(
        first.card.name, (0.5, 0.0, 0.25), (1.5, 0.0, None), (False, True, True)
    )
    card = dataclasses.replace(
        first.card,
        name="kmeans-k03-00000004",
        engine="sklearn",
        fit={**first.card.fit, "engine": "sklearn"},
        predecessor=predecessor,
    )
    save_model(models, KMeansModel(CENTRES[3] + np.array([0.5, 0, 0, 0]), card))
    timings = {"statistics_s": 0.5, "seeding_s": 0.25, "iterations_s": 2.0, "total_s": 3.0}
    SweepFile((card.name,), "embeddings.zarr", card.data, timings, 17).save(models)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
