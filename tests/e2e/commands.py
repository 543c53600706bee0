"""Typing commands, and looking at what they left."""

import contextlib
import io
import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bannercluster.cli.main import main

STAGES = ("embed", "cluster --k 3 4", "evaluate --label advertiser", "predict", "report")


@dataclass(frozen=True)
class Ran:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """All of stdout; fails where it is anything but one JSON value."""
        return json.loads(self.out)


def bc(line: str) -> Ran:
    """Run ``bc`` with these words, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(shlex.split(line))
    return Ran(code, out.getvalue(), err.getvalue())


def tree(folder: Path | str = ".") -> dict[str, tuple[int, bytes]]:
    """Every file below a folder with its time and its bytes, and every folder."""
    found = {}
    for root, folders, names in os.walk(folder):
        for name in folders:
            found[str(Path(root, name))] = (0, b"")
        for name in names:
            path = Path(root, name)
            found[str(path)] = (path.stat().st_mtime_ns, path.read_bytes())
    return found


def change_json(path: str, change) -> None:
    value = json.loads(Path(path).read_text())
    change(value)
    Path(path).write_text(json.dumps(value))
