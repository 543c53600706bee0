"""Settings of the click heatmaps: synthetic clicks, and heatmaps from clicks."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import count


@dataclass(frozen=True, kw_only=True)
class HeatmapSynthConfig(Section):
    """Synthetic clicks on healthy and broken banners."""

    section: ClassVar[str] = "heatmap_synth"

    n_grids: Annotated[int, count(help="Number of grids", flag="--grids")] = 12
    n_references: Annotated[
        int, count(help="Domains of each grid that are known to be healthy", flag="--healthy")
    ] = 10
    n_domains: Annotated[
        int, count(help="Other domains of each grid, healthy or not", flag="--domains")
    ] = 40
    broken: Annotated[
        float, Option(help="Share of the other domains that are broken", minimum=0, maximum=1)
    ] = 0.3
    min_clicks: Annotated[int, count(help="Least clicks of a heatmap")] = 20
    max_clicks: Annotated[
        int, count(help="Most clicks of a heatmap; log-uniform between the two")
    ] = 2000
    seed: Annotated[int, Option(help="Seed of the random numbers", minimum=0)] = 0


@dataclass(frozen=True, kw_only=True)
class HeatmapConfig(Section):
    """Heatmaps from clicks."""

    section: ClassVar[str] = "heatmap"

    first_day: Annotated[
        str | None,
        Option(help="First day that counts", kind="date", metavar="DATE", unset="the earliest"),
    ] = None
    last_day: Annotated[
        str | None,
        Option(help="Last day that counts", kind="date", metavar="DATE", unset="the latest"),
    ] = None
    chunk_rows: Annotated[int, count(help="Heatmaps in one chunk of the store", semantic=False)] = (
        256
    )
