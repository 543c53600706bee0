"""A folder of pictures, and the store, models and evaluation that stages would have left for it."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from models.fitted import make_card, run_stage, settings_of
from PIL import Image
from store.stores import committed

from bannercluster import evaluate, report
from bannercluster.config import Settings
from bannercluster.models.card import ModelCard
from bannercluster.models.folder import save_model
from bannercluster.models.kmeans import KMeansModel
from bannercluster.models.sweeps import SweepFile

N = 24
RECIPE = {
    "model": "a_network",
    "weights_sha256": "ab" * 32,
    "engine": "openvino",
    "precision": "float32",
    "preprocessing": {"resize": "native", "input_size": 224},
}


def picture(nth: int) -> bytes:
    """A small picture, another one for each number."""
    blocks = np.random.default_rng(nth).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize((60, 50), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


class Case:
    """What is on disk; every part can be another one before `make` writes it."""

    def __init__(self, folder: Path, n: int = N) -> None:
        self.folder, self.n = folder, n
        self.files = [f"b{row:02d}.png" for row in range(n)]
        self.labels = ["acorn" if row % 2 else "birch" for row in range(n)]
        self.ids: list[str | None] = [f"id-{row:02d}" for row in range(n)]
        self.without_alias: set[int] = set()
        self.rejected: list[dict[str, object]] = []
        rng = np.random.default_rng(8)
        self.values = rng.normal(0, 1, (n, 6)).astype(np.float16)
        self.centres = {"m2": rng.normal(0, 1, (2, 6)), "m3": rng.normal(0, 1, (3, 6))}

    @property
    def settings(self) -> Settings:
        report = str(self.folder / "out" / "report.html")
        return settings_of(self.folder).replace("paths", report=report, label="advertiser")

    def make(self) -> Settings:
        contents = []
        for nth, file in enumerate(self.files):
            path = self.folder / "images" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(nth))
            contents.append(hashlib.sha256(picture(nth)).digest())
        rows = [
            {"content_id": content, "file": file, "width": 60, "height": 50}
            for content, file in zip(contents, self.files, strict=True)
        ]
        aliases = [
            {"banner_id": self.ids[row], "file": self.files[row], "content_id": contents[row],
             "advertiser": self.labels[row]}
            for row in range(self.n) if row not in self.without_alias
        ]  # fmt: skip
        names = ("file", "stage", "reason", "detail")
        committed(
            str(self.folder / "embeddings.zarr"),
            [(self.values, np.frombuffer(b"".join(contents), np.uint8).reshape(-1, 32))],
            {
                "rows": pa.Table.from_pylist(rows),
                "aliases": pa.Table.from_pylist(aliases),
                "rejected": pa.Table.from_pylist(
                    self.rejected, schema=pa.schema([(name, pa.string()) for name in names])
                ),
            },
            recipe=RECIPE,
            n_features=6,
            dtype="float16",
            chunk_rows=16,
            info={},
        )
        for name, centres in self.centres.items():
            save_model(str(self.folder / "models"), KMeansModel(centres, card(name, centres)))
        SweepFile(tuple(self.centres), "e", {}).save(str(self.folder / "models"))
        return self.settings

    def evaluate(self) -> None:
        run_stage(evaluate, self.settings)

    def report(self, n_workers: int = 1, **values) -> tuple[report.ReportResult, str]:
        settings = self.settings.replace("report", **values)
        result = run_stage(report, settings, n_workers)
        return result, Path(settings.paths.report).read_text()


def card(name: str, centres: np.ndarray) -> ModelCard:
    return make_card(name, centres, embedding=RECIPE, versions={"cpu": "a processor", "n_cores": 2})
