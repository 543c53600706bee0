"""A process that has loaded everything, and forks a child for each run asked of it.

One JSON object a line in, an exit code out. A child may end itself by SIGKILL at a commit point.
"""

import json
import os
import sys
import traceback
from pathlib import Path

from faults.zygote import Saboteur

from bannercluster.media.texts import clean
from bannercluster.store import points
from text import worlds


def child(request: dict) -> None:
    code = 99
    try:
        encoder = worlds.fake()
        folder = Path(request["folder"])
        settings = worlds.settings_in(folder, {"text_table": request["table"]})
        with points.watched(Saboteur(folder / "log", request["order"])):
            worlds.embed(settings, 1)
        (folder / "read").write_text(json.dumps(encoder.read))
        code = 0
    finally:
        if code == 99:
            traceback.print_exc()
        os._exit(code)


def main() -> None:
    os.fsync = lambda descriptor: None  # a process that is killed loses nothing by it
    worlds.fake()  # what children need is read here, once
    clean("", 1)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(request)
        _, status = os.waitpid(pid, 0)
        print(json.dumps(os.waitstatus_to_exitcode(status)), flush=True)


if __name__ == "__main__":
    main()
