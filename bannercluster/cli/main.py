"""``bc``: the commands in the order of the data."""

import importlib.metadata
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from bannercluster.cli.bench import bench_app
from bannercluster.cli.demo import add_demo
from bannercluster.cli.doctor import add_doctor
from bannercluster.cli.failures import USAGE, say
from bannercluster.cli.heatmap import heatmap_app
from bannercluster.cli.options import InOrder, UsageProblem
from bannercluster.cli.settings import config_app
from bannercluster.cli.stages import VERBS, add_stages
from bannercluster.cli.synth import synth_app
from bannercluster.cli.upkeep import add_upkeep

_STAGES = "Stages, in the order of the data"
_TOOLS = "Around the stages"
_EXIT_CODES = (
    "Exit codes: 0 done; 3 done, but some files were rejected; 2 what was typed cannot be meant; "
    "1 it could not be done; 130 interrupted."
)


class InOrderOfData(InOrder):
    """The commands in the order of the data."""

    order = (
        "synth",
        *(verb.name for verb in VERBS),
        *("heatmap", "demo", "status", "gc", "bench", "config", "doctor"),
    )


def build_app() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(
        name="bc",
        cls=InOrderOfData,
        epilog=_EXIT_CODES,
        context_settings={"help_option_names": ["--help", "-h"]},
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
    app.add_typer(heatmap_app(), name="heatmap", rich_help_panel=_STAGES)
    add_demo(app, _TOOLS)
    add_upkeep(app, _TOOLS)
    app.add_typer(bench_app(), name="bench", rich_help_panel=_TOOLS)
    app.add_typer(config_app(), name="config", rich_help_panel=_TOOLS)
    add_doctor(app, _TOOLS)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    0 done, 1 failed, 2 wrong usage, 3 done with rejected rows, 130 interrupted.
    """
    try:
        code = build_app()(args=argv, prog_name="bc", standalone_mode=False)
    except UsageProblem as problem:
        say(f"error: {_what_is_wrong(problem)}")
        return USAGE
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1 if end.code else 0
    return code if isinstance(code, int) else 0


def _what_is_wrong(problem: Any) -> str:
    """Return one line like those of our own errors, with the help page to read."""
    text = str(problem.format_message())
    if not text.endswith((".", "?")):
        text += "."
    command = problem.ctx.command_path if problem.ctx else "bc"
    return f"{text[:1].lower()}{text[1:]} See `{command} --help`"


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
