"""The sections and their settings. A setting is defined here and nowhere else.

``conf.yaml`` at the top of the repository is written from this file: after a change here run
``python -m bannercluster.config.template > conf.yaml`` and
``python -m bannercluster.cli.reference > docs/commands.md``.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from bannercluster.config.knobs import Option, Section


@dataclass(frozen=True, kw_only=True)
class PathsConfig(Section):
    """Where things lie. Each path is a local path or an fsspec URL (``gs://``, ``s3://``)."""

    section: ClassVar[str] = "paths"

    images: Annotated[
        str,
        Option(help="Folder or bucket of images", semantic=False, kind="path", metavar="FOLDER"),
    ] = "data/images"
    manifest: Annotated[
        str | None,
        Option(
            help="CSV or Parquet with `file` and, where known, banner_id, advertiser, ...",
            semantic=False,
            kind="path",
            metavar="FILE",
            unset="<images>/manifest.csv where it exists",
        ),
    ] = None
    embeddings: Annotated[
        str,
        Option(help="Zarr store of the embeddings", semantic=False, kind="path", metavar="STORE"),
    ] = "data/embeddings.zarr"
    models: Annotated[
        str,
        Option(help="Folder of the fitted models", semantic=False, kind="path", metavar="FOLDER"),
    ] = "data/models"
    assignments: Annotated[
        str,
        Option(
            help="Folder of the tables with a cluster per banner",
            semantic=False,
            kind="path",
            metavar="FOLDER",
        ),
    ] = "data/assignments"
    evaluation: Annotated[
        str,
        Option(help="Folder of the metric tables", semantic=False, kind="path", metavar="FOLDER"),
    ] = "data/evaluation"
    report: Annotated[
        str,
        Option(help="The report, one HTML file", semantic=False, kind="path", metavar="FILE"),
    ] = "data/report.html"
    labels: Annotated[
        str | None,
        Option(
            help="CSV or Parquet with known groups, joined by `file` or `banner_id`",
            semantic=False,
            kind="path",
            metavar="FILE",
            unset="the manifest",
        ),
    ] = None
    label: Annotated[
        str | None,
        Option(
            help="Column of the labels that names the group",
            semantic=False,
            metavar="COLUMN",
            unset="no labels",
        ),
    ] = None
    cache: Annotated[
        str,
        Option(
            help="Local folder of exported networks", semantic=False, kind="path", metavar="FOLDER"
        ),
    ] = "~/.cache/bannercluster"


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig(Section):
    """Who runs it. Nothing here changes a result."""

    section: ClassVar[str] = "runtime"

    workers: Annotated[
        int | None,
        Option(
            help="Workers on this machine",
            semantic=False,
            minimum=1,
            metavar="N",
            unset="number of cores",
        ),
    ] = None
    pool: Annotated[
        Literal["auto", "threads", "processes"],
        Option(help="What a local worker is; auto takes what suits the stage", semantic=False),
    ] = "auto"
    scheduler: Annotated[
        str | None,
        Option(
            help="Run on the Dask cluster at this address; also DASK_SCHEDULER_ADDRESS",
            semantic=False,
            metavar="ADDRESS",
            unset="this machine",
        ),
    ] = None
    scheduler_file: Annotated[
        str | None,
        Option(
            help="Run on the Dask cluster described by this file",
            semantic=False,
            kind="path",
            metavar="FILE",
        ),
    ] = None
    tls_ca: Annotated[
        str | None,
        Option(
            help="Certificate (PEM) of the authority of a Dask cluster that speaks TLS",
            semantic=False,
            kind="path",
            metavar="FILE",
            unset="Dask's own configuration",
        ),
    ] = None
    tls_cert: Annotated[
        str | None,
        Option(
            help="Own certificate (PEM), signed by that authority",
            semantic=False,
            kind="path",
            metavar="FILE",
            unset="Dask's own configuration",
        ),
    ] = None
    tls_key: Annotated[
        str | None,
        Option(
            help="Key (PEM) of the own certificate",
            semantic=False,
            kind="path",
            metavar="FILE",
            unset="in the file of the certificate",
        ),
    ] = None
    memory: Annotated[
        int | None,
        Option(
            help="Memory that the run may use on this machine, in bytes or as '6 GiB'",
            semantic=False,
            kind="size",
            metavar="SIZE",
            unset="80 % of what is available",
        ),
    ] = None
    dashboard: Annotated[
        str,
        Option(
            help="Address of the Dask dashboard, or off; a taken port is exchanged for a free one",
            semantic=False,
            metavar="ADDRESS",
        ),
    ] = "127.0.0.1:8787"
    performance_report: Annotated[
        str | None,
        Option(
            help="Write Dask's performance report (HTML) to this file",
            semantic=False,
            kind="path",
            metavar="FILE",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SynthConfig(Section):
    """Synthetic banners with known truth."""

    section: ClassVar[str] = "synth"

    n_banners: Annotated[
        int, Option(help="Number of image files", minimum=1, flag="--banners", metavar="N")
    ] = 1500
    n_advertisers: Annotated[
        int, Option(help="Number of advertisers", minimum=1, flag="--advertisers", metavar="N")
    ] = 32
    duplicates: Annotated[
        float,
        Option(help="Share of files with the same bytes as another", minimum=0, maximum=1),
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


@dataclass(frozen=True, kw_only=True)
class EmbedConfig(Section):
    """Images to embeddings."""

    section: ClassVar[str] = "embed"

    model: Annotated[
        str,
        Option(
            help="Name of a timm network; efficientnet_lite0 comes with its weights", metavar="NAME"
        ),
    ] = "efficientnet_b4"
    weights: Annotated[
        str | None,
        Option(
            help="safetensors or weights-only torch file with the weights",
            kind="path",
            metavar="FILE",
            unset="pretrained, from the package or the local cache",
        ),
    ] = None
    engine: Annotated[
        Literal["auto", "openvino", "torch"],
        Option(help="What runs the network; auto takes the fastest one here and says which"),
    ] = "auto"
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Option(help="Arithmetic inside the network; auto takes bfloat16 where the hardware has it"),
    ] = "auto"
    device: Annotated[
        str, Option(help="Where the network runs: auto, cpu, cuda, cuda:1, ...", metavar="DEVICE")
    ] = "auto"
    resize: Annotated[
        Literal["native", "letterbox", "squash"],
        Option(help="Keep the aspect ratio, pad to the square of the network, or squash to it"),
    ] = "native"
    dtype: Annotated[
        Literal["float16", "float32"], Option(help="Type of the stored embeddings")
    ] = "float16"
    part_rows: Annotated[
        int, Option(help="Images in one part of the work", semantic=False, minimum=1, metavar="N")
    ] = 1024
    chunk_rows: Annotated[
        int, Option(help="Rows in one chunk of the store", semantic=False, minimum=1, metavar="N")
    ] = 8192
    max_pixels: Annotated[
        int, Option(help="An image of more pixels is rejected", minimum=1, metavar="N")
    ] = 40_000_000
    decode_timeout_s: Annotated[
        float,
        Option(
            help="Processor time of one image at most, in seconds; small images get less",
            minimum=0.01,
            metavar="SECONDS",
        ),
    ] = 20.0
    decode_memory: Annotated[
        int,
        Option(
            help="Memory of one image in decoding, in bytes or as '768 MiB'; more is rejected",
            kind="size",
            metavar="SIZE",
        ),
    ] = 768 << 20
    day: Annotated[
        str | None,
        Option(
            help="Day on which the images were seen",
            kind="date",
            metavar="DATE",
            unset="the manifest's column `day`, or none",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ImportConfig(Section):
    """Embeddings that exist already, from Parquet or Zarr."""

    section: ClassVar[str] = "import"

    source: Annotated[
        str | None,
        Option(
            help="Parquet file, folder or pattern of them; Zarr group; or another store",
            semantic=False,
            kind="path",
            metavar="PATH",
        ),
    ] = None
    model: Annotated[
        str | None,
        Option(
            help="What made the vectors: a name that tells them from those of another network",
            metavar="NAME",
            unset="what an export of bannercluster says; needed for others",
        ),
    ] = None
    column: Annotated[str, Option(help="Column or array of the vectors", metavar="COLUMN")] = (
        "embedding"
    )
    id_column: Annotated[
        str,
        Option(help="Column or array that says which banner a row is", metavar="COLUMN"),
    ] = "banner_id"
    day_column: Annotated[
        str,
        Option(help="Column or partition with the day of a row", metavar="COLUMN"),
    ] = "day"
    day: Annotated[
        str | None,
        Option(help="Day of rows that say none", kind="date", metavar="DATE", unset="none"),
    ] = None
    dtype: Annotated[
        Literal["auto", "float16", "float32"],
        Option(help="Type of the stored embeddings; auto takes that of an export, else float16"),
    ] = "auto"
    part_rows: Annotated[
        int,
        Option(help="Rows that one thread reads at a time", semantic=False, minimum=1, metavar="N"),
    ] = 8192
    chunk_rows: Annotated[
        int, Option(help="Rows in one chunk of the store", semantic=False, minimum=1, metavar="N")
    ] = 8192


@dataclass(frozen=True, kw_only=True)
class ExportConfig(Section):
    """Embeddings as Parquet files that any tool reads."""

    section: ClassVar[str] = "export"

    target: Annotated[
        str,
        Option(help="Folder of the files", semantic=False, kind="path", metavar="FOLDER"),
    ] = "data/export"
    rows: Annotated[
        Literal["banners", "contents"],
        Option(help="What a row is: a banner, duplicates repeated, or a distinct content"),
    ] = "banners"
    normalize: Annotated[
        Literal["l2", "none"], Option(help="Scale every vector to length one, or leave it")
    ] = "none"
    file_rows: Annotated[int, Option(help="Rows in one file", minimum=1, metavar="N")] = 65536


@dataclass(frozen=True, kw_only=True)
class ClusterConfig(Section):
    """Embeddings to models, one for each k."""

    section: ClassVar[str] = "cluster"

    k: Annotated[
        tuple[int, ...], Option(help="Numbers of clusters, all fitted together", minimum=1)
    ] = (5, 10, 15)
    n_init: Annotated[
        int, Option(help="Restarts for each k; the best one is kept", minimum=1, metavar="N")
    ] = 10
    max_iter: Annotated[
        int, Option(help="Iterations of one restart, at most", minimum=1, metavar="N")
    ] = 100
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
    seeding_rows: Annotated[
        int, Option(help="Rows of the sample that seeds the centres", minimum=1, metavar="N")
    ] = 16384
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
    race_rows: Annotated[
        int, Option(help="Rows of the first sample of a race", minimum=1, metavar="N")
    ] = 32768
    engine: Annotated[
        Literal["sweep", "sklearn", "dask-ml", "cuml"],
        Option(help="What fits: the own sweep, or for comparison the k-means of a library"),
    ] = "sweep"
    predecessor: Annotated[
        str,
        Option(
            help="Model whose cluster numbers are kept: a name, none, or auto: the latest sweep's",
            metavar="NAME",
        ),
    ] = "auto"


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
    min_banners: Annotated[
        int,
        Option(help="Labels with fewer contents than this are left out", minimum=1, metavar="N"),
    ] = 1
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
    stability_rows: Annotated[
        int,
        Option(help="Rows of the sample that is split, at most", minimum=1, metavar="N"),
    ] = 40_000
    stability_threshold: Annotated[
        float,
        Option(help="Stability ARI from which a model counts as stable", minimum=-1, maximum=1),
    ] = 0.8
    split_by: Annotated[
        Literal["content", "label"],
        Option(help="What stays together in a split: one content, or all contents of a label"),
    ] = "content"


@dataclass(frozen=True, kw_only=True)
class PredictConfig(Section):
    """A cluster for every banner."""

    section: ClassVar[str] = "predict"

    model: Annotated[
        str | None,
        Option(help="Name of the model", metavar="NAME", unset="the one that evaluate chose"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ReportConfig(Section):
    """What the stages left, as one HTML file."""

    section: ClassVar[str] = "report"

    per_cluster: Annotated[
        int, Option(help="Images in each row of a gallery, at most 12", minimum=1, metavar="N")
    ] = 8
    map_points: Annotated[int, Option(help="Points on the map", minimum=1, metavar="N")] = 5000
    title: Annotated[
        str | None, Option(help="Title of the report", metavar="TEXT", unset="made from the data")
    ] = None
    seed: Annotated[int, Option(help="Seed of the random samples", minimum=0)] = 0


@dataclass(frozen=True, kw_only=True)
class PeersConfig(Section):
    """The k sweep beside other libraries: ``bc bench peers``."""

    section: ClassVar[str] = "peers"

    names: Annotated[
        tuple[str, ...],
        Option(help="Who is measured", semantic=False, flag="--peers", metavar="NAME ..."),
    ] = ("sklearn", "intelex", "faiss", "dask-ml", "spark")
    rows: Annotated[int, Option(help="Rows to fit", semantic=False, minimum=1, metavar="N")] = (
        300_000
    )
    slow_rows: Annotated[
        int,
        Option(
            help="Rows for dask-ml and Spark, at most; ours is timed on as many beside them",
            semantic=False,
            minimum=1,
            metavar="N",
        ),
    ] = 100_000
    features: Annotated[
        int, Option(help="Features of the generated rows", semantic=False, minimum=1, metavar="N")
    ] = 1_792
    store: Annotated[
        str | None,
        Option(
            help="Embeddings whose first rows are taken",
            semantic=False,
            kind="path",
            metavar="STORE",
            unset="rows are generated",
        ),
    ] = None
    k: Annotated[tuple[int, ...], Option(help="Numbers of clusters", semantic=False, minimum=1)] = (
        5,
        10,
        15,
    )
    restarts: Annotated[
        int,
        Option(
            help="Restarts of each k; a peer is timed on one of them",
            semantic=False,
            minimum=1,
            metavar="N",
        ),
    ] = 10
    max_iter: Annotated[
        int, Option(help="Iterations of a restart", semantic=False, minimum=1, metavar="N")
    ] = 20
    rounds: Annotated[
        int,
        Option(
            help="Times that ours and a peer take turns", semantic=False, minimum=1, metavar="N"
        ),
    ] = 3
    curve: Annotated[
        bool,
        Option(
            help="Time all restarts of scikit-learn as well, for anytime curves", semantic=False
        ),
    ] = True
    seed: Annotated[
        int,
        Option(help="Seed of generated rows and of first centres", semantic=False, minimum=0),
    ] = 0
    timeout_s: Annotated[
        float,
        Option(help="Seconds that a peer may take for one answer", semantic=False, minimum=1),
    ] = 3600.0
    out: Annotated[
        str,
        Option(
            help="Folder of the figures and the plot",
            semantic=False,
            kind="path",
            metavar="FOLDER",
        ),
    ] = "benchmarks/results"


@dataclass(frozen=True, kw_only=True)
class ScaleConfig(Section):
    """A stage over several sizes of data: ``bc bench scale``."""

    section: ClassVar[str] = "scale"

    sizes: Annotated[
        tuple[int, ...],
        Option(help="Rows, or banners for embed and report", semantic=False, minimum=1),
    ] = (10_000, 30_000, 100_000)
    repeats: Annotated[
        int, Option(help="Runs of each size", semantic=False, minimum=1, metavar="N")
    ] = 3
    features: Annotated[
        int, Option(help="Features of the generated rows", semantic=False, minimum=1, metavar="N")
    ] = 1_792
    seed: Annotated[int, Option(help="Seed of the generated data", semantic=False, minimum=0)] = 0
    folder: Annotated[
        str | None,
        Option(
            help="Local folder where the data of each size is made, and kept for the next time",
            semantic=False,
            kind="path",
            metavar="FOLDER",
            unset="a temporary folder",
        ),
    ] = None
    out: Annotated[
        str,
        Option(
            help="Folder of the figures and the plot",
            semantic=False,
            kind="path",
            metavar="FOLDER",
        ),
    ] = "benchmarks/results"


SECTIONS: dict[str, type[Section]] = {
    section.section: section
    for section in (
        PathsConfig,
        RuntimeConfig,
        SynthConfig,
        EmbedConfig,
        ImportConfig,
        ExportConfig,
        ClusterConfig,
        EvaluateConfig,
        PredictConfig,
        ReportConfig,
        ScaleConfig,
        PeersConfig,
    )
}
