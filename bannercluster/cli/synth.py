"""``bc synth``: data with known truth."""

import typer

from bannercluster.cli.failures import DONE
from bannercluster.cli.options import InOrder, Request, add_command
from bannercluster.cli.output import fields_table, print_json, print_tables
from bannercluster.cli.progress import open_progress
from bannercluster.runtime.memory import worker_count


def synth_app() -> typer.Typer:
    """Return the group of commands."""
    app = typer.Typer(
        help="Make synthetic banners with known truth, for a first look and for tests.",
        cls=InOrder,
        rich_markup_mode="rich",
    )
    # A group of one command would otherwise be that command.
    app.callback()(lambda: None)
    add_command(
        app,
        "banners",
        run_banners,
        help_text="Make banners of invented advertisers, and a manifest that knows whose they are.",
        uses={"synth": None, "paths": ("images",), "runtime": ("workers",)},
    )
    return app


def run_banners(request: Request) -> int:
    """Write the banners."""
    settings = request.settings
    from bannercluster.synth import SynthBannersConfig, synth_banners

    config = SynthBannersConfig(
        images=settings.paths.images,
        n_banners=settings.synth.n_banners,
        n_advertisers=settings.synth.n_advertisers,
        duplicates=settings.synth.duplicates,
        near_duplicates=settings.synth.near_duplicates,
        broken=settings.synth.broken,
        seed=settings.synth.seed,
        workers=worker_count(settings.runtime),
    )
    if request.dry_run:
        return _show("synth banners: what would be made", config, request)
    bar = open_progress(quiet=request.quiet)
    bar.start("synth banners", settings.synth.n_banners, "banners")
    reported = 0

    def advance(done: int, total: int) -> None:  # noqa: ARG001 the total is known
        nonlocal reported
        bar.advance(done - reported)
        reported = done

    try:
        result = synth_banners(config, progress=advance)
    finally:
        bar.finish()
    return _show("synth banners", result, request)


def _show(title: str, fields: object, request: Request) -> int:
    if request.as_json:
        print_json(fields)
    else:
        print_tables((fields_table(title, fields),))
    return DONE
