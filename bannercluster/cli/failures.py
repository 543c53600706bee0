"""From an exception to one clear line and an exit code."""

import logging
import sys
import traceback
from collections.abc import Callable

from bannercluster.errors import BannerclusterError

DONE = 0
FAILED = 1
USAGE = 2
DONE_WITH_REJECTED = 3
INTERRUPTED = 130


def exit_code_of(work: Callable[[], int], *, verbose: bool, quiet: bool) -> int:
    """Run a command's work and return its exit code.

    An error that bannercluster raised on purpose becomes one line on stderr; with ``verbose`` its
    traceback comes first. Any other exception is a fault of the program and passes through.
    """
    set_up_logging(verbose=verbose, quiet=quiet)
    try:
        return work()
    except BannerclusterError as error:
        if verbose:
            traceback.print_exc()
        say(f"error: {' '.join(str(error).split())}")
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted: what is written so far is whole; the same command goes on from there")
        return INTERRUPTED


def say(line: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def set_up_logging(*, verbose: bool, quiet: bool) -> None:
    """Show warnings of bannercluster on stderr; all of its logs when verbose, errors when quiet."""
    logger = logging.getLogger("bannercluster")
    logger.handlers = [_ToStderr()]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING)


class _ToStderr(logging.Handler):
    """Writes to whatever stderr is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        say(f"{record.levelname.lower()}: {record.getMessage()}")
