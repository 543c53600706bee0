"""An environment of its own for each peer, made once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bannercluster.bench.peers.catalogue import Peer

_MARKER = "made.json"
_LAST_LINES = 3


@dataclass(frozen=True)
class Absent:
    """Why a peer cannot be measured here."""

    reason: str


class Environments(Protocol):
    """Where peers run."""

    def python_of(self, peer: Peer) -> Path | Absent:
        """Return the interpreter of a peer's environment, or why there is none."""


@dataclass(frozen=True)
class OwnEnvironments:
    """A virtual environment for each peer below a folder, made where it is missing.

    The name holds a hash of the requirements and of the version of Python, so a change of either
    makes a new one. pip takes its index and its proxies from the user's own configuration.

    Parameters
    ----------
    folder : Path
    pip : tuple of str
        Further arguments of ``pip install``.
    """

    folder: Path
    pip: tuple[str, ...] = ()

    def python_of(self, peer: Peer) -> Path | Absent:
        """Return the interpreter; makes the environment first if need be, which takes a minute."""
        if peer.program and shutil.which(peer.program) is None:
            return Absent(f"needs {peer.program}, which is not on the PATH of this machine")
        wanted = peer.requirements.read_bytes() + platform.python_version().encode()
        place = self.folder / f"{peer.name}-{hashlib.sha256(wanted).hexdigest()[:8]}"
        python = place / "bin" / "python"
        if (place / _MARKER).is_file():
            return python
        self.folder.mkdir(parents=True, exist_ok=True)
        # Made under another name and renamed when whole: scripts in bin/ would name the wrong
        # interpreter, but nobody runs those.
        with tempfile.TemporaryDirectory(prefix=f".tmp-{peer.name}-", dir=self.folder) as temporary:
            made = Path(temporary) / "environment"
            failure = self._make(made, peer)
            if failure:
                return Absent(f"its environment cannot be made: {failure}")
            (made / _MARKER).write_text(
                json.dumps({"requirements": peer.requirements.read_text("utf-8").splitlines()}),
                encoding="utf-8",
            )
            # Another process may have made it meanwhile: its environment is as good.
            with contextlib.suppress(FileExistsError, OSError):
                made.rename(place)
        if not (place / _MARKER).is_file():
            return Absent(
                f"its environment cannot be made: {place} is there, but not whole; remove it"
            )
        return python

    def _make(self, place: Path, peer: Peer) -> str:
        """Make an environment; return what went wrong, or nothing."""
        # Not PYTHONPATH: what lies there would hide what is installed.
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *self.pip]
        for command in (
            [sys.executable, "-m", "venv", str(place)],
            [*pip, "--requirement", str(peer.requirements)],
        ):
            done = subprocess.run(  # noqa: S603 - our own interpreter and our own list
                command, env=env, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
                return " ".join((said or done.stderr.splitlines())[-_LAST_LINES:]) or (
                    f"{command[0]} ended with exit code {done.returncode}"
                )
        return ""


@dataclass(frozen=True)
class ThisEnvironment:
    """The interpreter that runs: for tests, and for a peer that is installed already."""

    def python_of(self, peer: Peer) -> Path | Absent:  # noqa: ARG002 - the same for all
        """Return the running interpreter."""
        return Path(sys.executable)
