"""A folder with all that the stages write, and its content without times: equal or not equal."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embed.banners import banner, put

from bannercluster.models.evaluations import Evaluation, load_label_metrics
from bannercluster.models.folder import load_model, model_names
from bannercluster.models.sweeps import SweepFile
from bannercluster.store import ocr, tables
from bannercluster.store.embeddings import EmbeddingStore

from .zygote import STAGES

SHAPES = ((300, 250), (728, 90), (160, 600), (320, 50))
_TIMES = frozenset({"created", "modified", "assigned_at", "versions", "store_key", "timings"})


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Parameters
    ----------
    code : int
        Exit code; -9 after SIGKILL.
    reached : list of (point, phase, where)
    stderr : str
    """

    code: int
    reached: list[tuple[str, str, str]]
    stderr: str


class Zygote:
    """Starts runs; see the module of that name."""

    def __init__(self) -> None:
        tests = Path(__file__).parents[1]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.zygote"],
            cwd=tests, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(
        self, folder: Path, stages: tuple[str, ...] = STAGES, order: dict | None = None
    ) -> Ended:
        """Run stages in a folder in a process of its own."""
        log, stderr = folder / "points.log", folder / "stderr.txt"
        log.unlink(missing_ok=True)
        request = {
            "folder": str(folder), "stages": list(stages), "order": order,
            "log": str(log), "stderr": str(stderr),
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        code = json.loads(self._process.stdout.readline())["code"]
        lines = log.read_text().splitlines() if log.exists() else []
        reached = [tuple(line.split("\t")) for line in lines]
        return Ended(code, reached, stderr.read_text())  # type: ignore[arg-type]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


@contextmanager
def open_zygote() -> Iterator[Zygote]:
    zygote = Zygote()
    try:
        yield zygote
    finally:
        zygote.close()


def draw(folder: Path, first: int, n: int) -> None:
    """Put banners into the folder of images: with duplicates, and files that are no images."""
    images = folder / "images"
    lines = []
    for nth in range(first, first + n):
        name = f"b{nth:03d}.png"
        data = banner(nth, SHAPES[nth % 4])
        if nth % 11 == 5:
            data = banner(nth - 3, SHAPES[(nth - 3) % 4])  # the bytes of another one
        if nth % 13 == 7:
            data = b"no image %d" % nth
        put(images, name, data)
        lines.append(f"id{nth},{name},2026-01-{1 + nth % 28:02d},a{nth % 3}")
    manifest = images / "manifest.csv"
    before = manifest.read_text() if manifest.exists() else "banner_id,file,day,advertiser\n"
    manifest.write_text(before + "\n".join(lines) + "\n")


def copy(folder: Path, to: Path) -> Path:
    """Copy a folder, times of the files included."""
    return Path(shutil.copytree(folder, to))


def content_of_store(folder: Path) -> str:
    """Hash of the rows and tables of a store: what two runs must have in common."""
    store = EmbeddingStore.open(str(folder / "embeddings.zarr"))
    digest = hashlib.sha256()
    digest.update(store.read(0, store.n_rows).tobytes())
    digest.update(store.content_ids().tobytes())
    for name in sorted(store.manifest.tables):
        table = store.table(name)
        kept = [column for column in table.column_names if column not in _TIMES]
        digest.update(json.dumps(table.select(kept).to_pylist(), default=_as_text).encode())
    return digest.hexdigest()


def content_of_texts(folder: Path) -> object:
    value = json.loads((folder / "ocr/ocr.json").read_text())
    return value["generation"], value["counts"], ocr.read_rows(str(folder / "ocr")).to_pylist()


def content_of_models(folder: Path) -> object:
    models = str(folder / "models")
    sweep = SweepFile.load(models)
    fitted = {
        name: (load_model(models, name).centres.tobytes(), _plain(folder / "models" / name))
        for name in model_names(models)
    }
    return sweep.models, sweep.data, fitted


def content_of_evaluation(folder: Path) -> object:
    value = json.loads((folder / "evaluation/evaluation.json").read_text())
    evaluation = Evaluation.load_if_any(str(folder / "evaluation"))
    found = {key: value[key] for key in value if key not in (*_TIMES, "embeddings")}
    return found, load_label_metrics(str(folder / "evaluation"), evaluation).to_pylist()


def content_of_assignments(folder: Path) -> object:
    return {
        path.name: tables.read(str(path)).drop_columns(["assigned_at"]).to_pylist()
        for path in sorted((folder / "assignments").glob("*.parquet"))
    }


def content_of_report(folder: Path) -> object:
    page = (folder / "report.html").read_text()
    return page.startswith("<!DOCTYPE html>"), page.rstrip().endswith("</html>"), len(page) > 10_000


CONTENT_OF = {
    "embed": content_of_store,
    "ocr": content_of_texts,
    "cluster": content_of_models,
    "evaluate": content_of_evaluation,
    "predict": content_of_assignments,
    "report": content_of_report,
}
"""What a stage leaves, times and paths taken out, by its name."""


def _plain(folder: Path) -> dict[str, object]:
    card = json.loads((folder / "card.json").read_text())
    return {key: value for key, value in card.items() if key not in _TIMES}


def _as_text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
