"""Atomic reads and writes under any fsspec URL.

A write is either wholly visible or not at all: on a local disk a temporary name, synced, then
renamed; on an object store one whole-object put.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from bannercluster.errors import FormatVersionError, StoreError
from bannercluster.store import remote
from bannercluster.store.points import Point, reached
from bannercluster.store.refusals import reason_of, refusals, refused

TEMPORARY = ".tmp-"

READ_AGAIN = "run the command again when it can be read"


def filesystem(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL and the path on it, as `remote.connect` does."""
    return remote.connect(url)


def local_path(url: str) -> Path | None:
    """Return the path of a URL on the local disk, or None where it is elsewhere."""
    fs, path = filesystem(url)
    return Path(path) if isinstance(fs, LocalFileSystem) else None


def join(url: str, *names: str) -> str:
    """Join names to a URL with slashes."""
    return "/".join([url.rstrip("/"), *names])


def beside(url: str, suffix: str) -> str:
    """Return the URL of a sibling: ``data/embeddings.zarr`` -> ``data/embeddings<suffix>``."""
    stem = url.rstrip("/")
    return stem.removesuffix(".zarr") + suffix


def exists(url: str) -> bool:
    """Whether there is a file or folder at the URL."""
    fs, path = filesystem(url)
    with refused(f"cannot read {url}", READ_AGAIN), remote.answers():
        return bool(fs.exists(path))


def names(url: str) -> list[str]:
    """Return the sorted names in a folder, temporary files left out; none without a folder."""
    fs, path = filesystem(url)
    if isinstance(fs, LocalFileSystem):
        found = [entry.name for entry in Path(path).iterdir()] if Path(path).is_dir() else []
    else:
        with refused(f"cannot list {url}", READ_AGAIN):
            found = remote.names(fs, path)
    return sorted(name for name in found if name and not name.startswith(TEMPORARY))


def objects(url: str) -> dict[str, tuple[int, str]]:
    """Return size and stamp of all objects below a URL elsewhere, by their names below it.

    The stamp changes with the content: the entity tag, or what the store has in its place.
    """
    fs, path = filesystem(url)
    with refused(f"cannot list {url}", READ_AGAIN):
        return remote.objects(fs, path)


def sizes(url: str) -> dict[str, int]:
    """Return the bytes of all files below a URL, temporary ones too, by their names below it."""
    path = local_path(url)
    if path is None:
        return {name: nbytes for name, (nbytes, _) in objects(url).items()}
    found = {}
    for folder, _, leaves in os.walk(path):
        for leaf in leaves:
            file = Path(folder) / leaf
            with contextlib.suppress(FileNotFoundError):  # it went while we looked
                found[file.relative_to(path).as_posix()] = file.lstat().st_size
    return dict(sorted(found.items()))


def remove(url: str, point: Point) -> None:
    """Remove a file or a folder with all in it, if it is there."""
    fs, path = filesystem(url)
    with refused(f"cannot remove {url}", "what was written is whole"), remote.answers():
        if isinstance(fs, LocalFileSystem):
            found = [path] if fs.exists(path) else []
        else:
            found = fs.find(path)
        if found:
            reached(point, "before", path)
            fs.rm(found, recursive=isinstance(fs, LocalFileSystem))
            reached(point, "after", path)


def read_bytes(url: str, start: int | None = None, stop: int | None = None) -> bytes:
    """Read a file, or the bytes ``start:stop`` of it.

    Raises
    ------
    OSError
        If the file is refused: it is missing, or must not be read.
    StoreError
        If a bucket as a whole does not answer.
    """
    fs, path = filesystem(url)
    if isinstance(fs, LocalFileSystem):
        data: bytes = fs.cat_file(path, start=start, end=stop)
        return data
    try:
        return remote.get(fs, path, start, stop)
    except (FileNotFoundError, PermissionError):
        raise
    except refusals() as error:
        raise StoreError(f"cannot read {url}: {reason_of(error)}; {READ_AGAIN}") from error


