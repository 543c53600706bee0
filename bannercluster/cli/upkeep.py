"""``bc status`` and ``bc gc``: what lies on disk, and what of it can go."""

import inspect
from typing import Annotated

import typer

from bannercluster.cli.failures import DONE
from bannercluster.cli.options import Request, add_command
from bannercluster.cli.output import print_json, print_tables

_RESULTS = ("embeddings", "ocr", "models", "evaluation", "assignments", "report")
_WITH_LEASES = ("embeddings", "ocr", "models", "assignments")

STAGED = inspect.Parameter(
    "staged",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[
        bool,
        typer.Option(
            "--staged",
            help="Also remove finished work of runs that did not end; it would be done again",
            metavar="",
        ),
    ],
)


def add_upkeep(app: typer.Typer, panel: str) -> None:
    """Add the commands to an app."""
    add_command(
        app,
        "status",
        run_status,
        help_text="See what is committed, staged and left over, and who is writing.",
        uses={"paths": _RESULTS},
        can_plan=False,
        panel=panel,
    )
    add_command(
        app,
        "gc",
        run_gc,
        help_text="Remove what killed runs left over: temporary files, chunks and tables that no "
        "reader needs, half models.",
        uses={"paths": _WITH_LEASES},
        extras=(STAGED,),
        panel=panel,
    )


def run_status(request: Request) -> int:
    """Print what is where."""
    from bannercluster.upkeep import read_status

    status = read_status(request.settings)
    if request.as_json:
        print_json(status)
    else:
        print_tables(status.tables())
    return DONE


def run_gc(request: Request) -> int:
    """Remove what nobody needs, or say what that would be."""
    from bannercluster.upkeep import collect_garbage

    collected = collect_garbage(
        request.settings, staged=request.extra["staged"], dry_run=request.dry_run
    )
    if request.as_json:
        print_json(collected)
    else:
        print_tables(collected.tables())
    return DONE
