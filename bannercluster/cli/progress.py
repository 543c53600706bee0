"""A progress bar on stderr."""

import sys
from typing import TYPE_CHECKING

from bannercluster.runtime.progress import Progress, SilentProgress

if TYPE_CHECKING:
    import rich.progress

_LEAST_S = 0.5  # no rate from less than this


def open_progress(*, quiet: bool) -> Progress:
    """Return a bar, or silence where stderr is no terminal or nothing shall be said."""
    return SilentProgress() if quiet or not sys.stderr.isatty() else BarProgress()


class BarProgress:
    """One bar for each round: done, rate, time left, remark. It stays when the round has ended."""

    def __init__(self) -> None:
        self._bars: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None
        self._done = 0
        self._first: tuple[int, float] | None = None

    def start(self, stage: str, total: int, unit: str) -> None:
        """Begin a round."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.finish()
        self._done, self._first = 0, None
        if not total:
            return
        self._bars = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} {task.fields[unit]}"),
            TextColumn("[cyan]{task.fields[rate]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("[dim]{task.fields[note]}"),
            console=Console(stderr=True),
        )
        self._task = self._bars.add_task(stage, total=total, unit=unit, rate="", note="")
        self._bars.start()

    def advance(self, n: int = 1, note: str = "") -> None:
        """Report units as done."""
        if self._bars is None or self._task is None:
            return
        task = self._bars.tasks[0]
        self._done += n
        rate = self._rate(task.elapsed or 0.0)
        self._bars.update(self._task, advance=n, rate=rate, note=note or task.fields["note"])

    def _rate(self, elapsed_s: float) -> str:
        """Return the rate since the first units were done.

        What comes before is no work of this kind: a network is loaded, or units of an earlier run
        are counted.
        """
        if not self._done:
            return ""
        if self._first is None:
            self._first = self._done, elapsed_s
        n, duration_s = self._done - self._first[0], elapsed_s - self._first[1]
        if not n or duration_s < _LEAST_S:
            return ""
        per_second = n / duration_s
        return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.2g}/s"

    def finish(self) -> None:
        """End the round."""
        if self._bars is not None:
            self._bars.stop()
        self._bars = self._task = None
