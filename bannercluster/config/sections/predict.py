"""Settings of the assignment."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from bannercluster.config.knobs import Option, Section


@dataclass(frozen=True, kw_only=True)
class PredictConfig(Section):
    """A cluster for every banner."""

    section: ClassVar[str] = "predict"

    model: Annotated[
        str | None,
        Option(help="Name of the model", metavar="NAME", unset="the one that evaluate chose"),
    ] = None
    modality: Annotated[
        Literal["image", "text", "both"] | None,
        Option(
            help="What the models cluster; they know it, this only insists",
            semantic=False,
            unset="whatever they take",
        ),
    ] = None
