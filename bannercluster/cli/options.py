"""Commands made from the settings: each one is a flag because it is a field, and only once."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from bannercluster.cli.arguments import join_values
from bannercluster.cli.failures import USAGE, exit_code_of
from bannercluster.config import SECTIONS, Knob, Settings, knobs, load_config

# Section -> the keys that a command shows; None: all of them.
Uses = Mapping[str, Sequence[str] | None]

# Typer brings a copy of click in later versions: this is click's UsageError of either.
UsageProblem: type[Exception] = typer.BadParameter.__mro__[1]

_COMMON = "Common"

EPILOG = (
    "Every setting can also stand in conf.yaml or in the environment as BC_<SECTION>_<SETTING>. "
    "`bc config show` says what holds, and from where."
)


@dataclass(frozen=True)
class Request:
    """What a command was asked for.

    Attributes
    ----------
    settings
        All layers, merged and validated.
    as_json, dry_run, quiet, verbose
        The flags of the same names.
    extra
        Values of the command's own options, those that are no settings.
    """

    settings: Settings
    as_json: bool = False
    dry_run: bool = False
    quiet: bool = False
    verbose: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


Runner = Callable[[Request], int]


class SettingsCommand(TyperCommand):
    """A command made from settings; options of many values may be written in any way.

    Attributes
    ----------
    shown
        The setting behind each of its parameters that has one.
    """

    shown: Mapping[str, Knob] = MappingProxyType({})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Join the values of options of many, then let Typer parse."""
        many = tuple(knob.flag for knob in self.shown.values() if knob.many)
        try:
            return super().parse_args(ctx, join_values(args, many))
        except UsageProblem as problem:
            problem.ctx = problem.ctx or ctx  # type: ignore[attr-defined] # some come without
            raise

    def get_help_option(self, ctx: Any) -> Any:
        """Return ``--help``, written like the other switches and beside them."""
        option = plain_help(super().get_help_option(ctx))
        if option is not None:
            option.rich_help_panel = _COMMON
        return option


class InOrder(TyperGroup):
    """A group that lists its commands in a given order."""

    order: tuple[str, ...] = ()

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return sorted(super().list_commands(ctx), key=lambda name: self._place(name))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help where no command is named; that is no success."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), nl=False)
            raise typer.Exit(USAGE)
        return super().parse_args(ctx, args)

    def get_help_option(self, ctx: Any) -> Any:
        """Return ``--help``, written like the other switches."""
        return plain_help(super().get_help_option(ctx))

    def _place(self, name: str) -> int:
        return self.order.index(name) if name in self.order else len(self.order)


def plain_help(option: Any) -> Any:
    """Take the type and the full stop from Typer's own ``--help``."""
    if option is not None:
        option.metavar, option.help = "", "Show this page"
    return option


def add_command(
    app: typer.Typer,
    name: str,
    runner: Runner,
    *,
    help_text: str,
    uses: Uses,
    extras: Sequence[inspect.Parameter] = (),
    can_plan: bool = True,
    panel: str | None = None,
) -> None:
    """Add a command to an app.

    Parameters
    ----------
    app, name, help_text, panel
        Where the command appears, and what is said of it.
    runner
        Does the work and returns the exit code.
    uses
        The settings that are its flags, in the order of the help page.
    extras
        Options of its own, from :func:`extra_option`.
    can_plan
        Whether it has ``--dry-run``.
    """
    shown = [
        knob
        for section, keys in uses.items()
        for knob in knobs(SECTIONS[section])
        if keys is None or knob.name in keys
    ]
    flags = [knob.flag for knob in shown]
    repeated = {flag for flag in flags if flags.count(flag) > 1}
    if repeated:
        raise TypeError(f"bc {name}: two settings share the flags {', '.join(sorted(repeated))}")
    parameters = [*extras, *(_parameter(knob) for knob in shown), *_common(can_plan)]

    def command(**given: Any) -> None:
        verbose, quiet = bool(given.pop("verbose")), bool(given.pop("quiet"))
        overrides: dict[str, dict[str, object]] = {}
        for knob in shown:
            value = given.pop(_parameter_name(knob))
            if value is not None:
                overrides.setdefault(knob.section, {})[knob.name] = value
        config_file = given.pop("config")
        flags = {"as_json": given.pop("as_json"), "dry_run": given.pop("dry_run", False)}

        def work() -> int:
            settings = load_config(overrides, config_file)
            return runner(
                Request(settings, quiet=quiet, verbose=verbose, extra=dict(given), **flags)
            )

        raise typer.Exit(exit_code_of(work, verbose=verbose, quiet=quiet))

    command.__name__ = name.replace("-", "_")
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    by_parameter = MappingProxyType({_parameter_name(knob): knob for knob in shown})
    kind = type("Command", (SettingsCommand,), {"shown": by_parameter})
    app.command(name, cls=kind, help=help_text, epilog=EPILOG, rich_help_panel=panel)(command)


