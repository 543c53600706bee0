"""What the plots of the measurements are drawn with."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # written, never parsed

from bannercluster.render.text import clean


def document(width: int, height: int, title: str, style: str) -> ET.Element:
    """Return an ``<svg>`` with a title and a style sheet."""
    svg = ET.Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}",
         "width": str(width), "height": str(height), "role": "img"},
    )  # fmt: skip
    ET.SubElement(svg, "title").text = clean(title)
    ET.SubElement(svg, "style").text = style
    return svg


def line(
    parent: ET.Element, x1: float, y1: float, x2: float, y2: float, *, css: str = "grid"
) -> None:
    """Draw a line; of the grid by default."""
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    ET.SubElement(parent, "line", {"class": css, **{k: str(v) for k, v in ends.items()}})


def label(
    parent: ET.Element,
    x: float,
    y: float,
    text: str,
    *,
    css: str = "",
    colour: str = "",
    anchor: str = "start",
) -> None:
    """Write a text; what hides or deceives in it is shown."""
    about = {"x": str(x), "y": str(y), "text-anchor": anchor}
    if css:
        about["class"] = css
    if colour:
        about["style"] = f"fill:{colour}"
    ET.SubElement(parent, "text", about).text = clean(text)
