"""Settings of the texts read off images."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import count


@dataclass(frozen=True, kw_only=True)
class OcrConfig(Section):
    """Images to lines of text."""

    section: ClassVar[str] = "ocr"

    which: Annotated[
        Literal["missing", "all"],
        Option(
            help="Read the images of banners without text in the table, or all images",
            semantic=False,
        ),
    ] = "missing"
    text_columns: Annotated[
        tuple[str, ...],
        Option(
            help="Columns of the banner table that hold text",
            semantic=False,
            metavar="COLUMN ...",
        ),
    ] = ("title", "description")
    max_side: Annotated[
        int,
        Option(
            help="Longest side in pixels of the picture in which lines are looked for",
            minimum=32,
            maximum=2000,
            metavar="N",
        ),
    ] = 960
    min_confidence: Annotated[
        float,
        Option(
            help="Lines of less mean confidence are left out", minimum=0, maximum=1, metavar="SHARE"
        ),
    ] = 0.5
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Option(help="Arithmetic of the networks; auto takes bfloat16 where the hardware has it"),
    ] = "auto"
    part_rows: Annotated[int, count(help="Images in one part of the work", semantic=False)] = 256
