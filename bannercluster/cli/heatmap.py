"""``bc heatmap``: broken banners from click heatmaps, in the order of the data."""

import importlib
from typing import Protocol, cast

import typer

from bannercluster.cli.failures import stopping
from bannercluster.cli.options import InOrder, Request, add_command, extra_option
from bannercluster.cli.progress import open_progress
from bannercluster.cli.stages import StageResult, Verb, add_stage, show_result
from bannercluster.config import Settings
from bannercluster.runtime.progress import Progress

HEATMAP_VERBS = (
    Verb(
        "synth",
        "Draw clicks on healthy and broken banners, and the truth about them.",
        {
            "heatmap_synth": None,
            "paths": ("clicks", "exposure", "heatmap_references", "heatmap_truth"),
            "runtime": ("memory",),
        },
        module="heatmap.verbs.synth",
        in_process=True,
    ),
    Verb(
        "features",
        "Turn clicks and exposure into heatmaps, one for each domain and grid.",
        {
            "heatmap": None,
            "paths": ("clicks", "exposure", "heatmap_references", "heatmap_truth", "heatmaps"),
            "runtime": ("memory",),
        },
        module="heatmap.verbs.features",
        in_process=True,
    ),
    Verb(
        "train",
        "Teach a model what broken banners look like, on simulated ones.",
        {
            "heatmap_train": None,
            "paths": ("heatmap_model",),
            "runtime": ("workers", "memory"),
        },
        module="heatmap.verbs.train",
        in_process=True,
    ),
    Verb(
        "score",
        "Say how broken each heatmap looks, by which fault, and which are alerts.",
        {
            "heatmap_score": None,
            "paths": ("heatmaps", "heatmap_model", "heatmap_scores"),
            "runtime": ("workers", "memory"),
        },
        module="heatmap.verbs.score",
        in_process=True,
    ),
    Verb(
        "report",
        "Gather alerts, evidence and figures into one HTML file that opens offline.",
        {
            "heatmap_report": None,
            "paths": (
                "heatmaps",
                "heatmap_model",
                "heatmap_scores",
                "heatmap_benchmark",
                "heatmap_report",
            ),
            "runtime": ("memory",),
        },
        module="heatmap.verbs.report",
        in_process=True,
    ),
)

_FOLDER = extra_option(
    "folder", "--folder", str, "heatmap-demo", "Where everything is written", "FOLDER"
)


class DemoFlow(Protocol):
    """The module of the demo."""

    def run_demo(self, settings: Settings, *, folder: str, progress: Progress) -> StageResult:
        """Run all commands on synthetic clicks."""


class InOrderOfHeatmaps(InOrder):
    """The commands in the order of the data."""

    order = (*(verb.name for verb in HEATMAP_VERBS), "demo")


def heatmap_app() -> typer.Typer:
    """Return the group of commands."""
    app = typer.Typer(
        help="Find broken banners by the heatmaps of their clicks.",
        cls=InOrderOfHeatmaps,
        rich_markup_mode="rich",
    )
    # A group of one command would otherwise be that command.
    app.callback()(lambda: None)
    for verb in HEATMAP_VERBS:
        add_stage(app, verb)
    add_command(
        app,
        "demo",
        _run_demo,
        help_text="Go from nothing to a report on synthetic clicks, in some minutes and offline.",
        uses={
            "heatmap_synth": ("n_grids", "n_domains", "seed"),
            "heatmap_score": None,
            "runtime": ("workers", "memory"),
        },
        extras=(_FOLDER,),
        can_plan=False,
    )
    return app


def _run_demo(request: Request) -> int:
    flow = cast(DemoFlow, importlib.import_module("bannercluster.heatmap.verbs.demo"))
    progress = open_progress(quiet=request.quiet)
    with stopping(quiet=request.quiet):
        try:
            folder = request.extra["folder"]
            result = flow.run_demo(request.settings, folder=folder, progress=progress)
        finally:
            progress.finish()
    return show_result(result, request)
