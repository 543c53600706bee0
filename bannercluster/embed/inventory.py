"""Which files there are, which contents they hold, and which of the contents are new.

A row of the store is a content: the SHA-256 of a file's bytes. Files and banner ids point to
contents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePosixPath

from bannercluster.embed.listing import Fault, Found, list_folder
from bannercluster.errors import UsageError
from bannercluster.media.reading import hash_image
from bannercluster.media.rejection import ImageRejected
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.progress import Progress
from bannercluster.store import files, tables

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
"""Endings of files taken for images where no manifest says which files to take."""

_HASH_BATCH = 256


@dataclass(frozen=True)
class Entry:
    """A file that is to be accounted for.

    Parameters
    ----------
    file : str
        Path relative to the folder of images, with slashes.
    banner_id : str or None
    day : str or None
        Day on which it was seen (ISO date).
    extra : tuple of (str, str or None)
        Further columns of the manifest, carried along.
    nbytes : int
        Size; -1 where there is no such file.
    modified : str
        What changes when the file does: modification time or entity tag.
    fault : Fault or None
        Why it cannot be read, where the listing says so already.
    """

    file: str
    banner_id: str | None = None
    day: str | None = None
    extra: tuple[tuple[str, str | None], ...] = ()
    nbytes: int = -1
    modified: str = ""
    fault: Fault | None = None


@dataclass(frozen=True)
class Listing:
    """The files of a run.

    Parameters
    ----------
    entries : tuple of Entry
    manifest : str or None
        The table that named them.
    n_other : int
        Files left out because they are not images by their name.
    """

    entries: tuple[Entry, ...]
    manifest: str | None
    n_other: int


@dataclass
class Inventory:
    """What each entry holds.

    Parameters
    ----------
    contents : dict of file to 32 bytes
    faults : dict of file to Fault
    n_hashed : int
        Files that had to be read; the others had not changed since the last run.
    """

    contents: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    n_hashed: int = 0


def list_files(images: str, manifest: str | None, day: str | None) -> Listing:
    """List the files to embed: those that a manifest names, or all images in a folder.

    Parameters
    ----------
    images : str
        Folder or bucket.
    manifest : str or None
        CSV or Parquet with a column ``file``; ``<images>/manifest.csv`` is taken where it exists.
    day : str or None
        Day on which the images were seen, for rows whose manifest says none.

    Raises
    ------
    UsageError
        If the folder is missing or holds no image, or the manifest cannot be read.
    """
    found = list_folder(images)
    if found is None:
        raise UsageError(
            f"no folder of images at {images}; expected a folder or bucket that exists: name it "
            f"with --images"
        )
    if manifest is None and "manifest.csv" in found:
        manifest = files.join(images, "manifest.csv")
    if manifest is not None:
        entries = tuple(_from_manifest(manifest, found, day))
        if not entries:
            raise UsageError(f"the manifest {manifest} has no rows; expected one for each file")
        return Listing(entries, manifest, 0)
    found = {name: one for name, one in found.items() if not one.is_folder}
    named = [name for name in found if PurePosixPath(name).suffix.lower() in SUFFIXES]
    if not named:
        raise UsageError(
            f"no image in {images} ({len(found)} other files); expected files ending in "
            f"{', '.join(sorted(SUFFIXES))}, or a manifest with a column 'file'"
        )
    entries = tuple(_entry(Entry(name, None, day), found[name]) for name in named)
    return Listing(entries, None, len(found) - len(named))


def _from_manifest(manifest: str, found: Mapping[str, Found], day: str | None) -> Iterator[Entry]:
    table = tables.read_foreign(manifest, "the manifest")
    if "file" not in table.column_names:
        raise UsageError(
            f"the manifest {manifest} has the columns {', '.join(table.column_names)}; expected "
            f"a column "
            f"'file' with paths relative to the folder of images"
        )
    for row in table.to_pylist():
        name = row.pop("file")
        if not name:
            raise UsageError(
                f"the manifest {manifest} has a row without a file; expected a path in each"
            )
        extra = tuple(
            (key, None if value is None else str(value))
            for key, value in row.items()
            if key not in {"banner_id", "day"}
        )
        banner_id = row.get("banner_id")
        seen = row.get("day")
        entry = Entry(
            name,
            None if banner_id is None else str(banner_id),
            day if seen is None else str(seen)[:10],
            extra,
        )
        yield _entry(entry, found[name]) if name in found else entry


def _entry(entry: Entry, found: Found) -> Entry:
    return replace(entry, nbytes=found.nbytes, modified=found.modified, fault=found.fault)


def take_inventory(
    images: str,
    entries: Sequence[Entry],
    known: Mapping[str, tuple[int, str, bytes]],
    executor: Executor,
    progress: Progress,
    max_nbytes: int,
) -> Inventory:
    """Find the content of each entry; files unchanged since they were ``known`` are not read.

    Parameters
    ----------
    images : str
    entries : sequence of Entry
    known : mapping of file to (nbytes, modified, content id)
    max_nbytes : int
        A larger file is rejected by its size, unread.
    """
    inventory = Inventory()
    unread = []
    for entry in entries:
        before = known.get(entry.file)
        if ".." in PurePosixPath(entry.file).parts or entry.file.startswith("/"):
            inventory.faults[entry.file] = Fault(
                "outside_folder", "the path leaves the folder of images"
            )
        elif entry.nbytes < 0:
            inventory.faults[entry.file] = Fault(
                "missing", "the manifest names a file that is not there"
            )
        elif entry.fault is not None:
            inventory.faults[entry.file] = entry.fault
        elif before is not None and before[:2] == (entry.nbytes, entry.modified) and entry.modified:
            inventory.contents[entry.file] = before[2]
        elif entry.nbytes > max_nbytes:
            inventory.faults[entry.file] = Fault(
                "too_many_bytes", f"{entry.nbytes} bytes; at most {max_nbytes}"
            )
        else:
            unread.append(entry.file)
    unread = list(dict.fromkeys(unread))
    batches = [unread[low : low + _HASH_BATCH] for low in range(0, len(unread), _HASH_BATCH)]
    progress.start("reading", len(unread), "files")
    try:
        for index, found in executor.map_unordered(
            partial(_hash_files, images, max_nbytes), batches
        ):
            for name, content in zip(batches[index], found, strict=True):
                if isinstance(content, Fault):
                    inventory.faults[name] = content
                else:
                    inventory.contents[name] = content
            progress.advance(len(found))
    finally:
        progress.finish()
    inventory.n_hashed = len(unread)
    return inventory


def _hash_files(images: str, max_nbytes: int, batch: Sequence[str]) -> list[bytes | Fault]:
    found: list[bytes | Fault] = []
    for name in batch:
        try:
            found.append(hash_image(images, name, max_nbytes))
        except ImageRejected as error:
            found.append(Fault(error.reason, error.detail))
    return found
