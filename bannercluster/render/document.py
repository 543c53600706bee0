"""What every offline page is made with: its templates, its colours, the hash that lets it run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

import jinja2
from markupsafe import Markup

from bannercluster.render.palette import DARK, LIGHT, colour_index, css_variables, shape_path
from bannercluster.render.text import DASH, clean, figure


def environment(*packages: str) -> jinja2.Environment:
    """Return the templates of packages, those of the first one before those of the next.

    Every text that a template prints is cleaned (`bannercluster.render.text.clean`) and escaped; a
    missing value is a dash; a name that is not there is an error.

    Parameters
    ----------
    packages : str
        Packages with a folder ``templates``.
    """
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(name, "templates") for name in packages]),
        autoescape=True,
        finalize=_finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["figure"] = figure
    made.globals.update(colour_index=colour_index, shape_path=shape_path)
    return made


def source(templates: jinja2.Environment, name: str) -> str:
    """Text of a file beside the templates that is none: style and scripts, taken as they are."""
    loader = templates.loader
    assert loader is not None  # noqa: S101 - every environment of ours has one
    return loader.get_source(templates, name)[0]


def style(templates: jinja2.Environment, names: Iterable[str]) -> str:
    """Colours of both themes, style sheets by name, and the classes ``f0`` to ``f7``."""
    themes = (
        f":root{{{css_variables(LIGHT)}}}\n"
        f"@media screen and (prefers-color-scheme: dark){{:root{{{css_variables(DARK)}}}}}"
    )
    colours = "\n".join(
        f".f{i}{{fill:var(--c{i})}}.b{i}{{--own:var(--c{i})}}" for i in range(len(LIGHT))
    )
    return "\n".join((themes, *(source(templates, name) for name in names), colours))


def script_hash(script: str) -> str:
    """Return what a content security policy names a script by."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _finalize(value: object) -> object:
    if value is None:
        return DASH
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return clean(value)
