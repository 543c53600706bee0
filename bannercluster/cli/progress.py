"""A progress bar on stderr."""

import sys
from typing import TYPE_CHECKING

from bannercluster.runtime.progress import Progress, SilentProgress

if TYPE_CHECKING:
    import rich.progress


def open_progress(*, quiet: bool) -> Progress:
    """Return a bar, or silence where stderr is no terminal or nothing shall be said."""
    return SilentProgress() if quiet or not sys.stderr.isatty() else BarProgress()


class BarProgress:
    """One bar for each round: done, rate, time left, remark. It stays when the round has ended."""

    def __init__(self) -> None:
        self._bars: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None
        self._done = 0
        self._unit = ""

    def start(self, stage: str, total: int, unit: str) -> None:
        """Begin a round."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.finish()
        self._done, self._unit = 0, unit
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
        elapsed = task.elapsed or 0.0
        rate = f"{_rate(self._done / elapsed)}/s" if elapsed > 0.5 else ""
        self._bars.update(self._task, advance=n, rate=rate, note=note or task.fields["note"])

    def finish(self) -> None:
        """End the round."""
        if self._bars is not None:
            self._bars.stop()
        self._bars = self._task = None


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.2g}"
