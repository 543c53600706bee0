"""The manifest: one row a file, with the truth about it."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One file of the corpus.

    ``width`` and ``height`` are what a viewer sees, 0 where nothing decodes; ``format`` is what the
    bytes are, whatever the extension says, and empty where they are no image. ``duplicate_of``
    names the first banner with the very same bytes.
    """

    banner_id: str
    file: str
    advertiser: str
    vertical: str
    campaign: str
    creative: str
    width: int
    height: int
    format: str
    day: str
    title: str
    description: str
    landing_url: str
    duplicate_of: str
    near_duplicate_of: str
    fault: str
    decodable: bool


COLUMNS = tuple(f.name for f in fields(Row))


def with_duplicates(rows: Iterable[tuple[Row, str]]) -> list[Row]:
    """Name the first banner with the same digest of its bytes in every later row.

    Also where nobody planned it: all empty files are copies of each other.
    """
    first: dict[str, str] = {}
    out = []
    for row, digest in rows:
        origin = first.setdefault(digest, row.banner_id)
        out.append(row if origin == row.banner_id else replace(row, duplicate_of=origin))
    return out


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """Write the manifest under a temporary name and rename it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = [getattr(row, name) for name in COLUMNS]
        writer.writerow(["true" if v is True else "false" if v is False else v for v in values])
    put(path, text.getvalue().encode())


def put(path: Path, data: bytes) -> None:
    """Write a file so that it is seen whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    part.replace(path)
