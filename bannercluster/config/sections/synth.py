"""Settings of the synthetic banners."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import count


@dataclass(frozen=True, kw_only=True)
class SynthConfig(Section):
    """Synthetic banners with known truth."""

    section: ClassVar[str] = "synth"

    n_banners: Annotated[int, count(help="Number of image files", flag="--banners")] = 1500
    n_advertisers: Annotated[int, count(help="Number of advertisers", flag="--advertisers")] = 32
    duplicates: Annotated[
        float, Option(help="Share of files with the same bytes as another", minimum=0, maximum=1)
    ] = 0.05
    near_duplicates: Annotated[
        float, Option(help="Share of files that are another one re-encoded", minimum=0, maximum=1)
    ] = 0.02
    broken: Annotated[
        float,
        Option(
            help="Share of files with a fault; about half of them do not decode",
            minimum=0,
            maximum=1,
        ),
    ] = 0.0
    seed: Annotated[int, Option(help="Seed of the random numbers", minimum=0)] = 0
