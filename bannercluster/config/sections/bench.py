"""Settings of the benchmarks, scale and peers. Nothing here changes a result."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import count, location


@dataclass(frozen=True, kw_only=True)
class ScaleConfig(Section):
    """A stage over several sizes of data: ``bc bench scale``."""

    section: ClassVar[str] = "scale"

    sizes: Annotated[
        tuple[int, ...],
        Option(help="Rows, or banners for embed and report", semantic=False, minimum=1),
    ] = (10_000, 30_000, 100_000)
    repeats: Annotated[int, count(help="Runs of each size", semantic=False)] = 3
    features: Annotated[int, count(help="Features of the generated rows", semantic=False)] = 1_792
    seed: Annotated[int, Option(help="Seed of the generated data", semantic=False, minimum=0)] = 0
    folder: Annotated[
        str | None,
        location(
            help="Local folder where the data of each size is made, and kept for the next time",
            metavar="FOLDER",
            unset="a temporary folder",
        ),
    ] = None
    out: Annotated[str, location(help="Folder of the figures and the plot", metavar="FOLDER")] = (
        "benchmarks/results"
    )


@dataclass(frozen=True, kw_only=True)
class PeersConfig(Section):
    """The k sweep beside other libraries: ``bc bench peers``."""

    section: ClassVar[str] = "peers"

    names: Annotated[
        tuple[str, ...],
        Option(help="Who is measured", semantic=False, flag="--peers", metavar="NAME ..."),
    ] = ("sklearn", "intelex", "faiss", "dask-ml", "spark")
    rows: Annotated[int, count(help="Rows to fit", semantic=False)] = 300_000
    slow_rows: Annotated[
        int,
        count(
            help="Rows for dask-ml and Spark, at most; ours is timed on as many beside them",
            semantic=False,
        ),
    ] = 100_000
    features: Annotated[int, count(help="Features of the generated rows", semantic=False)] = 1_792
    store: Annotated[
        str | None,
        location(
            help="Embeddings whose first rows are taken",
            metavar="STORE",
            unset="rows are generated",
        ),
    ] = None
    k: Annotated[
        tuple[int, ...],
        Option(help="Numbers of clusters", semantic=False, minimum=1),
    ] = (5, 10, 15)
    restarts: Annotated[
        int, count(help="Restarts of each k; a peer is timed on one of them", semantic=False)
    ] = 10
    max_iter: Annotated[int, count(help="Iterations of a restart", semantic=False)] = 20
    rounds: Annotated[int, count(help="Times that ours and a peer take turns", semantic=False)] = 3
    curve: Annotated[
        bool,
        Option(
            help="Time all restarts of scikit-learn as well, for anytime curves", semantic=False
        ),
    ] = True
    seed: Annotated[
        int, Option(help="Seed of generated rows and of first centres", semantic=False, minimum=0)
    ] = 0
    timeout_s: Annotated[
        float, Option(help="Seconds that a peer may take for one answer", semantic=False, minimum=1)
    ] = 3600.0
    out: Annotated[str, location(help="Folder of the figures and the plot", metavar="FOLDER")] = (
        "benchmarks/results"
    )
