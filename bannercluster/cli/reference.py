"""``docs/commands.md`` from the commands: ``python -m bannercluster.cli.reference``.

The text comes from the command tree that the command line runs, so a new command, group or option
appears by itself. The lines are laid out here and not by Typer: another version of it changes
nothing.
"""

import sys
import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import typer
from rich.text import Text

from bannercluster.cli.main import build_app
from bannercluster.config import Knob

_WIDTH = 100
_COLUMN = 30  # where the help of an option begins

_HEADER = """\
# Commands

Every command with its options, as `--help` says it. Below an option stand its name in
[conf.yaml](../conf.yaml) and the variable of the environment that sets it; a flag wins over the
variable, the variable over the file. Written by `python -m bannercluster.cli.reference`.
"""


def reference() -> str:
    """Return the text of ``docs/commands.md``."""
    root = _context(typer.main.get_command(build_app()), "bc", None)
    return "\n".join((_HEADER, *(_section(context) for context in _contexts(root))))


def _contexts(context: Any) -> Iterator[Any]:
    """Yield a command and all below it, in the order in which the help lists them."""
    yield context
    for below in _below(context):
        yield from _contexts(below)


def _below(context: Any) -> list[Any]:
    command = context.command
    if not hasattr(command, "commands"):
        return []
    names = [name for name in command.list_commands(context) if not command.commands[name].hidden]
    return [_context(command.commands[name], name, context) for name in names]


def _context(command: Any, name: str, parent: Any) -> Any:
    return typer.Context(command, parent, name, **command.context_settings)


def _section(context: Any) -> str:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [f"Usage: {usage}"]
    settings = getattr(command, "shown", {})
    options = [one for one in command.get_params(context) if not getattr(one, "hidden", False)]
    for panel, own in groupby(options, _panel):
        lines += ["", panel]
        for option in own:
            lines += _option(option, settings.get(option.name))
    if below := _below(context):
        lines += ["", "Commands"]
        for one in below:
            lines += _entry(f"  {one.info_name}", one.command.help, [])
        lines += ["", *_wrapped(command.epilog, _WIDTH)] if command.epilog else []
    about = "\n".join(_wrapped(command.help, _WIDTH))
    text = "\n".join(lines)
    return f"## {context.command_path}\n\n{about}\n\n```text\n{text}\n```\n"


def _panel(option: Any) -> str:
    typed_alone = option.param_type_name == "argument"
    return str(option.rich_help_panel or ("Arguments" if typed_alone else "Options"))


def _option(option: Any, knob: Knob | None) -> list[str]:
    """Return the lines of an option: how it is written, its help, its other names."""
    # The parser has the names of the help option in no order.
    flags = [] if option.param_type_name == "argument" else option.opts
    names = ", ".join(sorted(flags, key=len, reverse=True))
    if option.secondary_opts:
        names += " / " + ", ".join(option.secondary_opts)
    written = "  " + f"{names} {option.metavar or ''}".strip()
    others = [] if knob is None else [f"{knob.section}.{knob.name}, {knob.environment_name}"]
    return _entry(written, option.help, others)


def _entry(written: str, text: str | None, others: list[str]) -> list[str]:
    """Return a name and, beside it, its text; below it where the name is too long."""
    texts = [*_wrapped(text, _WIDTH - _COLUMN), *others] or [""]
    beside = texts.pop(0) if len(written) < _COLUMN else ""
    first = f"{written:<{_COLUMN}}{beside}".rstrip()
    return [first, *(" " * _COLUMN + one for one in texts)]


def _wrapped(text: str | None, width: int) -> list[str]:
    """Return the lines of a help text without the markup of its colours."""
    return textwrap.wrap(Text.from_markup(text or "").plain, width, break_on_hyphens=False)


if __name__ == "__main__":
    sys.stdout.write(reference())
