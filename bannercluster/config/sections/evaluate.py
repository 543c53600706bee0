"""Settings of the metrics, of stability and of the choice of a model."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import count


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(Section):
    """Models to a metric table and a choice."""

    section: ClassVar[str] = "evaluate"

    # `--models` is the folder of models, on every command.
    models: Annotated[
        tuple[str, ...],
        Option(
            help="Names of the models to measure",
            flag="--model",
            metavar="NAME ...",
            unset="those of the latest sweep",
        ),
    ] = ()
    modality: Annotated[
        Literal["image", "text", "both"] | None,
        Option(
            help="What the models cluster; they know it, this only insists",
            semantic=False,
            unset="whatever they take",
        ),
    ] = None
    min_banners: Annotated[int, count(help="Labels with fewer contents than this are left out")] = 1
    weight: Annotated[
        Literal["contents", "ids"], Option(help="What a row counts: one, or as many as its ids")
    ] = "contents"
    bootstrap: Annotated[
        int,
        Option(
            help="Bootstrap replicates behind the 95 % intervals; 0 gives none",
            minimum=0,
            metavar="N",
        ),
    ] = 200
    silhouette_rows: Annotated[
        int,
        Option(
            help="Rows of the sample for the Euclidean silhouette; 0 leaves it out",
            minimum=0,
            metavar="N",
        ),
    ] = 2_000
    seed: Annotated[int, Option(help="Seed of the random numbers", minimum=0)] = 0
    rule: Annotated[
        Literal[
            "stable-silhouette",
            "silhouette",
            "silhouette-cosine",
            "calinski-harabasz",
            "davies-bouldin",
            "stability",
            "ami",
            "ari",
            "v-measure",
        ],
        Option(help="What chooses the model: the best value of a metric; noise goes to small k"),
    ] = "stable-silhouette"
    choose: Annotated[
        str | None,
        Option(help="Name of the model to choose by hand", metavar="NAME", unset="the rule's"),
    ] = None
    stability_splits: Annotated[
        int,
        Option(
            help="Pairs of disjoint halves that are fitted to measure stability; 0 measures none",
            minimum=0,
            metavar="N",
        ),
    ] = 5
    stability_rows: Annotated[int, count(help="Rows of the sample that is split, at most")] = 40_000
    stability_threshold: Annotated[
        float,
        Option(help="Stability ARI from which a model counts as stable", minimum=-1, maximum=1),
    ] = 0.8
    split_by: Annotated[
        Literal["content", "label", "text"],
        Option(help="What stays together in a split: one content, or all of a label or of a text"),
    ] = "content"
