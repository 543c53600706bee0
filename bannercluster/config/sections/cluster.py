"""Settings of the k sweep."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import count


@dataclass(frozen=True, kw_only=True)
class ClusterConfig(Section):
    """Embeddings to models, one for each k."""

    section: ClassVar[str] = "cluster"

    k: Annotated[
        tuple[int, ...], Option(help="Numbers of clusters, all fitted together", minimum=1)
    ] = (5, 10, 15)
    n_init: Annotated[int, count(help="Restarts for each k; the best one is kept")] = 10
    max_iter: Annotated[int, count(help="Iterations of one restart, at most")] = 100
    tol: Annotated[
        float,
        Option(
            help="Stop when the centres move less than this, relative to the variance", minimum=0
        ),
    ] = 1e-4
    seed: Annotated[int, Option(help="Seed of the random numbers", minimum=0)] = 0
    normalize: Annotated[
        Literal["l2", "none"], Option(help="Scale every row to length one, or leave it")
    ] = "l2"
    spherical: Annotated[
        bool, Option(help="Scale the centres to length one as well: cosine distance")
    ] = False
    seeding_rows: Annotated[int, count(help="Rows of the sample that seeds the centres")] = 16384
    product: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Option(
            help="Arithmetic of the matrix product; the labels do not depend on it", semantic=False
        ),
    ] = "auto"
    search: Annotated[
        Literal["full", "race"],
        Option(
            help="Run every restart on all rows, or let them race on samples and finish the best"
        ),
    ] = "full"
    race_rows: Annotated[int, count(help="Rows of the first sample of a race")] = 32768
    engine: Annotated[
        Literal["sweep", "sklearn", "dask-ml", "cuml"],
        Option(help="What fits: the own sweep, or for comparison the k-means of a library"),
    ] = "sweep"
    modality: Annotated[
        Literal["image", "text", "both"],
        Option(help="Cluster banners by their images, their texts, or both fused"),
    ] = "image"
    text_weight: Annotated[
        float,
        Option(help="Weight of the text beside the image's 1, with --modality both", minimum=0),
    ] = 1.0
    image_components: Annotated[
        int,
        Option(
            help="Principal components of the images to fuse; 0 keeps the vectors",
            minimum=0,
            metavar="N",
        ),
    ] = 0
    text_components: Annotated[
        int,
        Option(
            help="Principal components of the texts to fuse; 0 keeps the vectors",
            minimum=0,
            metavar="N",
        ),
    ] = 0
    predecessor: Annotated[
        str,
        Option(
            help="Model whose cluster numbers are kept: a name, none, or auto: the latest sweep's",
            metavar="NAME",
        ),
    ] = "auto"
