"""A model of broken banners from simulated ones: network, lessons, gate, combination."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
import xarray as xr
from threadpoolctl import threadpool_limits

from bannercluster.heatmap.few import teach_few
from bannercluster.heatmap.gate import Gate, TaughtScores
from bannercluster.heatmap.model import (
    NETWORK,
    network_block,
    networks_url,
    read_card_if_any,
    save_model,
)
from bannercluster.heatmap.networks.comparing import ComparisonConfig, train_comparison
from bannercluster.heatmap.networks.comparison import ComparisonNetwork
from bannercluster.heatmap.networks.training import Trained
from bannercluster.heatmap.recipes import ModelRecipe
from bannercluster.heatmap.references import counts_of, names_of
from bannercluster.heatmap.simulated import dataset_of
from bannercluster.heatmap.simulator.benchmark import (
    BenchmarkConfig,
    Heatmaps,
    draw_grids,
    simulate_grid,
)
from bannercluster.heatmap.statistics.scores import Blocks
from bannercluster.runtime.progress import Progress


@dataclass(frozen=True)
class MadeModel:
    """A model that lies in its folder, and what making it took.

    Parameters
    ----------
    card : mapping
    is_new : bool
        Whether it was made now, or was there already.
    seconds : tuple of (str, float)
        Steps that were done now, with their times.
    """

    card: Mapping[str, Any]
    is_new: bool
    seconds: tuple[tuple[str, float], ...]


def make_model(recipe: ModelRecipe, url: str, n_workers: int, progress: Progress) -> MadeModel:
    """Make a model, go on where a killed run was, or leave the one that is there.

    Parameters
    ----------
    recipe : ModelRecipe
    url : str
        Its folder.
    n_workers : int
        Threads; the model does not depend on them.
    progress : Progress

    Raises
    ------
    StoreError, FormatVersionError
        If what lies there is damaged, or newer than this code.
    """
    card = read_card_if_any(url)
    if card is not None and card.get("fingerprint") == recipe.fingerprint:
        return MadeModel(card, is_new=False, seconds=())
    times: list[tuple[str, float]] = []
    trained: Trained | None = None
    blocks: Blocks = ()
    if recipe.comparison is not None:
        started = time.perf_counter()
        trained = _trained(recipe.comparison, networks_url(url), n_workers, progress)
        blocks = _block(trained)
        times.append(("network", time.perf_counter() - started))
    # The matrices are small: threads of the library would only wait for one another.
    with threadpool_limits(1, "blas"):
        started = time.perf_counter()
        lessons = _lessons(recipe.lessons, progress)
        reference, broken = lessons["reference"].to_numpy(), lessons["label"].to_numpy() == "broken"
        scores = TaughtScores.of(lessons, reference, broken, blocks, n_workers)
        times.append(("scores of the lessons", time.perf_counter() - started))
        started = time.perf_counter()
        gate = None if trained is None else Gate.of(NETWORK, scores)
        is_kept = gate is not None and gate.kept
        if not is_kept:
            scores, blocks = scores.statistics, ()
        combination = scores.taught.combination
        times.append(("combination", time.perf_counter() - started))
        started = time.perf_counter()
        few = teach_few(
            counts_of(lessons),
            names_of(lessons, "grid_id"),
            reference,
            names_of(lessons, "fault"),
            combination,
            blocks,
            n_workers,
        )
        times.append(("grids with few references", time.perf_counter() - started))
    save_model(
        url,
        recipe.fingerprint,
        combination,
        few,
        {
            "network": _mark(recipe, trained) if is_kept else None,
            "auroc_out_of_fold": asdict(scores.auroc),
            "auroc_oracle": asdict(scores.auroc_of(lessons["oracle"].to_numpy()[scores.rows])),
            "gate": None if gate is None else {**asdict(gate), "kept": gate.kept},
            "lessons": {
                "n_grids": recipe.lessons.n_grids,
                "n_heatmaps": len(scores.rows),
                "n_broken": int(broken[scores.rows].sum()),
                "clicks": list(recipe.lessons.clicks),
            },
            "recipe": recipe.as_json(),
            "also": card.get("also", {}) if card is not None else {},
        },
    )
    made = read_card_if_any(url)
    assert made is not None  # noqa: S101 - it was written just now
    return MadeModel(made, is_new=True, seconds=tuple(times))


def _mark(recipe: ModelRecipe, trained: Trained | None) -> dict[str, Any] | None:
    if trained is None or recipe.comparison is None:
        return None
    own = recipe.comparison
    return {"fingerprint": trained.fingerprint, "width": own.width, "turns": own.n_turns}


def _trained(config: ComparisonConfig, folder: str, n_workers: int, progress: Progress) -> Trained:
    done = 0

    def on_grid(number: int) -> None:
        if number == 1:
            progress.start("heatmap train", config.n_grids, "grids for the network")
        progress.advance()
        if number == config.n_grids:
            progress.finish()

    def on_step(step: int, loss: float) -> None:
        nonlocal done
        if not done:
            progress.start("heatmap train", config.training.n_steps, "steps")
        progress.advance(step - done, f"loss {loss:.3f}")
        done = step

    try:
        with one_torch_thread(), ThreadPoolExecutor(n_workers) as pool:
            return train_comparison(
                config, folder=folder, on_grid=on_grid, on_step=on_step, each=pool.map
            )
    finally:
        progress.finish()


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch use one thread: the bits of a training depend on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _block(trained: Trained) -> Blocks:
    network = trained.network
    if not isinstance(network, ComparisonNetwork):
        raise TypeError(f"a {type(network).__name__} is no ComparisonNetwork")
    return (network_block(network),)


def _lessons(config: BenchmarkConfig, progress: Progress) -> xr.Dataset:
    """Simulate heatmaps to learn from."""
    grids = draw_grids(config)
    progress.start("heatmap train", len(grids), "grids to learn from")
    try:
        parts = []
        for grid in grids:
            parts.append(simulate_grid(config, grids, grid.number))
            progress.advance()
    finally:
        progress.finish()
    return dataset_of(Heatmaps.concatenated(parts), grids, config.seed)
