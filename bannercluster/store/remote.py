"""What object stores do in another way than disks, and clients of theirs in another than fsspec.

Each function is one request where one is enough, and raises only what
:func:`bannercluster.store.refusals.refusals` names: ``FileNotFoundError`` and ``PermissionError``
where the one object is refused.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from collections.abc import Iterator
from typing import Any

import fsspec

from bannercluster.errors import StoreError, UsageError
from bannercluster.store.refusals import reason_of, refusals

# gcsfs logs what it raises, traceback and all, and without a handler Python writes that to stderr.
logging.getLogger("gcsfs").addHandler(logging.NullHandler())

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"""Which extra of this package brings the client of a protocol."""

_STAMPS = ("ETag", "md5Hash", "generation", "etag", "mtime", "LastModified")
"""What changes when an object does, the most exact first: S3, then GCS, then others."""

_TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})
"""What S3 servers answer where an object that must be new is there, or is being put."""


def connect(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL and the path on it.

    Raises
    ------
    UsageError
        If there is no such protocol, or its client is not installed.
    StoreError
        If the client cannot be set up, such as for want of credentials.
    """
    protocol = url.partition("://")[0] if "://" in url else ""
    # A client that keeps listings would not see what another process has committed since.
    options = {"use_listings_cache": False} if protocol in _EXTRAS else {}
    try:
        fs, path = fsspec.core.url_to_fs(os.path.expanduser(url), **options)  # noqa: PTH111 - url
    except ImportError as error:
        extra = _EXTRAS.get(protocol)
        how = f"pip install bannercluster[{extra}]" if extra else "install it"
        raise UsageError(f"{url} needs a package that is not installed ({error}): {how}") from error
    except ValueError as error:
        raise UsageError(
            f"{url} cannot be used: {error}; expected a path, or a URL such as s3://bucket/folder "
            f"or gs://bucket/folder"
        ) from error
    except refusals() as error:
        raise StoreError(
            f"cannot connect to {url}: {reason_of(error)}; check the credentials"
        ) from error
    return fs, path


def names(fs: Any, path: str) -> list[str]:
    """Return the names in a folder; none without one."""
    folder = path.rstrip("/")
    with answers():
        try:
            entries = [entry.rstrip("/") for entry in fs.ls(folder, detail=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
    # An object of the folder's own name is a marker that some tools leave.
    return [
        entry.rsplit("/", 1)[-1] for entry in entries if entry.lstrip("/") != folder.lstrip("/")
    ]


def objects(fs: Any, path: str) -> dict[str, tuple[int, str]]:
    """Return size and stamp of all objects below a path, by their names below it, sorted."""
    with answers():
        try:
            listed = fs.find(path, detail=True)
        except FileNotFoundError:  # no such bucket
            return {}
    prefix = path.rstrip("/") + "/"
    found = {}
    for key in sorted(listed):
        name, info = key.removeprefix(prefix), listed[key]
        if key.startswith(prefix) and name and not name.endswith("/"):
            stamp = next((info[field] for field in _STAMPS if info.get(field)), "")
            found[name] = (int(info.get("size") or 0), str(stamp))
    return found


def get(fs: Any, path: str, start: int | None, stop: int | None) -> bytes:
    """Read an object, or a range of its bytes."""
    options = {}
    if start is None and stop is None and hasattr(fs, "max_concurrency"):
        # s3fs would ask for the size first, and read a large object in several requests, which
        # may be answered from two versions of it.
        options["max_concurrency"] = 1
    with answers():
        data: bytes = fs.cat_file(path, start=start, end=stop, **options)
    return data


def put(fs: Any, path: str, data: bytes) -> None:
    """Write an object: it is there as a whole or not at all."""
    with answers():
        fs.pipe_file(path, data)


def put_new(fs: Any, path: str, data: bytes) -> bool:
    """Write an object that must not be there yet; return whether it lies there by this call.

    Parameters
    ----------
    fs, path
    data : bytes
        Such as no other process writes: an answer that was lost on its way makes the client try
        again, and the second try finds the object of the first.
    """
    try:
        with answers():
            fs.pipe_file(path, data, mode="create")
    except FileExistsError:
        pass
    except OSError as error:
        if _code_of(error) not in _TAKEN:
            raise
    else:
        return True
    try:
        return get(fs, path, None, None) == data
    except FileNotFoundError:
        return False


def delete(fs: Any, path: str) -> None:
    """Remove an object, if it is there."""
    with answers(), contextlib.suppress(FileNotFoundError):
        fs.rm_file(path)


@contextlib.contextmanager
def answers() -> Iterator[None]:
    """Give what a client raises the type that it has elsewhere."""
    try:
        yield
    except ValueError as error:  # gcsfs: an answer of 400; s3fs: a path without a bucket
        raise OSError(errno.EINVAL, str(error)) from error
    except OSError as error:
        if type(error) is OSError and str(error).startswith("Forbidden"):  # gcsfs: 403
            raise PermissionError(errno.EACCES, str(error)) from error
        raise


def _code_of(error: OSError) -> str | None:
    """Return the code of the answer behind an error of s3fs."""
    response = getattr(error.__cause__, "response", None)
    code = response["Error"].get("Code") if isinstance(response, dict) else None
    return None if code is None else str(code)
