"""Settings of the comparison of images, texts and both."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import count


@dataclass(frozen=True, kw_only=True)
class AblationConfig(Section):
    """What images and texts each add."""

    section: ClassVar[str] = "ablation"

    modalities: Annotated[
        tuple[Literal["image", "text", "both"], ...],
        Option(help="What is compared; differences are from the first one"),
    ] = ("image", "text", "both")
    text_weights: Annotated[
        tuple[float, ...],
        Option(
            help="Weights of the text with which both are compared",
            minimum=0,
            metavar="X ...",
            unset="that of --text-weight",
        ),
    ] = ()
    seeds: Annotated[
        int, count(help="Clusterings of each k, each the best of its own restarts")
    ] = 20
    bootstrap: Annotated[
        int,
        Option(
            help="Bootstrap replicates behind the 95 % intervals; 0 gives none",
            minimum=0,
            metavar="N",
        ),
    ] = 200
    rows: Annotated[int, count(help="Banners that are compared, at most: a random sample")] = 20_000
    min_banners: Annotated[int, count(help="Labels with fewer banners than this are left out")] = 1
    seed: Annotated[int, Option(help="Seed of the random numbers", minimum=0)] = 0
