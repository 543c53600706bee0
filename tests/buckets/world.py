"""One small corpus, its run on the local disk, and what a run left in a bucket."""

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bannercluster.errors import UsageError
from bannercluster.models.folder import load_model, model_names
from bannercluster.models.sweeps import SweepFile
from bannercluster.store import assignments, files
from bannercluster.store.embeddings import EmbeddingStore

STAGES = (
    "embed --part-rows 32 --json",
    "cluster --k 3 4 --json",
    "evaluate --label advertiser --json",
    "predict --json",
    "report --json",
)

_PLACES = {
    "IMAGES": "images",
    "EMBEDDINGS": "embeddings.zarr",
    "MODELS": "models",
    "EVALUATION": "evaluation",
    "ASSIGNMENTS": "assignments",
    "REPORT": "report.html",
}


@dataclass(frozen=True)
class Ran:
    """A process that typed commands.

    Parameters
    ----------
    status : int
        Of the process: 0 where it typed all commands, -9 where it was killed.
    said : list of dict
        Code, stdout and stderr of each command.
    stderr : str
        What was written outside of the commands.
    reached : list of (point, phase, where)
    """

    status: int
    said: list[dict]
    stderr: str
    reached: list[tuple[str, ...]]

    def at(self, point: str, phase: str = "before") -> set[str]:
        """Names of the files that were written at a point."""
        return {
            where.rsplit("/", 1)[-1] for p, f, where in self.reached if (p, f) == (point, phase)
        }

    @property
    def codes(self) -> list[int]:
        return [said["code"] for said in self.said if "code" in said]


class Typist:
    """Types commands in a new process each time (see `child`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tests = Path(__file__).parents[1]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "buckets.child"], cwd=folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{tests}:{tests.parent}"},
        )  # fmt: skip
        self._n_asked = 0

    def type(self, root: str, *lines: str, die=None, **variables: str) -> Ran:
        """Type commands with every path below a root."""
        self._n_asked += 1
        out = self.folder / f"said-{self._n_asked}.json"
        asked = {
            "lines": lines, "die": die, "out": str(out), "folder": str(self.folder),
            "environment": {**paths_in(root), **variables},
        }  # fmt: skip
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        said = json.loads(out.read_text()) if out.exists() else []
        log = Path(f"{out}.points").read_text().splitlines()
        reached = [tuple(line.split("\t")) for line in log]
        return Ran(status, said, Path(f"{out}.err").read_text(), reached)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def paths_in(root: str) -> dict[str, str]:
    """Return the variables that put every path below a root."""
    return {f"BC_PATHS_{name}": f"{root}/{place}" for name, place in _PLACES.items()}


def upload(images: Path, root: str) -> None:
    """Put a folder of images into a bucket."""
    fs, path = files.filesystem(f"{root}/images")
    for file in sorted(images.rglob("*")):
        if file.is_file():
            fs.pipe_file(f"{path}/{file.relative_to(images)}", file.read_bytes())


def copy_of(root: str, target: str) -> None:
    """Copy all objects of one bucket into another."""
    fs, source = files.filesystem(root)
    _, into = files.filesystem(target)
    for name in files.objects(root):
        fs.pipe_file(f"{into}/{name}", fs.cat_file(f"{source}/{name}"))


def canonical(root: str) -> dict:
    """Return what the stages made below a root, without times and places."""
    found: dict = {}
    store = EmbeddingStore.open_if_any(f"{root}/embeddings.zarr")
    if store is not None:
        found["values"] = store.read(0, store.n_rows).tobytes()
        found["ids"] = store.content_ids().tobytes()
        found["rows"] = store.table("rows").to_pylist()
        found["aliases"] = store.table("aliases").drop(["modified"]).to_pylist()
        found["rejected"] = store.table("rejected").to_pylist()
    with contextlib.suppress(UsageError):
        found["sweep"] = SweepFile.load(f"{root}/models").models
    for name in model_names(f"{root}/models"):
        model = load_model(f"{root}/models", name)
        found[name] = (np.asarray(model.centres).tobytes(), model.card.inertia)
        table = assignments.read_if_any(f"{root}/assignments", name)
        if table is not None:
            found[f"{name} assigned"] = table.drop(["assigned_at"]).to_pylist()
    evaluation = files.read_json_if_any(f"{root}/evaluation/evaluation.json")
    if evaluation is not None:
        found["metrics"] = [model["metrics"] for model in evaluation["models"]]
        found["chosen"] = evaluation["chosen"]
    return found


def stamps(root: str) -> dict[str, str]:
    """Return the stamp of every object, the images aside."""
    return {k: v[1] for k, v in files.objects(root).items() if not k.startswith("images/")}
