"""What a local worker process does first: Dask loads this module into each of them."""

import signal
from typing import Any

from bannercluster.runtime.quiet import quiet_loop


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the process that runs the stage, which ends the workers in good order.

    What that leaves in a worker's loop is no news for a terminal.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    quiet_loop(worker.loop)
