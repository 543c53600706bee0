"""``bc``: the commands in the order of the data."""

import importlib.metadata
from collections.abc import Sequence
from typing import Annotated

import typer

from bannercluster.cli.demo import add_demo
from bannercluster.cli.doctor import add_doctor
from bannercluster.cli.options import InOrder
from bannercluster.cli.settings import config_app
from bannercluster.cli.stages import VERBS, add_stages
from bannercluster.cli.synth import synth_app

_STAGES = "Stages, in the order of the data"
_TOOLS = "Around them"


class InOrderOfData(InOrder):
    """The commands in the order of the data."""

    order = ("synth", *(verb.name for verb in VERBS), "demo", "config", "doctor")


def build_app() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(
        name="bc",
        cls=InOrderOfData,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    app.callback(
        help="Embed display banners, cluster them for many k at once, and say which clustering is "
        "good. Start with `bc demo`, or with `bc doctor` to see what this machine has."
    )(_top)
    app.add_typer(synth_app(), name="synth", rich_help_panel=_STAGES)
    add_stages(app, _STAGES)
    add_demo(app, _TOOLS)
    app.add_typer(config_app(), name="config", rich_help_panel=_TOOLS)
    add_doctor(app, _TOOLS)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    0 done, 1 failed, 2 wrong usage, 3 done with rejected rows, 130 interrupted.
    """
    try:
        build_app()(args=argv, prog_name="bc")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1 if end.code else 0
    return 0


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bannercluster {importlib.metadata.version('bannercluster')}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version",
            metavar="",
            callback=_show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Do nothing: the commands do."""
