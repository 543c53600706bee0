"""Landing pages reduced to what a visitor reads. Nothing is ever downloaded, and nothing runs."""

from __future__ import annotations

import codecs
import re
from pathlib import Path, PurePosixPath
from typing import Any

from bannercluster.errors import EngineError
from bannercluster.store import files

_HIDDEN_TAGS = (
    "script",
    "style",
    "noscript",
    "template",
    "svg",
    "math",
    "iframe",
    "object",
    "head",
)
_HIDDEN = (
    "//*[@hidden or @aria-hidden='true' or "
    "contains(translate(@style, ' N', 'n'), 'display:none') or "
    "contains(translate(@style, ' H', 'h'), 'visibility:hidden')]"
)
_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_XML = re.compile(r"^\s*<\?xml[^>]*\?>")
# Python's own: no page has them, and some are slow on purpose-made bytes.
_NO_PAGE = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7"})
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class PageRefused(Exception):  # noqa: N818 - a verdict on one row, not an error of the run
    """A landing page has no text to give: a stable reason, and a detail for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


def page_text(value: str, folder: str | None, max_nbytes: int) -> str:
    """Return the visible text of a landing page.

    Parameters
    ----------
    value : str
        HTML, if its first character that is no white space is ``<``; else a path below the folder.
    folder : str or None
    max_nbytes : int
        A larger page is not read.

    Raises
    ------
    PageRefused
        If it is elsewhere, missing, too large, or cannot be decoded or parsed.
    """
    if value.lstrip().startswith("<"):
        nbytes = len(value.encode())
        if nbytes > max_nbytes:
            raise PageRefused("page_too_large", f"{nbytes} bytes; at most {max_nbytes}")
        return visible_text(value)
    return visible_text(_decoded(_read(value.strip(), folder, max_nbytes)))


def visible_text(html: str) -> str:
    """Return what a visitor reads of a page, without scripts, styles and hidden parts.

    Raises
    ------
    PageRefused
        If it cannot be parsed.
    """
    from inscriptis.html_engine import Inscriptis
    from inscriptis.model.config import ParserConfig
    from lxml import etree
    from lxml import html as lxml_html

    try:
        tree = lxml_html.document_fromstring(_XML.sub("", html.replace("\0", "")))
        for element in tree.xpath(_HIDDEN):
            _drop(element)
        for element in list(tree.iter(*_HIDDEN_TAGS)):
            _drop(element)
        text: str = Inscriptis(tree, ParserConfig(display_anchors=False)).get_text()
    except (etree.LxmlError, ValueError, RecursionError) as error:
        if isinstance(error, etree.ParserError):  # a page without any element
            return ""
        raise PageRefused("page_unreadable", f"{type(error).__name__}: {error}") from error
    return text


def check_library() -> None:
    """Raise EngineError unless the library that reads HTML is installed."""
    from importlib.util import find_spec

    if find_spec("inscriptis") is None:
        raise EngineError(
            "the library inscriptis is not installed; landing pages need it: "
            "pip install 'bannercluster[text]'"
        )


def _drop(element: Any) -> None:
    if element.getparent() is not None:
        element.drop_tree()  # what stands behind it stays


def _read(name: str, folder: str | None, max_nbytes: int) -> bytes:
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", name):
        raise PageRefused("page_is_url", "pages are never downloaded; give HTML or a file")
    if folder is None:
        raise PageRefused("page_no_folder", "no HTML, and no --landing-pages FOLDER for its files")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\0" in name or not parts:
        raise PageRefused("page_outside_folder", "the path leaves the folder of landing pages")
    local = files.local_path(folder)
    url = files.join(folder, name)
    try:
        if local is not None:
            return _read_local(local, local / name, max_nbytes)
        data = files.read_bytes(url, 0, max_nbytes + 1)
    except FileNotFoundError as error:
        raise PageRefused("page_missing", "no such file below the folder") from error
    except OSError as error:
        raise PageRefused("page_unreadable", error.strerror or type(error).__name__) from error
    return _small_enough(data, max_nbytes)


def _read_local(folder: Path, path: Path, max_nbytes: int) -> bytes:
    try:
        real = path.resolve(strict=True)
    except RuntimeError as error:  # a link to itself
        raise PageRefused("page_unreadable", "a link to itself") from error
    if not real.is_relative_to(folder.resolve()):
        raise PageRefused("page_outside_folder", "a link that leaves the folder of landing pages")
    if not real.is_file():
        raise PageRefused("page_unreadable", "not a file")
    with real.open("rb") as file:
        return _small_enough(file.read(max_nbytes + 1), max_nbytes)


def _small_enough(data: bytes, max_nbytes: int) -> bytes:
    if len(data) > max_nbytes:
        raise PageRefused("page_too_large", f"more than {max_nbytes} bytes")
    return data


def _decoded(data: bytes) -> str:
    """Decode a page: by its byte order mark, by what it declares, else as UTF-8."""
    declared = _DECLARED.search(data[:1024])
    encoding = declared.group(1).decode() if declared else "utf-8"
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), encoding)
    try:
        known = codecs.lookup(encoding).name not in _NO_PAGE
        text = data.decode(encoding) if known else None
    except (LookupError, UnicodeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise PageRefused("page_undecodable", f"not {encoding}: {why}") from error
    if text is None:
        raise PageRefused("page_undecodable", f"no page is in {encoding}")
    return text
