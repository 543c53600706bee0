"""Commands typed in processes of their own, which may be told to die at a point of their writes.

``python -m buckets.child`` loads the package and starts no thread; for each JSON line
``{"lines": [...], "environment": {...}, "die": [point, phase], "out": FILE, ...}`` that it is sent
it forks, and the fork types the commands: a new process, without the seconds of imports. It answers
with the exit status of the fork; FILE then holds what each command said. A line ``quick STAGE``
runs a stage on threads and with a network that takes no time.
"""

import contextlib
import importlib
import io
import json
import os
import shlex
import signal
import sys
import traceback
from pathlib import Path

import distributed  # noqa: F401 - loaded before the forks
import gcsfs  # noqa: F401
import openvino  # noqa: F401
import s3fs  # noqa: F401
import torch  # noqa: F401
import xarray  # noqa: F401
from faults.zygote import with_quick_network

import bannercluster.cluster
import bannercluster.embed
import bannercluster.evaluate
import bannercluster.predict
import bannercluster.report  # noqa: F401
from bannercluster.cli.main import main
from bannercluster.config.load import load_config
from bannercluster.errors import BannerclusterError
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.store import files, points


def say_of(line: str) -> dict:
    """Type a command, or do one of ours: ``stamps URL``, ``quick STAGE``."""
    word, _, rest = line.partition(" ")
    if word == "stamps":
        return {"stamps": {k: v[1] for k, v in files.objects(rest).items()}}
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_quickly(rest) if word == "quick" else main(shlex.split(line))
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def run_quickly(name: str) -> int:
    with_quick_network()
    settings = load_config({}, None)
    settings = settings.replace("embed", part_rows=4, chunk_rows=8)
    settings = settings.replace("cluster", k=(2, 3), n_init=2, seeding_rows=64)
    stage = importlib.import_module(f"bannercluster.{name}")
    try:
        with ThreadExecutor(2) as executor:
            stage.run(settings, executor=executor, progress=SilentProgress())
    except BannerclusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


class Watcher:
    """Notes the points that are reached, and ends this process at the first of one kind."""

    def __init__(self, log: Path, die: list | None) -> None:
        self.log, self.die = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY), die

    def __call__(self, point: points.Point, phase: str, where: str) -> None:
        os.write(self.log, f"{point.name}\t{phase}\t{where}\n".encode())
        if self.die == [point.name, phase]:
            os.kill(os.getpid(), signal.SIGKILL)


def type_all(asked: dict) -> None:
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    with points.watched(Watcher(Path(asked["out"] + ".points"), asked["die"])):
        said = [say_of(line) for line in asked["lines"]]
    Path(asked["out"]).write_text(json.dumps(said))


def serve() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                with Path(asked["out"] + ".err").open("wb") as file:
                    os.dup2(file.fileno(), 2)
                type_all(asked)
                status = 0
            finally:
                if status:
                    traceback.print_exc()
                sys.stderr.flush()
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
