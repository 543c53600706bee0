"""``bc heatmap train``: a model of broken banners, taught on simulated ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from threadpoolctl import threadpool_limits

from bannercluster.config import Settings
from bannercluster.errors import UsageError
from bannercluster.heatmap.binning import N_BINS
from bannercluster.heatmap.further import Figure, FurtherRecipe, trained_further
from bannercluster.heatmap.model import networks_url, read_card_if_any, write_card
from bannercluster.heatmap.modelling import MadeModel, make_model, one_torch_thread
from bannercluster.heatmap.networks.comparing import ComparisonConfig
from bannercluster.heatmap.recipes import PROFILES, ModelRecipe
from bannercluster.heatmap.simulator.benchmark import BenchmarkConfig
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.verbs.train_result import TrainResult
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import (
    MemoryPart,
    MemoryPlan,
    library_parts,
    memory_budget,
    worker_count,
)
from bannercluster.runtime.plan import StagePlan
from bannercluster.runtime.progress import Progress
from bannercluster.store import files
from bannercluster.store.lease import hold

FURTHER: Mapping[str, Callable[[], FurtherRecipe]] = MappingProxyType(
    {"small": FurtherRecipe, "full": FurtherRecipe.full}
)
"""Recipes of the networks of ``--also``, by the name of the profile."""

_COUNTS_NBYTES = N_BINS * N_BINS * 4
_COMPARED_NBYTES = N_BINS * N_BINS * 6
"""Counts, and a heatmap's own healthy density in half precision."""

_GRID_NBYTES = 48 << 20
_NETWORK_NBYTES = 900 << 20
"""Weights, optimiser and a batch in work with what torch keeps of it; a demo that trained the small
profile's peaked at 1.6 GiB where 2.1 were planned."""


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs.

    Raises
    ------
    UsageError
        If something else lies in the folder.
    StoreError, FormatVersionError
        If the model there is damaged, or newer than this code.
    """
    recipe, url = recipe_of(settings), settings.paths.heatmap_model
    card = _check_place(url)
    is_there = card is not None and card.get("fingerprint") == recipe.fingerprint
    network = recipe.comparison
    lessons = recipe.lessons
    summary = (
        ("network", "none" if network is None else f"comparison, {network.training.n_steps:,} "
                    f"steps on heatmaps of {network.n_grids:,} grids"),
        ("lessons", f"{_n_heatmaps(lessons):,} heatmaps of {lessons.n_grids:,} grids"),
        ("also", " ".join(settings.heatmap_train.also) or "nothing"),
        ("seed", str(settings.heatmap_train.seed)),
        ("into", url),
        ("state", "there already" if is_there else "to be made"),
    )  # fmt: skip
    parts = (
        *library_parts(settings.runtime, "threads"),
        *_network_parts(network, settings.heatmap_train.also),
        MemoryPart(
            "heatmaps of the lessons",
            3 * _n_heatmaps(lessons) * _COUNTS_NBYTES,
            "process",
            "taught",
        ),
        MemoryPart("a grid in work", _GRID_NBYTES, "worker", "taught"),
    )
    memory = MemoryPlan("heatmap train", parts, memory_budget(settings.runtime))
    return StagePlan("heatmap train", summary, memory, "threads")


def _network_parts(
    network: ComparisonConfig | None, also: tuple[str, ...]
) -> tuple[MemoryPart, ...]:
    if network is None and not also:
        return ()
    taught = 0 if network is None else network.n_heatmaps * _COMPARED_NBYTES
    return (
        MemoryPart("heatmaps of the network", 2 * taught, "process", "network"),
        MemoryPart("network in training", _NETWORK_NBYTES, "process", "network"),
    )


def run(settings: Settings, *, executor: Executor, progress: Progress) -> TrainResult:
    """Make the model, or go on with it; the same settings leave what is there as it is.

    Raises
    ------
    UsageError, StoreError, FormatVersionError
        As :func:`plan`.
    LeaseHeldError
        If another process trains into the folder.
    """
    del executor
    started = time.perf_counter()
    recipe, url = recipe_of(settings), settings.paths.heatmap_model
    _check_place(url)
    with hold(url, "bc heatmap train"):
        made = make_model(recipe, url, worker_count(settings.runtime), progress)
        made = _with_also(settings, made, progress)
    return TrainResult.of(url, made, settings.heatmap_train.also, time.perf_counter() - started)


def recipe_of(settings: Settings) -> ModelRecipe:
    """Return what the settings ask for."""
    config = settings.heatmap_train
    recipe = PROFILES[config.profile](config.seed)
    network = config.network
    if network == "auto":
        network = "comparison" if config.profile == "full" else "none"
    return replace(recipe, comparison=None) if network == "none" else recipe


def _with_also(settings: Settings, made: MadeModel, progress: Progress) -> MadeModel:
    """Train and measure further networks; their figures go into the card."""
    recipe = FURTHER[settings.heatmap_train.profile]()
    card, times, is_new = dict(made.card), list(made.seconds), made.is_new
    for name in dict.fromkeys(settings.heatmap_train.also):
        mark = recipe.mark(name)
        if card["also"].get(name, {}).get("mark") == mark:
            continue
        started = time.perf_counter()
        figures = _further(name, recipe, networks_url(settings.paths.heatmap_model), progress)
        card["also"] = {**card["also"], name: {"mark": mark, "figures": figures}}
        write_card(settings.paths.heatmap_model, card)
        times.append((f"also {name}", time.perf_counter() - started))
        is_new = True
    return MadeModel(card, is_new, tuple(times))


def _further(name: str, recipe: FurtherRecipe, folder: str, progress: Progress) -> list[Figure]:
    progress.start(f"heatmap train, {name}", recipe.n_steps(name), "steps")
    done = 0

    def on_step(step: int, loss: float) -> None:
        nonlocal done
        progress.advance(step - done, f"loss {loss:.3f}")
        done = step

    try:
        with one_torch_thread(), threadpool_limits(1, "blas"):
            return trained_further(name, recipe, folder, on_step)
    finally:
        progress.finish()


def _check_place(url: str) -> dict[str, object] | None:
    """Refuse a folder that holds something else; return the card of the model that is there."""
    card = read_card_if_any(url)
    if card is None:
        others = [name for name in files.names(url) if not _is_own(name)]
        if others:
            raise UsageError(
                f"{url} holds something else ({', '.join(sorted(others)[:3])}); expected a model, "
                f"or nothing: name another folder with --model"
            )
    return card


def _is_own(name: str) -> bool:
    return name == "networks" or name.startswith((".", "combination-"))


def _n_heatmaps(config: BenchmarkConfig) -> int:
    each = len(config.clicks) * (config.healthy + len(FAULTS) * config.faulty)
    return config.n_grids * (config.simulator.references + each)
