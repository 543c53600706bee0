"""Synthetic data with known truth: realistic banners for the demo, the tests and the benchmarks."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.synth.stage import SynthBannersConfig, SynthBannersResult, synth_banners

__all__ = ["SynthBannersConfig", "SynthBannersResult", "synth_banners"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from bannercluster.synth import stage

        return getattr(stage, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
