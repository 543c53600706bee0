"""A process that has loaded everything, and forks a child for each run that it is asked for.

A test writes one JSON object a line: folder, stages, and where to end the run. The child runs the
stages as the command line does, on threads, with a network that is quick. It may end by SIGKILL.
The answer is one JSON object: how it ended, and which commit points it reached.
"""

import json
import os
import signal
import sys
import threading
import traceback
from collections import Counter
from pathlib import Path

from embed.banners import FakeEncoder
from ocr.reading import FakeReader

from bannercluster.config import Settings
from bannercluster.embed import choice, parts
from bannercluster.embed import stage as embed_stage
from bannercluster.encoders import ModelDescription, ResolvedEngine
from bannercluster.errors import BannerclusterError
from bannercluster.ocr import parts as ocr_parts
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.store import points

STAGES = ("embed", "cluster", "evaluate", "predict", "report", "ocr")


class Saboteur:
    """Watches the commit points of a run, notes them, and strikes at one of them.

    Parameters
    ----------
    log : Path
        Gets a line for every point reached: name, phase, and what was written.
    order : dict or None
        ``point``, ``phase``, ``nth`` (from 1), and ``action``: ``kill``; ``cut``, half of what is
        written is lost and the process ends; ``full``, the disk is full.
    """

    def __init__(self, log: Path, order: dict | None) -> None:
        self.log, self.order = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY), order
        self.lock = threading.Lock()
        self.seen: Counter[tuple[str, str]] = Counter()

    def __call__(self, point: points.Point, phase: str, where: str) -> None:
        with self.lock:
            self.seen[point.name, phase] += 1
            nth = self.seen[point.name, phase]
        os.write(self.log, f"{point.name}\t{phase}\t{where}\n".encode())
        order = self.order
        if order is None or (point.name, phase) != (order["point"], order["phase"]):
            return
        if nth != order["nth"]:
            return
        if order["action"] == "full":
            raise OSError(28, "No space left on device")
        if order["action"] == "cut":
            os.truncate(where, Path(where).stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)


def settings_of(folder: Path) -> Settings:
    places = {
        name: str(folder / leaf)
        for name, leaf in (
            ("images", "images"), ("embeddings", "embeddings.zarr"), ("models", "models"),
            ("assignments", "assignments"), ("evaluation", "evaluation"),
            ("report", "report.html"), ("cache", "cache"), ("ocr", "ocr"),
        )
    }  # fmt: skip
    settings = Settings().replace("paths", label="advertiser", **places)
    settings = settings.replace("embed", part_rows=4, chunk_rows=8)
    settings = settings.replace("ocr", part_rows=8, precision="float32")
    return settings.replace("cluster", k=(2, 3), n_init=2, seeding_rows=64)


def with_quick_network() -> None:
    """Put a network in place that is quick and knows what it looks at."""
    encoder = FakeEncoder()

    def describe(model: str, weights: str | None = None) -> ModelDescription:
        return ModelDescription(
            model, 12, 64, (0.5,) * 3, (0.5,) * 3, "bicubic", False, "ab" * 32, "file:fake", True
        )

    choice.describe_model = describe
    choice.resolve_engine = lambda *_: ResolvedEngine("openvino", "float32", "cpu", "a test")
    for module in (embed_stage, parts):
        module.load_encoder = lambda spec, **options: encoder
    reader = FakeReader()
    ocr_parts.load_reader = lambda spec, **options: reader


def run(folder: Path, stages: list[str]) -> int:
    """Run stages as the command does; return the exit code."""
    import importlib

    settings = settings_of(folder)
    try:
        for name in stages:
            stage = importlib.import_module(f"bannercluster.{name}")
            with ThreadExecutor(2) as executor:
                stage.run(settings, executor=executor, progress=SilentProgress())
    except BannerclusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def child(request: dict) -> None:
    out = os.open(request["stderr"], os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(out, 2)
    code = 99
    try:
        with points.watched(Saboteur(Path(request["log"]), request["order"])):
            code = run(Path(request["folder"]), request["stages"])
    finally:
        if code == 99:
            traceback.print_exc()
        os._exit(code)


def main() -> None:
    with_quick_network()
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(request)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    # All that a run imports, before the first fork.
    import importlib

    for name in STAGES:
        importlib.import_module(f"bannercluster.{name}.stage")
    main()
