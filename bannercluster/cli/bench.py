"""``bc bench``: what a stage takes as the data grows, and the sweep beside its peers."""

import inspect
from typing import Annotated

import typer

from bannercluster.cli.options import InOrder, Request, add_command
from bannercluster.cli.progress import open_progress
from bannercluster.cli.stages import show_result

STAGE = inspect.Parameter(
    "stage",
    inspect.Parameter.KEYWORD_ONLY,
    default="cluster",
    annotation=Annotated[
        str,
        typer.Argument(
            help="embed, import, export, cluster, evaluate, predict or report [dim](default: "
            "cluster)[/dim]",
            metavar="STAGE",
            show_default=False,
        ),
    ],
)
OPTIONS = inspect.Parameter(
    "options",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        list[str] | None,
        typer.Argument(
            help="Options of the stage, behind --: -- --k 5 10 15",
            metavar="[-- OPTION ...]",
            show_default=False,
        ),
    ],
)


def bench_app() -> typer.Typer:
    """Return the group of commands."""
    app = typer.Typer(
        help="Measure time, memory and quality on this machine.",
        cls=InOrder,
        rich_markup_mode="rich",
    )
    # A group of one command would otherwise be that command.
    app.callback()(lambda: None)
    add_command(
        app,
        "scale",
        run_scale,
        help_text="Run a stage on several sizes of data: time, memory, bytes and quality, and how "
        "they grow.",
        uses={"scale": None},
        extras=(STAGE, OPTIONS),
        can_plan=False,
    )
    add_command(
        app,
        "peers",
        run_peers,
        help_text="Fit the same rows from the same centres with other libraries.",
        uses={"peers": None, "paths": ("cache",), "runtime": ("workers",)},
        can_plan=False,
    )
    return app


def run_scale(request: Request) -> int:
    """Measure a stage over sizes."""
    from bannercluster.bench import scale

    asked = request.settings.scale
    wanted = scale.ScaleRequest(
        stage=request.extra["stage"],
        options=tuple(request.extra["options"] or ()),
        sizes=asked.sizes,
        repeats=asked.repeats,
        n_features=asked.features,
        seed=asked.seed,
        folder=asked.folder,
        out=asked.out,
    )
    return show_result(scale.run(wanted, open_progress(quiet=request.quiet)), request)


def run_peers(request: Request) -> int:
    """Measure the sweep beside its peers."""
    from bannercluster.bench import peers

    progress = open_progress(quiet=request.quiet)
    try:
        result = peers.run(request.settings, progress=progress)
    finally:
        progress.finish()
    return show_result(result, request)
