"""Reading ``conf.yaml``: which keys it sets, to what, and in which line."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bannercluster.config.knobs import did_you_mean, knobs
from bannercluster.config.sections import SECTIONS
from bannercluster.errors import ConfigError

if TYPE_CHECKING:
    import yaml


@dataclass(frozen=True)
class FileValue:
    """A value as the file has it, and the place of its key (``conf.yaml:12``)."""

    value: object
    place: str


def read_config_file(path: str) -> dict[tuple[str, str], FileValue]:
    """Return what a config file sets, by (section, key).

    Scalars are read by the rules of YAML 1.2: ``off`` is a word, ``1e-4`` a number, ``2025-03-31``
    a text.

    Raises
    ------
    ConfigError
        If the file is missing or no mapping of sections, or has an unknown or repeated key.
    """
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot read the config file {path}: {error.strerror}; name one that exists with "
            "--config FILE or BC_CONFIG"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    loader = _core_schema_loader()(text)
    try:
        root = loader.get_single_node()
        return {} if root is None else _sections_of(path, root, loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
    finally:
        loader.dispose()


def _sections_of(path: str, root: Any, loader: Any) -> dict[tuple[str, str], FileValue]:
    found: dict[tuple[str, str], FileValue] = {}
    for section, section_node, place in _items(path, root, "a section"):
        if section not in SECTIONS:
            raise ConfigError(
                f"{place}: unknown section {section!r}{did_you_mean(section, tuple(SECTIONS))}; "
                f"expected one of {', '.join(SECTIONS)}"
            )
        if section_node.tag == "tag:yaml.org,2002:null":
            continue
        names = tuple(knob.name for knob in knobs(SECTIONS[section]))
        for name, node, key_place in _items(path, section_node, f"a key of {section}"):
            if name not in names:
                raise ConfigError(
                    f"{key_place}: unknown key {section}.{name}{did_you_mean(name, names)}; "
                    f"expected one of {', '.join(names)}"
                )
            value = loader.construct_object(node, deep=True)
            found[section, name] = FileValue(value, key_place)
    return found


def _items(path: str, node: Any, what: str) -> list[tuple[str, Any, str]]:
    """Return key, value node and place of each entry of a mapping node."""
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}:{node.start_mark.line + 1}: expected {what}: 'name: value'")
    items = []
    seen: set[str] = set()
    for key_node, value_node in node.value:
        place = f"{path}:{key_node.start_mark.line + 1}"
        key = str(key_node.value)
        if key in seen:
            raise ConfigError(f"{place}: {key!r} is set twice")
        seen.add(key)
        items.append((key, value_node, place))
    return items


def _core_schema_loader() -> "type[yaml.SafeLoader]":
    """Return PyYAML's safe loader with the scalars of YAML 1.2 in place of those of YAML 1.1."""
    import re

    import yaml

    class CoreSchemaLoader(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 PyYAML's own class attribute

    rules = (
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
        ("int", r"[-+]?(?:0|[1-9][0-9_]*)", list("-+0123456789")),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    )
    for name, pattern, first in rules:
        tag = f"tag:yaml.org,2002:{name}"
        CoreSchemaLoader.add_implicit_resolver(tag, re.compile(f"^(?:{pattern})$"), first)
    return CoreSchemaLoader
