"""Inline SVG as an XML tree, so that every text is escaped; colours come from the page by class."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # written, never parsed

from bannercluster.render.text import clean


def start(
    width: int, height: int, css: str, title: str, told: str, uid: str, role: str = "img"
) -> ET.Element:
    """Return an ``<svg>`` with a title and a description for screen readers.

    Parameters
    ----------
    width, height : int
        In pixels.
    css : str
        Class of the element.
    title, told : str
    uid : str
        Unique on the page, for the ids of both.
    role : str
    """
    svg = ET.Element("svg", {
        "class": css, "viewBox": f"0 0 {width} {height}", "width": str(width),
        "height": str(height), "role": role, "aria-labelledby": f"{uid}-t {uid}-d",
    })  # fmt: skip
    add(svg, "title", "", text=title, id=f"{uid}-t")
    add(svg, "desc", "", text=told, id=f"{uid}-d")
    return svg


def add(
    parent: ET.Element, tag: str, css: str, text: str | None = None, **attributes: object
) -> ET.Element:
    """Append an element; its text is cleaned."""
    element = ET.SubElement(parent, tag, {name: str(value) for name, value in attributes.items()})
    if css:
        element.set("class", css)
    if text is not None:
        element.text = clean(text)
    return element


def text_of(svg: ET.Element) -> str:
    """Return it as text: well-formed XML."""
    return ET.tostring(svg, encoding="unicode")
