"""Settings of the report."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import count


@dataclass(frozen=True, kw_only=True)
class ReportConfig(Section):
    """What the stages left, as one HTML file."""

    section: ClassVar[str] = "report"

    per_cluster: Annotated[int, count(help="Images in each row of a gallery, at most 12")] = 8
    map_points: Annotated[int, count(help="Points on the map")] = 5000
    title: Annotated[
        str | None, Option(help="Title of the report", metavar="TEXT", unset="made from the data")
    ] = None
    seed: Annotated[int, Option(help="Seed of the random samples", minimum=0)] = 0
