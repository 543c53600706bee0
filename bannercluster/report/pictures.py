"""Thumbnails of the shown banners, decoded from their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bannercluster.media import DecodeLimits, ImageRejected
from bannercluster.media.decoders import decode_near
from bannercluster.media.reading import read_image
from bannercluster.render.thumbnails import Thumbnail, thumbnail
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.progress import Progress
from bannercluster.store.fingerprint import content_id

_BATCH = 32
_DRAFT_SIDE = 274  # the root of 300 x 250


@dataclass(frozen=True)
class Wanted:
    """A picture to make: its key on the page, its file, its content, whether it may be small.

    The content is None where the file may hold any.
    """

    key: str
    file: str
    content: bytes | None
    small: bool


def make_thumbnails(
    images: str,
    wanted: Sequence[Wanted],
    executor: Executor,
    progress: Progress,
    limits: DecodeLimits,
) -> Mapping[str, Thumbnail]:
    """Make the pictures that can be made.

    A file that is gone, holds another content by now, or no longer decodes, is left out.

    Parameters
    ----------
    images : str
        Folder or bucket of the images.
    wanted : sequence of Wanted
    """
    batches = [wanted[low : low + _BATCH] for low in range(0, len(wanted), _BATCH)]
    made: dict[str, Thumbnail] = {}
    progress.start("pictures", len(wanted), "pictures")
    try:
        for index, found in executor.map_unordered(partial(_make, images, limits), batches):
            for item, picture in zip(batches[index], found, strict=True):
                if picture is not None:
                    made[item.key] = picture
            progress.advance(len(found))
    finally:
        progress.finish()
    return made


def _make(images: str, limits: DecodeLimits, batch: Sequence[Wanted]) -> list[Thumbnail | None]:
    found: list[Thumbnail | None] = []
    for item in batch:
        try:
            data = read_image(images, item.file, limits.max_nbytes)
            if item.content is not None and content_id(data) != item.content:
                found.append(None)
                continue
            rgb = decode_near(data, side=_DRAFT_SIDE, limits=limits, places=n_cores()).rgb
        except ImageRejected:
            found.append(None)
            continue
        small = thumbnail(rgb, 130, 110, 7_000, 45) if item.small else thumbnail(rgb)
        found.append(small)
    return found