def extra_option(
    name: str, flag: str, annotation: Any, default: object, help_text: str, metavar: str
) -> inspect.Parameter:
    """Return an option that is no setting."""
    shown = f"{help_text} [dim](default: {default})[/dim]" if default is not None else help_text
    option = typer.Option(flag, help=shown, metavar=metavar, show_default=False)
    return _keyword(name, Annotated[annotation, option], default)


def _common(can_plan: bool) -> list[inspect.Parameter]:
    switches = [
        ("as_json", "--json", "Print the result as JSON on stdout, and nothing else"),
        ("dry_run", "--dry-run", "Say what would be done and what memory it takes, and stop"),
        ("quiet", "--quiet", "No progress and no remarks"),
        ("verbose", "--verbose", "Say more: logs, and where an error came from"),
    ]
    config = typer.Option(
        "--config",
        help="Read this file in place of conf.yaml",
        metavar="FILE",
        show_default=False,
        rich_help_panel=_COMMON,
    )
    return [
        _keyword("config", Annotated[str | None, config], None),
        *(
            _keyword(name, Annotated[bool, _switch(flag, text)], False)
            for name, flag, text in switches
            if can_plan or name != "dry_run"
        ),
    ]


def _switch(flag: str, text: str) -> Any:
    return typer.Option(flag, help=text, metavar="", rich_help_panel=_COMMON)


def _parameter(knob: Knob) -> inspect.Parameter:
    annotation: Any = str | None
    flag = knob.flag
    if knob.base is bool:
        annotation, flag = bool | None, f"{flag}/--no-{flag.removeprefix('--')}"
    option = typer.Option(
        flag,
        help=_help(knob),
        metavar=_metavar(knob),
        show_default=False,
        rich_help_panel=knob.section.replace("_", " ").capitalize(),
    )
    return _keyword(_parameter_name(knob), Annotated[annotation, option], None)


def _keyword(name: str, annotation: Any, default: object) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _parameter_name(knob: Knob) -> str:
    return f"{knob.section}_{knob.name}"


def _metavar(knob: Knob) -> str:
    if knob.base is bool:
        return ""
    if knob.choices:
        return "CHOICE"
    word = knob.option.metavar or {int: "N", float: "X", str: "TEXT"}[knob.base]
    return f"{word} ..." if knob.many and not word.endswith("...") else word


def _help(knob: Knob) -> str:
    """Return the help text with the default. The value in conf.yaml may be another one."""
    default = knob.default
    if default is None:
        shown = knob.option.unset
    elif isinstance(default, tuple):
        shown = " ".join(str(value) for value in default) or knob.option.unset or "none"
    elif isinstance(default, bool):
        shown = "on" if default else "off"
    else:
        shown = str(default)
    text = knob.option.help.replace("[", "\\[")
    remarks = [" | ".join(knob.choices)] if knob.choices else []
    remarks += [f"default: {shown}"] if shown else []
    return f"{text} [dim]({'; '.join(remarks)})[/dim]" if remarks else text
