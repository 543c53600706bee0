"""``bc config``: what holds, and from where."""

import typer

from bannercluster.cli.failures import DONE
from bannercluster.cli.options import InOrder, Request, add_command, extra_option
from bannercluster.cli.output import print_json, print_tables
from bannercluster.cli.tables import cell
from bannercluster.config import SECTIONS, Settings, format_size, knobs
from bannercluster.errors import ConfigError
from bannercluster.runtime.plan import Table


def config_app() -> typer.Typer:
    """Return the group of commands."""
    app = typer.Typer(
        help="Show the settings that hold, and where each of them comes from.",
        cls=InOrder,
        rich_markup_mode="rich",
    )
    # A group of one command would otherwise be that command.
    app.callback()(lambda: None)
    add_command(
        app,
        "show",
        run_show,
        help_text="Show every setting with its value and its origin: flag, environment, file, "
        "default.",
        uses={},
        extras=(
            extra_option(
                "section",
                "--section",
                str | None,
                None,
                f"Only this section [dim]({' | '.join(SECTIONS)})[/dim]",
                "NAME",
            ),
        ),
        can_plan=False,
    )
    return app


def run_show(request: Request) -> int:
    """Print the settings."""
    wanted = request.extra["section"]
    if wanted is not None and wanted not in SECTIONS:
        raise ConfigError(f"--section: expected one of {', '.join(SECTIONS)}, got {wanted!r}")
    names = [wanted] if wanted else list(SECTIONS)
    if request.as_json:
        print_json({name: _as_json(request.settings, name) for name in names})
    else:
        rows = tuple(row for name in names for row in _rows(request.settings, name))
        print_tables((Table("", ("setting", "value", "origin"), rows),))
    return DONE


def _rows(settings: Settings, section: str) -> list[tuple[str, str, str]]:
    rows = []
    for knob in knobs(SECTIONS[section]):
        value = getattr(settings.section(section), knob.name)
        if value in (None, ()):
            shown = f"- ({knob.option.unset})" if knob.option.unset else "-"
        elif knob.option.kind == "size":
            shown = format_size(value)
        elif isinstance(value, tuple):
            shown = " ".join(str(one) for one in value)
        else:
            shown = cell(value)
        rows.append((f"{section}.{knob.name}", shown, settings.origin(section, knob.name)))
    return rows


def _as_json(settings: Settings, section: str) -> dict[str, object]:
    return {
        knob.name: {
            "value": knob.as_json(getattr(settings.section(section), knob.name)),
            "origin": settings.origin(section, knob.name),
        }
        for knob in knobs(SECTIONS[section])
    }
