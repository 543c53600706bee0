"""Settings of the network, of decoding and of the store's parts."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import count


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
    part_rows: Annotated[int, count(help="Images in one part of the work", semantic=False)] = 1024
    chunk_rows: Annotated[int, count(help="Rows in one chunk of the store", semantic=False)] = 8192
    max_pixels: Annotated[int, count(help="An image of more pixels is rejected")] = 40_000_000
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
