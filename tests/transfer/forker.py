"""A process that has loaded everything, and forks a child for each import or export asked of it.

One JSON object a line in, its outcome out. A child may end itself by SIGKILL at a commit point.
"""

import json
import os
import sys
import traceback
from pathlib import Path

from faults.zygote import Saboteur

from bannercluster.errors import BannerclusterError
from bannercluster.store import points
from transfer.making import exported, imported


def child(request: dict) -> None:
    code = 99
    try:
        with points.watched(Saboteur(Path(request["log"]), request["order"])):
            try:
                folder = Path(request["folder"])
                if request["verb"] == "import":
                    result = imported(folder, request["source"], **request["options"])
                    counts = [result.n_in, result.n_ok, result.n_duplicate, result.n_rejected]
                    (folder / "counts").write_text(json.dumps(counts))
                else:
                    exported(folder, Path(request["target"]), **request["options"])
                code = 0
            except BannerclusterError as error:
                sys.stderr.write(f"error: {error}\n")
                code = error.exit_code
    finally:
        if code == 99:
            traceback.print_exc()
        os._exit(code)


def main() -> None:
    os.fsync = lambda descriptor: None  # a process that is killed loses nothing by it
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(request)
        _, status = os.waitpid(pid, 0)
        print(json.dumps(os.waitstatus_to_exitcode(status)), flush=True)


if __name__ == "__main__":
    main()
