"""What lies in the folder of images, and what of it must not be read."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bannercluster.media.reading import kind_of
from bannercluster.store import files


@dataclass(frozen=True)
class Fault:
    """Why a file has no content: a stable reason, and a detail for people."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Found:
    """What the listing says of a file.

    Parameters
    ----------
    nbytes : int
        Size; of a link, that of its target.
    modified : str
        What changes when the file does: modification time (of a link and its target) or entity tag.
    fault : Fault or None
        Why it must not be read.
    is_folder : bool
        It can only be meant where a manifest names it.
    """

    nbytes: int
    modified: str
    fault: Fault | None = None
    is_folder: bool = False


def list_folder(images: str) -> dict[str, Found] | None:
    """List all below a folder or bucket but what is hidden, sorted by name.

    Links to files are followed as long as they stay below the folder, which may be a link itself.
    Links to folders are not.

    Returns
    -------
    dict of name to Found, or None
        None where there is no such folder, or nothing in a bucket.
    """
    if files.local_path(images) is None:
        objects = files.objects(images)
        return {name: Found(*objects[name]) for name in objects if not _is_hidden(name)} or None
    fs, root = files.filesystem(images)
    if not fs.isdir(root):
        return None
    listed = fs.find(root, detail=True, withdirs=True)
    prefix = len(root.rstrip("/")) + 1
    real_root = Path(root).resolve()
    found = {}
    for path in sorted(listed):
        name, info = path[prefix:], listed[path]
        if name and not _is_hidden(name):
            shown = name.encode(errors="backslashreplace").decode()
            found[shown] = _of_info(path, info, real_root, shown == name)
    return found


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _of_info(path: str, info: dict[str, Any], real_root: Path, is_text: bool) -> Found:
    nbytes, modified = int(info.get("size") or 0), str(info.get("mtime") or "")
    if info["type"] == "directory":
        return Found(nbytes, modified, Fault("not_a_file", "a folder"), True)
    if not is_text:
        return Found(nbytes, modified, Fault("bad_name", "the file's name is not UTF-8 text"))
    if info["islink"]:
        try:
            target = Path(path).resolve()
            modified += f"/{os.stat(path).st_mtime}"  # noqa: PTH116 - as fsspec gives it
        except (OSError, RuntimeError):  # nothing there, or a link to itself: reading will say it
            target = real_root / "nothing"
        if not target.is_relative_to(real_root):
            return Found(nbytes, modified, Fault("outside_folder", "a link that leaves the folder"))
    elif not stat.S_ISREG(info["mode"]):
        return Found(nbytes, modified, Fault("not_a_file", kind_of(info["mode"])))
    return Found(nbytes, modified)
