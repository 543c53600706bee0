"""Settings of the click heatmaps, from synthetic clicks to the report."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

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


@dataclass(frozen=True, kw_only=True)
class HeatmapTrainConfig(Section):
    """A model of broken banners, taught on simulated ones."""

    section: ClassVar[str] = "heatmap_train"

    profile: Annotated[
        Literal["small", "full"],
        Option(help="How much it learns from: small for two cores, full for a GPU"),
    ] = "small"
    network: Annotated[
        Literal["auto", "comparison", "none"],
        Option(
            help="Network beside the statistics, kept only where it adds to them; auto: comparison "
            "with the full profile, none with the small one, where it adds nothing"
        ),
    ] = "auto"
    also: Annotated[
        tuple[Literal["count", "location", "simclr"], ...],
        Option(help="Further networks to train and measure; the model does not use them"),
    ] = ()
    seed: Annotated[int, Option(help="Seed of what is simulated and drawn", minimum=0)] = 0


@dataclass(frozen=True, kw_only=True)
class HeatmapScoreConfig(Section):
    """Which scored heatmaps are alerts."""

    section: ClassVar[str] = "heatmap_score"

    fdr: Annotated[
        float,
        Option(
            help="Share of the alerts that may be false",
            flag="--false-discovery-rate",
            minimum=0,
            maximum=1,
        ),
    ] = 0.1
    most_alerts: Annotated[
        int | None, count(help="Most alerts: the surest of them", unset="no limit")
    ] = None


@dataclass(frozen=True, kw_only=True)
class HeatmapReportConfig(Section):
    """What the report of heatmaps shows."""

    section: ClassVar[str] = "heatmap_report"

    unfolded: Annotated[
        int, Option(help="Heatmaps in the picture of maximum variance unfolding; 0: no such "
                    "picture", minimum=0, maximum=1000, metavar="N")
    ] = 300  # fmt: skip
    seed: Annotated[int, Option(help="Seed of the sample in the pictures", minimum=0)] = 0
