"""Keeps Pillow's warnings from leaking, also when several threads decode at once."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_n_inside = 0
_saved: "warnings.catch_warnings[None] | None" = None


@contextmanager
def pillow_warnings_silenced() -> Iterator[None]:
    """Drop the warnings that modules of Pillow raise, and no others, while inside.

    What they warn of (a bomb, corrupt EXIF, palette transparency) is checked or handled by the
    decoder itself. The warning filters belong to the process, not to a thread: two overlapping
    ``warnings.catch_warnings()`` blocks restore each other's filters and can leave them changed
    for good. So the first thread in changes them and the last one out restores them.
    """
    global _n_inside, _saved
    with _lock:
        if _n_inside == 0:
            _saved = warnings.catch_warnings()
            _saved.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
        _n_inside += 1
    try:
        yield
    finally:
        with _lock:
            _n_inside -= 1
            if _n_inside == 0 and _saved is not None:
                _saved.__exit__(None, None, None)
                _saved = None