def write_bytes(url: str, data: bytes | memoryview, point: Point) -> None:
    """Write a file atomically."""
    with writing(url, point) as name:
        fs, path = filesystem(name)
        if isinstance(fs, LocalFileSystem):
            Path(path).write_bytes(data)
        else:
            remote.put(fs, path, bytes(data))


@contextlib.contextmanager
def writing(url: str, point: Point) -> Iterator[str]:
    """Give a name to write a whole file to; it takes its place when the block ends well.

    On a local disk that is a temporary name in the same folder, synced and renamed at the end and
    removed after an error; elsewhere it is the URL itself, whose put is atomic.

    Raises
    ------
    StoreError
        If the file system refuses (full disk, no permission); the last good state stays.
    """
    path = local_path(url)
    with refused(f"cannot write {url if path is None else path}", "the last good state stays"):
        reached(point, "before", url if path is None else str(path))
        if path is None:
            yield url
        else:
            with _renamed(path, point) as temporary:
                yield temporary
        reached(point, "after", url if path is None else str(path))


@contextlib.contextmanager
def _renamed(path: Path, point: Point) -> Iterator[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
    os.close(handle)
    try:
        yield temporary
        with open(temporary, "rb") as file:  # noqa: PTH123 - a descriptor to sync
            os.fsync(file.fileno())
        reached(point, "written", temporary)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
        _sync_folder(path.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


def create(url: str, data: bytes, point: Point) -> bool:
    """Write a small file that must not be there yet; return whether it was made.

    Of several processes that try at once, one makes it. On a local disk a process that is killed
    in the middle leaves an empty file. The data must be such as no other process writes.
    """
    path = local_path(url)
    reached(point, "before", url)
    if path is None:
        if not remote.put_new(*filesystem(url), data):
            return False
    else:
        try:
            _create_local(path, data)
        except FileExistsError:
            return False
    reached(point, "after", url)
    return True


def _create_local(path: Path, data: bytes) -> None:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            break
        except FileNotFoundError:  # another process took the empty folder away just now
            continue
    whole = False
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        whole = True
    finally:
        if not whole:
            path.unlink(missing_ok=True)
            remove_if_empty(str(path.parent))


def discard(url: str, point: Point) -> None:
    """Remove a small file, and its folder where that is empty then; nothing if it is not there."""
    path = local_path(url)
    if path is None:
        reached(point, "before", url)
        remote.delete(*filesystem(url))
        reached(point, "after", url)
        return
    reached(point, "before", str(path))
    path.unlink(missing_ok=True)
    remove_if_empty(str(path.parent))
    reached(point, "after", str(path))


def remove_if_empty(url: str) -> None:
    """Remove a folder with nothing in it; on an object store there are no such folders."""
    path = local_path(url)
    if path is not None:
        with contextlib.suppress(OSError):
            path.rmdir()


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(url: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    StoreError
        If there is none, or it is not an object.
    """
    value = read_json_if_any(url)
    if value is None:
        raise StoreError(f"{url} is missing")
    return value


def read_json_if_any(url: str) -> dict[str, Any] | None:
    """Read a JSON object, or return None where there is no such file.

    Raises
    ------
    StoreError
        If it cannot be read, or is not an object.
    """
    try:
        value = json.loads(read_bytes(url))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"cannot read {url}: {reason_of(error)}; {READ_AGAIN}") from error
    except ValueError as error:
        raise StoreError(f"{url} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise StoreError(f"{url} holds a {type(value).__name__}, expected a JSON object")
    return value


def write_json(url: str, value: Mapping[str, Any], point: Point) -> None:
    """Write a JSON object atomically, keys in their order."""
    write_bytes(url, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode(), point)


def check_version(found: object, known: int, what: str) -> None:
    """Raise FormatVersionError unless ``found`` is a version that this code knows.

    Parameters
    ----------
    found : object
        The version as read.
    known : int
        The newest version that this code knows.
    what : str
        What was read, for the message.
    """
    if not isinstance(found, int) or not 1 <= found <= known:
        raise FormatVersionError(
            f"{what} has format version {found}; this bannercluster reads versions 1 to {known}: "
            f"install a newer bannercluster, or make it again with this one"
        )
