"""What disks and buckets raise when they refuse, turned into one clear error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from bannercluster.errors import StoreError

# Clients of object stores raise errors of their own, which are no OSError. A client that raised
# one is loaded, so none is imported for this.
_OF_CLIENTS = {
    "aiohttp": ("ClientError",),
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "botocore.parsers": ("ResponseParserError",),
    "gcsfs.retry": ("ChecksumError", "HttpError", "NonRetryableError"),
    "google.api_core.exceptions": ("GoogleAPIError",),
    "google.auth.exceptions": ("GoogleAuthError",),
    "requests.exceptions": ("RequestException",),
}


def refusals() -> tuple[type[Exception], ...]:
    """Return the exceptions that mean "the file system refused", for an ``except`` clause."""
    found: list[type[Exception]] = [OSError]
    for module, names in _OF_CLIENTS.items():
        loaded = sys.modules.get(module)
        found += [getattr(loaded, name) for name in names if hasattr(loaded, name)]
    return tuple(found)


def failures() -> tuple[type[Exception], ...]:
    """Return the refusals, and what they are turned into."""
    return (*refusals(), StoreError)


def reason_of(error: Exception) -> str:
    """Return what a refusal says, in one line."""
    said = error.strerror if isinstance(error, OSError) else None
    return " ".join((said or str(error) or type(error).__name__).split())


@contextlib.contextmanager
def refused(what: str, consequence: str) -> Iterator[None]:
    """Turn a refusal inside the block into a StoreError.

    Parameters
    ----------
    what : str
        What cannot be done, such as ``cannot write FILE``.
    consequence : str
        What holds now, or what to do.
    """
    try:
        yield
    except refusals() as error:
        raise StoreError(f"{what}: {reason_of(error)}; {consequence}") from error
