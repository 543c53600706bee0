"""Settings of what lies where, for all stages."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import location


@dataclass(frozen=True, kw_only=True)
class PathsConfig(Section):
    """Where things lie. Each path is a local path or an fsspec URL (``gs://``, ``s3://``)."""

    section: ClassVar[str] = "paths"

    images: Annotated[str, location(help="Folder or bucket of images", metavar="FOLDER")] = (
        "data/images"
    )
    manifest: Annotated[
        str | None,
        location(
            help="CSV or Parquet with `file` and, where known, banner_id, advertiser, ...",
            metavar="FILE",
            unset="<images>/manifest.csv where it exists",
        ),
    ] = None
    embeddings: Annotated[str, location(help="Zarr store of the embeddings", metavar="STORE")] = (
        "data/embeddings.zarr"
    )
    texts: Annotated[str, location(help="Zarr store of the texts' embeddings", metavar="STORE")] = (
        "data/texts.zarr"
    )
    landing_pages: Annotated[
        str | None,
        location(
            help="Folder of the files that --landing-column names",
            metavar="FOLDER",
            unset="pages are in the table itself",
        ),
    ] = None
    text_table: Annotated[
        str | None,
        location(
            help="CSV or Parquet of banners without images: banner_id and columns of text",
            flag="--table",
            metavar="FILE",
            unset="the banners of the embeddings",
        ),
    ] = None
    ocr: Annotated[str, location(help="Folder of the texts read off images", metavar="FOLDER")] = (
        "data/ocr"
    )
    models: Annotated[str, location(help="Folder of the fitted models", metavar="FOLDER")] = (
        "data/models"
    )
    assignments: Annotated[
        str, location(help="Folder of the tables with a cluster per banner", metavar="FOLDER")
    ] = "data/assignments"
    evaluation: Annotated[str, location(help="Folder of the metric tables", metavar="FOLDER")] = (
        "data/evaluation"
    )
    report: Annotated[str, location(help="The report, one HTML file", metavar="FILE")] = (
        "data/report.html"
    )
    labels: Annotated[
        str | None,
        location(
            help="CSV or Parquet with known groups, joined by `file` or `banner_id`",
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
    clicks: Annotated[
        str, location(help="Parquet file, folder or pattern of the clicks", metavar="PATH")
    ] = "data/clicks.parquet"
    exposure: Annotated[
        str,
        location(
            help="Parquet of visits, impressions and clicks per day; used where it exists",
            metavar="PATH",
        ),
    ] = "data/exposure.parquet"
    heatmaps: Annotated[str, location(help="Zarr store of the heatmaps", metavar="STORE")] = (
        "data/heatmaps.zarr"
    )
    heatmap_references: Annotated[
        str,
        location(
            help="Parquet of domain and grid_id known to be healthy; used where it exists",
            flag="--references",
            metavar="PATH",
        ),
    ] = "data/heatmap_references.parquet"
    heatmap_truth: Annotated[
        str,
        location(
            help="Parquet of the known fault of each domain and grid_id; used where it exists",
            flag="--truth",
            metavar="PATH",
        ),
    ] = "data/heatmap_truth.parquet"
    heatmap_model: Annotated[
        str,
        location(
            help="Folder of the model of broken banners; scores use it where it exists",
            flag="--model",
            metavar="FOLDER",
        ),
    ] = "data/heatmap-model"
    heatmap_scores: Annotated[
        str, location(help="Parquet of the scores of heatmaps", flag="--scores", metavar="FILE")
    ] = "data/heatmap_scores.parquet"
    heatmap_report: Annotated[
        str,
        location(help="The report of heatmaps, one HTML file", flag="--report", metavar="FILE"),
    ] = "data/heatmap-report.html"
    heatmap_benchmark: Annotated[
        str | None,
        location(
            help="JSON of a measured benchmark, to show in the report",
            flag="--benchmark",
            metavar="FILE",
            unset="none",
        ),
    ] = None
    cache: Annotated[str, location(help="Local folder of exported networks", metavar="FOLDER")] = (
        "~/.cache/bannercluster"
    )
