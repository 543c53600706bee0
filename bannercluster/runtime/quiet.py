"""What Dask says of itself, kept from a terminal unless somebody looks for a fault."""

import contextlib
import logging
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from typing import Any

from tornado.ioloop import IOLoop

logger = logging.getLogger(__name__)

_NOISY = ("distributed", "bokeh", "tornado")


@contextlib.contextmanager
def quiet_logs() -> Iterator[None]:
    """Silence Dask's logs, which tell of every worker that ends, unless debugging."""
    if debugging():
        yield
        return
    # Loggers below these have levels of their own, which Dask gives them.
    noisy = [
        logging.getLogger(name)
        for name in (*_NOISY, *logging.root.manager.loggerDict)
        if name.partition(".")[0] in _NOISY
    ]
    levels = [one.level for one in noisy]
    for one in noisy:
        one.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for one, level in zip(noisy, levels, strict=True):
            one.setLevel(level)


def quiet_loop(loop: IOLoop) -> None:
    """Log as a detail what the connections of a stopping loop of Dask leave behind.

    They wait a few milliseconds for more to send. Where the loop stops in that moment, asyncio
    would write "Future exception was never retrieved" when the wait is collected. What else fails
    with nobody left to be told is an error on stderr, as ever.
    """
    loop.asyncio_loop.set_exception_handler(_on_nobodys)  # type: ignore[attr-defined]


def _on_nobodys(loop: AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    # A wait that ran out and a connection that closed are OSErrors; a task left pending has none.
    if error is None or isinstance(error, OSError):
        logger.debug("Dask: %s", context["message"], exc_info=error)
    else:
        loop.default_exception_handler(context)


def debugging() -> bool:
    """Whether the logs of bannercluster are to say everything (``--verbose``)."""
    return logging.getLogger("bannercluster").isEnabledFor(logging.DEBUG)
