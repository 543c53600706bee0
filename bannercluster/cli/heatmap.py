"""``bc heatmap``: broken banners from click heatmaps, in the order of the data."""

import typer

from bannercluster.cli.options import InOrder
from bannercluster.cli.stages import Verb, add_stage

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
)


class InOrderOfHeatmaps(InOrder):
    """The commands in the order of the data."""

    order = tuple(verb.name for verb in HEATMAP_VERBS)


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
    return app
