"""The bytes of an image file: of a regular file only, never without end, never more than allowed.

A pipe that is called ``x.png`` would keep its reader waiting for ever, a device would never end.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bannercluster.media.rejection import ImageRejected
from bannercluster.store import files

_BLOCK = 1 << 20


def read_image(images: str, file: str, max_nbytes: int) -> bytes:
    """Read an image file.

    Parameters
    ----------
    images : str
        Folder or bucket.
    file : str
        Path below it.
    max_nbytes : int
        Of a larger file no more than this is read.

    Raises
    ------
    ImageRejected
        ``unreadable``, ``not_a_file`` or ``too_many_bytes``.
    """
    return b"".join(_blocks(images, file, max_nbytes))


def hash_image(images: str, file: str, max_nbytes: int) -> bytes:
    """Return the SHA-256 of an image file (32 bytes), read in blocks.

    Raises
    ------
    ImageRejected
        As `read_image`.
    """
    digest = hashlib.sha256()
    for block in _blocks(images, file, max_nbytes):
        digest.update(block)
    return digest.digest()


def _blocks(images: str, file: str, max_nbytes: int) -> Iterator[bytes]:
    url = files.join(images, file)
    path = files.local_path(url)
    with _refusals():
        if path is None:
            # An object has no size that could change under way, and it was listed with that size.
            data = files.read_bytes(url)
            _check_nbytes(len(data), max_nbytes)
            yield data
            return
        descriptor = _open_regular(path)
        try:
            n_read = 0
            while block := os.read(descriptor, _BLOCK):
                n_read += len(block)
                _check_nbytes(n_read, max_nbytes)
                yield block
        finally:
            os.close(descriptor)


def _open_regular(path: Path) -> int:
    # Without O_NONBLOCK opening a pipe would wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise ImageRejected("not_a_file", kind_of(mode))
    return descriptor


def kind_of(mode: int) -> str:
    """Say what a file mode is."""
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((name for is_it, name in kinds if is_it(mode)), "not a regular file")


def _check_nbytes(nbytes: int, max_nbytes: int) -> None:
    if nbytes > max_nbytes:
        raise ImageRejected("too_many_bytes", f"more than {max_nbytes} bytes")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ImageRejected("unreadable", error.strerror or type(error).__name__) from error
