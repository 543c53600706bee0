"""From an exception to one clear line and an exit code."""

import contextlib
import logging
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from bannercluster.errors import BannerclusterError

DONE = 0
FAILED = 1
USAGE = 2
DONE_WITH_REJECTED = 3
INTERRUPTED = 130

_PACKAGE = Path(__file__).parents[1]
_INTERRUPTED = "interrupted: what is written so far is whole; the same command goes on from there"


def exit_code_of(work: Callable[[], int], *, verbose: bool, quiet: bool) -> int:
    """Run a command's work and return its exit code.

    An error that bannercluster raised on purpose becomes one line on stderr; with ``verbose`` its
    traceback comes first. Any other exception becomes one line too, which says where it arose and
    in which file its traceback is.
    """
    set_up_logging(verbose=verbose, quiet=quiet)
    try:
        return work()
    except BannerclusterError as error:
        if verbose:
            traceback.print_exc()
        say(f"error: {_one_line(str(error))}")
        return error.exit_code
    except KeyboardInterrupt:
        say(_INTERRUPTED)
        return INTERRUPTED
    except BrokenPipeError:
        raise  # whoever read the output has gone (`bc ... | head`): Typer ends without a word
    except Exception as error:  # noqa: BLE001 the outermost boundary: what nobody foresaw ends here
        say(f"error: {_unforeseen(error, verbose=verbose)}")
        return FAILED


def _unforeseen(error: Exception, *, verbose: bool) -> str:
    """Return the line for an error that is not one of ours; keep or print its traceback."""
    if verbose:
        traceback.print_exc()
        kept = "the traceback is above"
    else:
        kept = _keep_traceback(error)
    if isinstance(error, OSError):
        return f"the system refused: {_one_line(str(error))} (at {_place(error)}; {kept})"
    what = f"{type(error).__name__}: {_one_line(str(error))}"
    return f"a fault of bannercluster: {what} (at {_place(error)}); please report it: {kept}"


def _keep_traceback(error: Exception) -> str:
    """Write the traceback to a file, for a job of hours may not show it a second time."""
    text = "".join(traceback.format_exception(error))
    try:
        handle, name = tempfile.mkstemp(prefix="bannercluster-fault-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        sys.stderr.write(text)
        return "the traceback is above"
    return f"the traceback is in {name}"


def _place(error: Exception) -> str:
    """Return file and line of the innermost frame that is bannercluster's own."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    if not own:
        return "an unknown place"
    return f"{Path(own[-1].filename).relative_to(_PACKAGE.parent)}:{own[-1].lineno}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


@contextlib.contextmanager
def stopping(*, quiet: bool) -> Iterator[None]:
    """Say on a terminal that Ctrl-C was seen, as tasks that have begun end first.

    A second Ctrl-C then ends the process at once, which costs no more than a kill does.
    """
    try:
        yield
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            signal.signal(signal.SIGINT, _end_at_once)
            if not quiet:
                say("stopping: the tasks in work end first; Ctrl-C again stops at once")
        raise


def _end_at_once(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 as a handler is called
    say(_INTERRUPTED)
    os._exit(INTERRUPTED)


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
