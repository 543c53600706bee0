"""Every setting of bannercluster: defined once, read from four layers, validated once.

A setting is a field of a frozen section dataclass (:mod:`~bannercluster.config.sections`). Its
flag, environment variable, line in ``conf.yaml``, check and help text all follow from that field.
"""

from bannercluster.config.knobs import JSON, Knob, Option, Section, knobs, semantic_fields
from bannercluster.config.load import Settings, load_config
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
from bannercluster.config.sizes import format_size, parse_size

__all__ = [
    "JSON",
    "SECTIONS",
    "AblationConfig",
    "ClusterConfig",
    "EmbedConfig",
    "EvaluateConfig",
    "ExportConfig",
    "HeatmapConfig",
    "HeatmapReportConfig",
    "HeatmapScoreConfig",
    "HeatmapSynthConfig",
    "HeatmapTrainConfig",
    "ImportConfig",
    "Knob",
    "OcrConfig",
    "Option",
    "PathsConfig",
    "PeersConfig",
    "PredictConfig",
    "ReportConfig",
    "RuntimeConfig",
    "ScaleConfig",
    "Section",
    "Settings",
    "SynthConfig",
    "TextConfig",
    "format_size",
    "knobs",
    "load_config",
    "parse_size",
    "semantic_fields",
]
