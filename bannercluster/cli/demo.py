"""``bc demo``: from nothing to a report."""

import importlib
import inspect
from typing import Protocol, cast

import typer

from bannercluster.cli.options import Request, add_command, extra_option
from bannercluster.cli.progress import open_progress
from bannercluster.cli.stages import StageResult, show_result
from bannercluster.config import Settings
from bannercluster.runtime.progress import Progress


class DemoFlow(Protocol):
    """The module of the demo."""

    def run_demo(self, settings: Settings, *, folder: str, progress: Progress) -> StageResult:
        """Run all stages on synthetic banners."""


FOLDER: inspect.Parameter = extra_option(
    "folder", "--folder", str, "demo", "Where everything is written", "FOLDER"
)


def add_demo(app: typer.Typer, panel: str) -> None:
    """Add the command to an app."""
    add_command(
        app,
        "demo",
        run,
        help_text="Go from nothing to a report on synthetic banners, in a minute and offline.",
        uses={
            "synth": ("n_banners", "n_advertisers"),
            "cluster": ("k",),
            "runtime": ("workers", "pool", "memory"),
        },
        extras=(FOLDER,),
        can_plan=False,
        panel=panel,
    )


def run(request: Request) -> int:
    """Run the demo."""
    flow = cast(DemoFlow, importlib.import_module("bannercluster.flows.demo"))
    progress = open_progress(quiet=request.quiet)
    try:
        result = flow.run_demo(request.settings, folder=request.extra["folder"], progress=progress)
    finally:
        progress.finish()
    return show_result(result, request)
