"""How the samples in ``v1`` were made. Not run by any test, and not to be run again.

``v1`` is what the first version of bannercluster wrote: it must open for as long as this package
exists. When a format gets a new version, write a ``make_v2.py`` into ``v2`` and leave ``v1`` alone.

    python tests/data/formats/make_v1.py FOLDER

Five rows of four features in chunks of four rows; six banners (one content has two ids), one
rejected file; two models, their sweep, an evaluation with labels, the assignments of one model.
"""

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from bannercluster.embed.ledger import REJECTED, ROWS
from bannercluster.models.card import ModelCard, RestartCard
from bannercluster.models.evaluations import Evaluation, LabelFacts, ModelMetrics
from bannercluster.models.folder import save_model
from bannercluster.models.kmeans import KMeansModel
from bannercluster.models.sweeps import SweepFile
from bannercluster.store import assignments, commit, tables

VALUES = np.array(
    [[1, 0, 0, 0], [0.5, 0.25, 0, 0], [0, 1, 0, 0], [0, 2, 0.125, 0], [0, 0, 3, 4]], np.float16
)
CONTENTS = [hashlib.sha256(b"banner %d" % row).digest() for row in range(5)]
RECIPE = {
    "model": "efficientnet_lite0",
    "weights_sha256": hashlib.sha256(b"weights").hexdigest(),
    "engine": "openvino",
    "precision": "float32",
    "preprocessing": {
        "version": 1,
        "resize": "native",
        "input_size": 224,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bicubic",
    },
    "dtype": "float16",
}
CENTRES = {
    2: np.array([[0.3, 0.7, 0, 0], [0, 0, 0.6, 0.8]]),
    3: np.array([[0.9, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 0.6, 0.8]]),
}
CREATED = "2026-01-05T06:07:08+00:00"


def make_store(folder: Path) -> None:
    rows = [
        {"content_id": content, "file": f"{row}.png", "width": 300, "height": 250,
         "format": "PNG", "n_frames": 1, "frame": 0, "nbytes": 1000 + row}
        for row, content in enumerate(CONTENTS)
    ]  # fmt: skip
    aliases = [
        {"banner_id": f"00{alias}", "file": f"{alias}.png", "content_id": CONTENTS[alias % 5],
         "first_day": "2026-01-05", "last_day": "2026-01-06", "nbytes": 1000 + alias % 5,
         "modified": f"17{alias}.5", "advertiser": "acorn" if alias % 5 < 2 else "birch"}
        for alias in range(6)
    ]  # fmt: skip
    rejected = [
        {"file": "6.png", "banner_id": "006", "content_id": hashlib.sha256(b"").digest(),
         "stage": "embed", "reason": "empty", "detail": "0 bytes"}
    ]  # fmt: skip
    commit.commit(
        str(folder / "embeddings.zarr"),
        [(VALUES, np.frombuffer(b"".join(CONTENTS), np.uint8).reshape(5, 32))],
        {
            "rows": pa.Table.from_pylist(rows, schema=ROWS),
            "aliases": pa.Table.from_pylist(aliases),
            "rejected": pa.Table.from_pylist(rejected, schema=REJECTED),
        },
        recipe=RECIPE,
        n_features=4,
        dtype="float16",
        chunk_rows=4,
        info={"source": "images", "environment": {"python": "3.11"}},
    )


def make_model(k: int) -> KMeansModel:
    card = ModelCard(
        name=f"kmeans-k{k:02d}-{'0' * 7}{k}",
        algorithm="kmeans",
        k=k,
        n_features=4,
        normalize="l2",
        spherical=False,
        seed=0,
        n_iter=2,
        inertia=0.5,
        converged=True,
        sizes=(4, 1) if k == 2 else (2, 2, 1),
        restarts=(RestartCard(0, 0.5, 2, True), RestartCard(1, 0.75, 3, True)),
        fit={"k": k, "algorithm": "kmeans", "normalize": "l2", "seed": 0},
        data={"n_rows": 5, "fingerprint": hashlib.sha256(b"data").hexdigest()},
        embedding=RECIPE,
        versions={"python": "3.11", "cpu": "a processor", "n_cores": 2, "libraries": {}},
        created=CREATED,
    )
    return KMeansModel(CENTRES[k], card)


def make_evaluation(models: list[KMeansModel]) -> Evaluation:
    metrics = tuple(
        ModelMetrics(
            model.card.name,
            model.card.k,
            model.card.sizes,
            {"silhouette_sq_euclidean": 0.25 * model.card.k, "inertia": 0.5, "ami": 1.0},
            ((("acorn", 2), ("birch", 1)),) + ((("birch", 1),),) * (model.card.k - 1),
        )
        for model in models
    )
    facts = LabelFacts("advertiser", "the manifest", 2, 5, 0, 0, 0, 0, "contents")
    return Evaluation(
        metrics,
        metrics[1].name,
        "a rule",
        "embeddings.zarr",
        "embeddings.zarr@2026#1",
        5,
        facts,
        CREATED,
    )


def make_assignments(folder: Path, model: KMeansModel) -> None:
    assigned = model.assign(VALUES)
    at = datetime(2026, 1, 5, 6, 7, 8, 9, tzinfo=UTC)
    rows = [
        {"banner_id": f"00{alias}", "file": f"{alias}.png", "content_id": CONTENTS[alias % 5],
         "row": alias % 5, "model_version": model.card.name,
         "cluster_id": int(assigned.cluster_id[alias % 5]),
         "distance": float(assigned.distance[alias % 5]),
         "margin": float(assigned.margin[alias % 5]), "assigned_at": at}
        for alias in range(6)
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=assignments.SCHEMA)
    tables.write(assignments.url_of(str(folder / "assignments"), model.card.name), table)


def main(folder: Path) -> None:
    make_store(folder)
    models = [make_model(k) for k in (2, 3)]
    for model in models:
        save_model(str(folder / "models"), model)
    data = models[0].card.data
    sweep = SweepFile(tuple(model.card.name for model in models), "embeddings.zarr", data)
    sweep.save(str(folder / "models"))
    make_evaluation(models).save(str(folder / "evaluation"))
    make_assignments(folder, models[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
