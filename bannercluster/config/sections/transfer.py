"""Settings of what comes in and goes out as embeddings: import and export."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import count, location


@dataclass(frozen=True, kw_only=True)
class ImportConfig(Section):
    """Embeddings that exist already, from Parquet or Zarr."""

    section: ClassVar[str] = "import"

    source: Annotated[
        str | None,
        location(
            help="Parquet file, folder or pattern of them; Zarr group; or another store",
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
        str, Option(help="Column or array that says which banner a row is", metavar="COLUMN")
    ] = "banner_id"
    day_column: Annotated[
        str, Option(help="Column or partition with the day of a row", metavar="COLUMN")
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
        int, count(help="Rows that one thread reads at a time", semantic=False)
    ] = 8192
    chunk_rows: Annotated[int, count(help="Rows in one chunk of the store", semantic=False)] = 8192


@dataclass(frozen=True, kw_only=True)
class ExportConfig(Section):
    """Embeddings as Parquet files that any tool reads."""

    section: ClassVar[str] = "export"

    target: Annotated[str, location(help="Folder of the files", metavar="FOLDER")] = "data/export"
    rows: Annotated[
        Literal["banners", "contents"],
        Option(help="What a row is: a banner, duplicates repeated, or a distinct content"),
    ] = "banners"
    normalize: Annotated[
        Literal["l2", "none"], Option(help="Scale every vector to length one, or leave it")
    ] = "none"
    file_rows: Annotated[int, count(help="Rows in one file")] = 65536
