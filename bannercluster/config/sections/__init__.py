"""The sections and their settings. A setting is defined here and nowhere else.

``conf.yaml`` at the top of the repository is written from this package: after a change here run
``python -m bannercluster.config.template > conf.yaml`` and
``python -m bannercluster.cli.reference > docs/commands.md``.
"""

from bannercluster.config.knobs import Section
from bannercluster.config.sections.ablation import AblationConfig
from bannercluster.config.sections.bench import PeersConfig, ScaleConfig
from bannercluster.config.sections.cluster import ClusterConfig
from bannercluster.config.sections.embed import EmbedConfig
from bannercluster.config.sections.evaluate import EvaluateConfig
from bannercluster.config.sections.heatmap import (
    HeatmapConfig,
    HeatmapReportConfig,
    HeatmapScoreConfig,
    HeatmapSynthConfig,
    HeatmapTrainConfig,
)
from bannercluster.config.sections.ocr import OcrConfig
from bannercluster.config.sections.paths import PathsConfig
from bannercluster.config.sections.predict import PredictConfig
from bannercluster.config.sections.report import ReportConfig
from bannercluster.config.sections.runtime import RuntimeConfig
from bannercluster.config.sections.synth import SynthConfig
from bannercluster.config.sections.text import TextConfig
from bannercluster.config.sections.transfer import ExportConfig, ImportConfig

__all__ = [
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
    "OcrConfig",
    "PathsConfig",
    "PeersConfig",
    "PredictConfig",
    "ReportConfig",
    "RuntimeConfig",
    "ScaleConfig",
    "SynthConfig",
    "TextConfig",
]

# In the order in which conf.yaml and the help pages show them.
SECTIONS: dict[str, type[Section]] = {
    section.section: section
    for section in (
        PathsConfig,
        RuntimeConfig,
        SynthConfig,
        EmbedConfig,
        ImportConfig,
        ExportConfig,
        OcrConfig,
        TextConfig,
        ClusterConfig,
        EvaluateConfig,
        AblationConfig,
        PredictConfig,
        ReportConfig,
        HeatmapSynthConfig,
        HeatmapConfig,
        HeatmapTrainConfig,
        HeatmapScoreConfig,
        HeatmapReportConfig,
        ScaleConfig,
        PeersConfig,
    )
}
