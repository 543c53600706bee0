"""Settings of where a banner's text comes from, and of the network that reads it."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import count


@dataclass(frozen=True, kw_only=True)
class TextConfig(Section):
    """Texts to embeddings."""

    section: ClassVar[str] = "text"

    # `--model` belongs to the images, and to predict.
    model: Annotated[
        str,
        Option(
            help="Sentence encoder: a folder of sentence-transformers, or a name; "
            "all-MiniLM-L6-v2 comes with its weights and reads English",
            flag="--text-model",
            kind="path",
            metavar="NAME",
        ),
    ] = "all-MiniLM-L6-v2"
    columns: Annotated[
        tuple[str, ...],
        Option(
            help="Columns of the banner table that are text, in their order; of the default "
            "those that are there",
            flag="--text-columns",
            metavar="NAME ...",
        ),
    ] = ("title", "description")
    landing_column: Annotated[
        str | None,
        Option(
            help="Column with the landing page: HTML, or a file below --landing-pages",
            metavar="COLUMN",
            unset="no landing pages",
        ),
    ] = None
    ocr: Annotated[
        Literal["missing", "all", "none"],
        Option(
            help="Text read in the image: where there is no other, always, or never",
            flag="--use-ocr",
        ),
    ] = "missing"
    engine: Annotated[
        Literal["auto", "openvino", "torch"],
        Option(help="What runs the network; auto takes the fastest one here and says which"),
    ] = "auto"
    precision: Annotated[
        Literal["float32", "bfloat16"], Option(help="Arithmetic inside the network")
    ] = "float32"
    device: Annotated[
        str, Option(help="Where the network runs: auto, cpu, cuda, cuda:1, ...", metavar="DEVICE")
    ] = "auto"
    dtype: Annotated[
        Literal["float16", "float32"], Option(help="Type of the stored embeddings")
    ] = "float16"
    max_characters: Annotated[
        int, count(help="A text of more characters is cut behind this many")
    ] = 20_000
    max_page_bytes: Annotated[
        int,
        Option(
            help="A landing page of more bytes is not read, in bytes or as '2 MiB'",
            kind="size",
            metavar="SIZE",
        ),
    ] = 2 << 20
    part_rows: Annotated[int, count(help="Texts in one part of the work", semantic=False)] = 1024
    chunk_rows: Annotated[int, count(help="Rows in one chunk of the store", semantic=False)] = 8192
