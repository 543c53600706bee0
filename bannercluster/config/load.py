"""The layers flag > environment > file > default, merged with the origin of every value."""

import dataclasses
import keyword
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bannercluster.config.files import read_config_file
from bannercluster.config.knobs import Knob, Section, did_you_mean, knobs
from bannercluster.config.sections import (
    SECTIONS,
    AblationConfig,
    ClusterConfig,
    EmbedConfig,
    EvaluateConfig,
    ExportConfig,
    HeatmapConfig,
    HeatmapReportConfig,
    HeatmapScoreConfig,
    HeatmapSynthConfig,
    HeatmapTrainConfig,
    ImportConfig,
    OcrConfig,
    PathsConfig,
    PeersConfig,
    PredictConfig,
    ReportConfig,
    RuntimeConfig,
    ScaleConfig,
    SynthConfig,
    TextConfig,
)
from bannercluster.errors import ConfigError

CONFIG_FILE = "conf.yaml"
SCHEDULER_VARIABLE = "DASK_SCHEDULER_ADDRESS"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a run, and where each of them came from."""

    paths: PathsConfig = field(default_factory=PathsConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    synth: SynthConfig = field(default_factory=SynthConfig)
    embed: EmbedConfig = field(default_factory=EmbedConfig)
    import_: ImportConfig = field(default_factory=ImportConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    text: TextConfig = field(default_factory=TextConfig)
    ocr: OcrConfig = field(default_factory=OcrConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    ablation: AblationConfig = field(default_factory=AblationConfig)
    predict: PredictConfig = field(default_factory=PredictConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    heatmap_synth: HeatmapSynthConfig = field(default_factory=HeatmapSynthConfig)
    heatmap: HeatmapConfig = field(default_factory=HeatmapConfig)
    heatmap_train: HeatmapTrainConfig = field(default_factory=HeatmapTrainConfig)
    heatmap_score: HeatmapScoreConfig = field(default_factory=HeatmapScoreConfig)
    heatmap_report: HeatmapReportConfig = field(default_factory=HeatmapReportConfig)
    scale: ScaleConfig = field(default_factory=ScaleConfig)
    peers: PeersConfig = field(default_factory=PeersConfig)
    origins: tuple[tuple[str, str, str], ...] = field(default=(), repr=False, compare=False)

    def origin(self, section: str, name: str) -> str:
        """Return where a value came from.

        ``flag --model``, ``environment BC_EMBED_MODEL``, ``conf.yaml`` (the file's name) or
        ``default``.
        """
        find_knob(section, name)
        for found_section, found_name, origin in self.origins:
            if (found_section, found_name) == (section, name):
                return origin
        return "default"

    def section(self, name: str) -> Section:
        """Return a section by its name."""
        value: Section = getattr(self, _field_of(name))
        return value

    def replace(self, section: str, /, *, origin: str = "code", **values: object) -> Self:
        """Return settings in which some values of one section are others.

        Raises
        ------
        ConfigError
            If a key is unknown or a value does not fit.
        """
        for name in values:
            find_knob(section, name)
        changed: dict[str, Any] = {
            _field_of(section): dataclasses.replace(self.section(section), **values)
        }
        kept = tuple(
            entry for entry in self.origins if entry[0] != section or entry[1] not in values
        )
        origins = kept + tuple((section, name, origin) for name in values)
        return dataclasses.replace(self, origins=origins, **changed)


def _field_of(section: str) -> str:
    """Return the name of a section as an attribute: ``import`` is a word of Python's."""
    return f"{section}_" if keyword.iskeyword(section) else section


def find_knob(section: str, name: str) -> Knob:
    """Return the setting of that name.

    Raises
    ------
    ConfigError
        If there is no such section or key.
    """
    if section not in SECTIONS:
        raise ConfigError(f"unknown section {section!r}{did_you_mean(section, tuple(SECTIONS))}")
    known = {knob.name: knob for knob in knobs(SECTIONS[section])}
    if name not in known:
        raise ConfigError(f"unknown key {section}.{name}{did_you_mean(name, tuple(known))}")
    return known[name]


@dataclass(frozen=True)
class _Given:
    """A value before it is parsed; ``place`` is what an error names, ``rank`` the layer."""

    value: object
    origin: str
    place: str
    rank: int


def load_config(
    overrides: Mapping[str, Mapping[str, object]] | None = None,
    config_file: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Merge the layers and validate the result once.

    Parameters
    ----------
    overrides
        The values of the flags that were given, by section and key: the highest layer.
    config_file
        A config file that must exist. Where it is None, ``BC_CONFIG`` names one, and where that is
        not set either, ``conf.yaml`` in the working directory is read if it is there.
    environ
        The environment, ``os.environ`` by default. An empty variable counts as not set.

    Raises
    ------
    ConfigError
        If a file is missing, a section or key is unknown, or a value does not fit.
    """
    environ = os.environ if environ is None else environ
    given: dict[tuple[str, str], _Given] = {}
    # From the lowest layer to the highest: what comes later replaces what is there.
    given.update(_from_file(config_file or environ.get("BC_CONFIG") or None))
    given.update(_from_environment(environ))
    for section, values in (overrides or {}).items():
        for name, value in values.items():
            flag = find_knob(section, name).flag
            given[section, name] = _Given(value, f"flag {flag}", flag, 3)
    _settle_scheduler(given)

    values_by_section: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for (section, name), one in given.items():
        try:
            values_by_section[section][name] = find_knob(section, name).parse(one.value)
        except ValueError as error:
            raise ConfigError(f"{one.place}: {error}") from None
    sections: dict[str, Any] = {
        _field_of(section): SECTIONS[section](**values)
        for section, values in values_by_section.items()
    }
    origins = tuple((section, name, one.origin) for (section, name), one in given.items())
    return Settings(**sections, origins=origins)


def _from_file(named: str | None) -> dict[tuple[str, str], _Given]:
    if named is None and not Path(CONFIG_FILE).is_file():
        return {}
    path = named or CONFIG_FILE
    return {
        (section, name): _Given(one.value, path, f"{one.place}: {section}.{name}", 1)
        for (section, name), one in read_config_file(path).items()
    }


def _from_environment(environ: Mapping[str, str]) -> dict[tuple[str, str], _Given]:
    by_variable = {
        knob.environment_name: knob for section in SECTIONS.values() for knob in knobs(section)
    }
    prefixes = tuple(f"BC_{section.upper()}_" for section in SECTIONS)
    given: dict[tuple[str, str], _Given] = {}
    if address := environ.get(SCHEDULER_VARIABLE):
        origin = f"environment {SCHEDULER_VARIABLE}"
        given["runtime", "scheduler"] = _Given(address, origin, SCHEDULER_VARIABLE, 2)
    for variable in sorted(environ):
        text = environ[variable]
        # Other programs have variables of this prefix too (GNU bc reads BC_ENV_ARGS).
        if not text or not variable.startswith(prefixes):
            continue
        if variable not in by_variable:
            raise ConfigError(
                f"unknown environment variable {variable}"
                f"{did_you_mean(variable, tuple(by_variable))}"
            )
        knob = by_variable[variable]
        origin = f"environment {variable}"
        given[knob.section, knob.name] = _Given(text, origin, variable, 2)
    return given


def _settle_scheduler(given: dict[tuple[str, str], _Given]) -> None:
    """Of an address and a file that both name a cluster, keep the one from the higher layer."""
    address, file = ("runtime", "scheduler"), ("runtime", "scheduler_file")
    named = [key for key in (address, file) if key in given and not _is_unset(given[key].value)]
    if len(named) < 2:
        return
    if given[address].rank == given[file].rank:
        raise ConfigError(
            f"{given[address].place} and {given[file].place} both name a cluster: give one of them"
        )
    del given[min(named, key=lambda key: given[key].rank)]


def _is_unset(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.lower() in ("none", "null"))
