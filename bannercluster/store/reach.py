"""Whether another process sees the same folders: by what lies in them, not by their names.

A folder of this machine may be missing on a worker elsewhere, or another folder of the same name.
Paths on buckets are the same everywhere and are not looked at.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bannercluster.errors import StoreError
from bannercluster.store import files

_SAMPLE_NBYTES = 65_536


@dataclass(frozen=True)
class SameFile:
    """A file that a worker must see, with the same first bytes.

    Parameters
    ----------
    url : str
        The folder or store in question, as the tasks will name it.
    witness : str
        A file in or beside it; relative where the path in question is.
    sha256 : str
        Of its first 64 KiB.
    """

    url: str
    witness: str
    sha256: str

    def refusal(self) -> str | None:
        """Return why this process does not see the file, or None."""
        try:
            found = _digest(Path(self.witness))
        except OSError as error:
            why = f"{self.witness}: {error.strerror or type(error).__name__}"
        else:
            if found == self.sha256:
                return None
            why = f"{self.witness} is another file there"
        where = (
            "" if Path(self.witness).expanduser().is_absolute() else f", looked up in {Path.cwd()}"
        )
        return (
            f"does not see {self.url} ({why}{where}): expected a folder that all workers share, "
            "under the same absolute path, or a bucket (s3://, gs://)"
        )


@contextlib.contextmanager
def witnesses(read: Iterable[str], written: Iterable[str]) -> Iterator[tuple[SameFile, ...]]:
    """Choose or write a file for each local path; what was written is removed at the end.

    Parameters
    ----------
    read : iterable of str
        URLs that workers read: a file that is there already stands for each.
    written : iterable of str
        URLs that workers write to or beside: a file is written beside each.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    with contextlib.ExitStack() as stack:
        found = [_witness(url) for url in read]
        found += [stack.enter_context(_token(url)) for url in written]
        yield tuple(one for one in found if one is not None)


def _witness(url: str) -> SameFile | None:
    path = _as_named(url)
    for file in () if path is None else _files_of(path):
        with contextlib.suppress(OSError):  # one that cannot be read here proves nothing there
            return SameFile(url, str(file), _digest(file))
    return None


@contextlib.contextmanager
def _token(url: str) -> Iterator[SameFile | None]:
    path = _as_named(url)
    if path is None:
        yield None
        return
    folder = next(parent for parent in path.parents if parent.expanduser().is_dir())
    named = folder / f"{files.TEMPORARY}seen-by-workers-{uuid.uuid4().hex}"
    token = named.expanduser()
    try:
        token.write_text(uuid.uuid4().hex, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"cannot write to {folder}: {error.strerror}; nothing was changed"
        ) from error
    try:
        yield SameFile(url, str(named), _digest(named))
    finally:
        token.unlink(missing_ok=True)


def _as_named(url: str) -> Path | None:
    """Return a local path as the tasks will name it, or None where it is elsewhere.

    What is relative, or begins with ``~``, may be another folder on a worker.
    """
    if files.local_path(url) is None:
        return None
    return Path(url.removeprefix("file://").removeprefix("local://"))


def _files_of(path: Path) -> Iterator[Path]:
    """Yield the file that a path is, or those below it in the order of their names."""
    here = path.expanduser()
    if here.is_file():
        yield path
    for root, folders, names in os.walk(here):
        folders.sort()
        for name in sorted(names):
            if not name.startswith("."):
                yield path / Path(root, name).relative_to(here)


def _digest(path: Path) -> str:
    with path.expanduser().open("rb") as file:
        return hashlib.sha256(file.read(_SAMPLE_NBYTES)).hexdigest()
