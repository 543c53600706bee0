"""What one setting is: type, default, bounds, help, names, and how it parses."""

import dataclasses
import datetime
import difflib
import math
import os
import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from bannercluster.config.sizes import parse_size
from bannercluster.errors import ConfigError

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")
_NONE = ("none", "null")


@dataclass(frozen=True, kw_only=True)
class Option:
    """What the type and the default of a field do not say. Stands in the field's ``Annotated``.

    Attributes
    ----------
    help
        One line for the help page and ``conf.yaml``.
    semantic
        Whether the setting changes results and so belongs into the fingerprint of an output.
    minimum, maximum
        Closed bounds of a number.
    metavar
        The word that stands for the value on the help page.
    flag
        The name on the command line where it is not the field's own.
    kind
        ``path`` expands a leading ``~``, ``size`` takes ``6 GiB``, ``date`` must be an ISO date.
    unset
        What happens while the setting is None, for the help page.
    """

    help: str
    semantic: bool = True
    minimum: float | None = None
    maximum: float | None = None
    metavar: str | None = None
    flag: str | None = None
    kind: Literal["plain", "path", "size", "date"] = "plain"
    unset: str | None = None


@dataclass(frozen=True)
class Knob:
    """One field of one section, ready to parse values from any layer."""

    section: str
    name: str
    base: type
    many: bool
    optional: bool
    choices: tuple[str, ...]
    default: Any
    option: Option

    @property
    def flag(self) -> str:
        """Name on the command line, such as ``--n-init``."""
        return self.option.flag or "--" + self.name.replace("_", "-")

    @property
    def environment_name(self) -> str:
        """Name in the environment, such as ``BC_CLUSTER_N_INIT``."""
        return f"BC_{self.section}_{self.name}".upper()

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        option = self.option
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if option.kind == "size":
            return "bytes or a size such as '6 GiB'"
        if option.kind == "date":
            return "a date such as 2025-03-31"
        word = {
            bool: "true or false",
            int: "whole numbers" if self.many else "a whole number",
            float: "numbers" if self.many else "a number",
            str: "names" if self.many else "text",
        }[self.base]
        low, high = option.minimum, option.maximum
        if low is not None and high is not None:
            return f"{word} between {low:g} and {high:g}"
        return word if low is None else f"{word} of at least {low:g}"

    def parse(self, value: object) -> Any:
        """Return the value in the field's type.

        Text is read as the command line and the environment write it; other values must already
        have the type.

        Raises
        ------
        ValueError
            If the value does not fit; the message says what was expected and what was got.
        """
        if value is None or (isinstance(value, str) and self.optional and value.lower() in _NONE):
            if self.optional:
                return None
            raise ValueError(f"expected {self.expected}, got nothing")
        if not self.many:
            return self._parse_one(value)
        items: Sequence[object]
        if isinstance(value, str):
            items = value.replace(",", " ").split()
        else:
            items = value if isinstance(value, list | tuple) else [value]
        if not items and self.default:
            raise ValueError(f"expected {self.expected}, got none")
        return tuple(self._parse_one(item) for item in items)

    def _parse_one(self, value: object) -> Any:
        option = self.option
        if option.kind == "size" and isinstance(value, int | str):
            return parse_size(value)
        parsed = _convert(self.base, value)
        if parsed is None:
            raise ValueError(f"expected {self.expected}, got {value!r}")
        if self.choices and parsed not in self.choices:
            raise ValueError(
                f"expected {self.expected}, got {value!r}{did_you_mean(str(value), self.choices)}"
            )
        too_low = option.minimum is not None and parsed < option.minimum
        too_high = option.maximum is not None and parsed > option.maximum
        if too_low or too_high or not _is_date_if(option.kind == "date", parsed):
            raise ValueError(f"expected {self.expected}, got {value!r}")
        return os.path.expanduser(parsed) if option.kind == "path" else parsed  # noqa: PTH111 a URL

    def as_json(self, value: object) -> JSON:
        """Return a parsed value as JSON has it."""
        return list(value) if isinstance(value, tuple) else typing.cast(JSON, value)


def _convert(base: type, value: object) -> Any | None:
    """Return a scalar in its type, or None where it cannot be meant as that type."""
    text = value.strip() if isinstance(value, str) else None
    if base is str:
        return text or None
    if base is bool:
        if text is None:
            return value if isinstance(value, bool) else None
        return True if text.lower() in _TRUE else False if text.lower() in _FALSE else None
    if isinstance(value, bool):
        return None
    if text is not None:
        try:
            number: float = int(text) if base is int else float(text)
        except ValueError:
            return None
        return number if math.isfinite(number) else None
    if base is int:
        return value if isinstance(value, int) else None
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _is_date_if(wanted: bool, text: Any) -> bool:
    if not wanted:
        return True
    try:
        return str(datetime.date.fromisoformat(text)) == str(text)
    except ValueError:
        return False


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """Base of the sections: a value that does not fit never gets into one."""

    section: ClassVar[str]

    def __post_init__(self) -> None:
        for knob in knobs(type(self)):
            try:
                object.__setattr__(self, knob.name, knob.parse(getattr(self, knob.name)))
            except ValueError as error:
                raise ConfigError(f"{knob.section}.{knob.name}: {error}") from None


def knobs(section: type[Section]) -> tuple[Knob, ...]:
    """Return the settings of a section, in the order in which they are written."""
    if section not in _KNOBS:
        _KNOBS[section] = tuple(_read_fields(section))
    return _KNOBS[section]


_KNOBS: dict[type[Section], tuple[Knob, ...]] = {}


def _read_fields(section: type[Section]) -> Iterator[Knob]:
    for field in dataclasses.fields(section):
        annotation: Any = field.type
        if typing.get_origin(annotation) is not Annotated:
            raise TypeError(f"{section.__name__}.{field.name} needs Annotated[type, Option(...)]")
        declared, option = typing.get_args(annotation)
        # A Literal with `| None` is a typing.Union, a plain type with it a types.UnionType.
        optional = typing.get_origin(declared) in (types.UnionType, typing.Union)
        if optional:
            (declared,) = (arg for arg in typing.get_args(declared) if arg is not types.NoneType)
        many = typing.get_origin(declared) is tuple
        if many:
            declared = typing.get_args(declared)[0]
        choices: tuple[str, ...] = ()
        if typing.get_origin(declared) is Literal:
            choices = typing.get_args(declared)
            declared = str
        yield Knob(
            section=section.section,
            name=field.name,
            base=declared,
            many=many,
            optional=optional,
            choices=choices,
            default=field.default,
            option=option,
        )


def semantic_fields(section: Section) -> dict[str, JSON]:
    """Return the settings that change the results of a section, for its fingerprint."""
    return {
        knob.name: knob.as_json(getattr(section, knob.name))
        for knob in knobs(type(section))
        if knob.option.semantic
    }
