"""One loop that trains any network: AdamW, warm-up and cosine, an average of weights, checkpoints.

Nothing in it carries over from one step to the next but what a checkpoint holds: a batch is a
function of the step, the learning rate is too, and torch's random numbers are seeded anew for each
step. So a run that was killed ends in the same bits as one that was not, on the same machine with
the same number of torch threads (oneDNN's sums depend on that).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import torch

from bannercluster.encoders.engines import resolve_engine
from bannercluster.errors import UsageError
from bannercluster.heatmap.networks.checkpoint import Checkpoint, State
from bannercluster.heatmap.networks.saved import NetworkFolder
from bannercluster.store.fingerprint import fingerprint

Batch = tuple[torch.Tensor, ...]
Batches = Callable[[int], Batch]
"""The batch of a step; pure: it is called ahead, in another thread, and again after a kill."""

Loss = Callable[[torch.nn.Module, Batch], tuple[torch.Tensor, dict[str, torch.Tensor]]]
"""Of the network and a batch: the scalar to minimise, and scalars to show in the history."""

_OPERATIONAL = ("checkpoint_every", "history_every", "device")  # change no result


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    Parameters
    ----------
    n_steps : int
        Budget.
    learning_rate : float
        The highest, after the warm-up; from there a half cosine falls to ``final_share`` of it.
    weight_decay : float
        Of AdamW, on weights with two axes or more (not on biases and scales).
    n_warmup : int
        Steps in which the learning rate rises linearly.
    final_share : float
    clip_norm : float
        Longest gradient.
    ema_decay : float or None
        Share of the old average that each step keeps, at most; the average of the weights is the
        result. None: the last weights are.
    precision : {"auto", "float32", "bfloat16"}
        bfloat16 by autocast; the weights stay float32. "auto": where the device multiplies it in
        hardware, else float32; processors that imitate it take twice as long for it. Which one it
        was is part of the network's fingerprint.
    seed : int
        Of what torch draws in a step (dropout, initial weights by `seeded`).
    device : str
        As torch names it. Operational.
    checkpoint_every, history_every : int
        Steps between two checkpoints, or two entries of the history. Operational.
    """

    n_steps: int
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    n_warmup: int = 100
    final_share: float = 0.01
    clip_norm: float = 1.0
    ema_decay: float | None = 0.998
    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    seed: int = 0
    device: str = "cpu"
    checkpoint_every: int = 250
    history_every: int = 25

    def __post_init__(self) -> None:
        at_least = {"n_steps": 1, "n_warmup": 0, "checkpoint_every": 1, "history_every": 1}
        for name, least in at_least.items():
            if getattr(self, name) < least:
                raise UsageError(
                    f"{name} is {getattr(self, name)}, expected at least {least}: give more"
                )
        if self.ema_decay is not None and not 0 <= self.ema_decay < 1:
            raise UsageError(
                f"ema_decay is {self.ema_decay}, expected 0 <= ema_decay < 1, or none for no "
                f"average: change it"
            )

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        if step < self.n_warmup:
            return self.learning_rate * (step + 1) / self.n_warmup
        done = (step - self.n_warmup) / max(1, self.n_steps - self.n_warmup)
        share = self.final_share + (1 - self.final_share) * (1 + math.cos(math.pi * done)) / 2
        return self.learning_rate * share


@dataclass(frozen=True)
class Moment:
    """An entry of the history: means over the steps since the entry before.

    Parameters
    ----------
    step : int
        Steps done.
    loss : float
    metrics : tuple of (str, float)
        What the loss function gave beside the loss.
    """

    step: int
    loss: float
    metrics: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode, without gradients, on the CPU.
    history : tuple of Moment
    fingerprint : str
        SHA-256 (hex) of what it was made by.
    """

    network: torch.nn.Module
    history: tuple[Moment, ...]
    fingerprint: str


def seeded(build: Callable[[], torch.nn.Module], seed: int) -> torch.nn.Module:
    """Build a network whose initial weights are a function of the seed alone."""
    with torch_seed(seed, 0):
        return build()


@contextmanager
def torch_seed(seed: int, step: int) -> Iterator[None]:
    """Seed torch's own generators from a seed and a step; they go on as before afterwards."""
    word = int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0])
    with torch.random.fork_rng():
        torch.manual_seed(word)
        yield


def train(
    network: torch.nn.Module,
    batches: Batches,
    loss: Loss,
    config: TrainingConfig,
    *,
    recipe: Mapping[str, Any],
    folder: str | None = None,
    name: str = "network",
    on_step: Callable[[int, float], None] | None = None,
) -> Trained:
    """Train a network, or go on where a killed run was, or load what is finished.

    Parameters
    ----------
    network : torch.nn.Module
        With its initial weights (`seeded`); changed in place.
    batches : callable
        step -> tuple of tensors.
    loss : callable
        (network, batch) -> (scalar, metrics).
    config : TrainingConfig
    recipe : mapping
        JSON-like; all else that decides the result (the configs of network and data, seeds).
    folder : str, optional
        Where networks lie; writes ``<folder>/<name>-<fingerprint>/``. Nothing is written without.
    name : str
    on_step : callable, optional
        Called with the steps done and the loss, at each entry of the history.

    Returns
    -------
    Trained

    Raises
    ------
    UsageError
        If the loss is no longer finite.
    EngineError
        If the device, or bfloat16 on it, was asked for and is not there.
    StoreError, FormatVersionError
        If what lies there is damaged or newer than this code, or the disk refuses.
    """
    engine = resolve_engine("torch", config.precision, config.device)
    config = replace(config, precision=engine.precision)
    settings = {key: value for key, value in asdict(config).items() if key not in _OPERATIONAL}
    mark = fingerprint({"name": name, "training": settings, "recipe": dict(recipe)})
    place = None if folder is None else NetworkFolder.of(folder, name, mark)
    if place is not None and place.is_whole():
        history = place.load_into(network)
        return Trained(_finished(network), _moments(history), mark)
    loop = _Loop(network, loss, config)
    checkpoint = None if place is None else Checkpoint(place.checkpoint_url, mark)
    if checkpoint is not None:
        checkpoint.restore(loop.state)
    loop.run(batches, checkpoint, on_step)
    result = loop.result()
    if place is not None and checkpoint is not None:
        card = {"name": name, "training": settings, "recipe": dict(recipe)}
        place.save(result, card, loop.state.history)
        checkpoint.remove()
    return Trained(_finished(result), _moments(loop.state.history), mark)


class _Loop:
    """The network, its optimiser and the average of its weights, from step to step."""

    def __init__(self, network: torch.nn.Module, loss: Loss, config: TrainingConfig) -> None:
        self._config = config
        self._loss = loss
        self._device = torch.device(config.device)
        network.to(self._device).train()
        average = None if config.ema_decay is None else copy.deepcopy(network)
        self.state = State(network, _optimizer(network, config), average)

    def run(
        self,
        batches: Batches,
        checkpoint: Checkpoint | None,
        on_step: Callable[[int, float], None] | None,
    ) -> None:
        """Do the steps that are left; the next batch is made while one is worked on."""
        state, n_steps = self.state, self._config.n_steps
        if state.step >= n_steps:
            return
        with ThreadPoolExecutor(1, "batches") as ahead:
            coming = ahead.submit(batches, state.step)
            while state.step < n_steps:
                batch = coming.result()
                if state.step + 1 < n_steps:
                    coming = ahead.submit(batches, state.step + 1)
                self._do(tuple(part.to(self._device) for part in batch))
                if state.step % self._config.history_every == 0 or state.step == n_steps:
                    state.note()
                    if on_step is not None:
                        on_step(state.step, state.history[-1]["loss"])
                if checkpoint is not None and state.step % self._config.checkpoint_every == 0:
                    checkpoint.save(state)

    def result(self) -> torch.nn.Module:
        """Return the network to keep."""
        average = self.state.average
        return self.state.network if average is None else average

    def _do(self, batch: Batch) -> None:
        """One step of the optimiser."""
        state, config = self.state, self._config
        for group in state.optimizer.param_groups:
            group["lr"] = config.rate(state.step)
        is_lower = config.precision == "bfloat16"
        with torch_seed(config.seed, state.step + 1):
            with torch.autocast(self._device.type, torch.bfloat16, enabled=is_lower):
                loss, metrics = self._loss(state.network, batch)
            state.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
        value = float(loss.detach())
        if not math.isfinite(value):
            raise UsageError(
                f"the loss is {value} in step {state.step}, expected a finite number: lower the "
                f"learning rate ({config.learning_rate}) or give more steps of warm-up"
            )
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.clip_norm)
        state.optimizer.step()
        state.step += 1
        state.add({"loss": value, **{key: float(x.detach()) for key, x in metrics.items()}})
        if state.average is not None and config.ema_decay is not None:
            # Early on the average is short, or it would remember the initial weights.
            kept = min(config.ema_decay, state.step / (state.step + 10))
            _follow(state.average, state.network, 1 - kept)


def _optimizer(network: torch.nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    matrices = [p for p in network.parameters() if p.requires_grad and p.ndim >= 2]
    others = [p for p in network.parameters() if p.requires_grad and p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


@torch.no_grad()
def _follow(average: torch.nn.Module, network: torch.nn.Module, share: float) -> None:
    """Move averaged parameters towards the network's; the same for buffers of real numbers."""
    for mean, now in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(now, share)
    for kept, new in zip(average.buffers(), network.buffers(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, share)
        else:
            kept.copy_(new)


def _finished(network: torch.nn.Module) -> torch.nn.Module:
    return network.to("cpu").eval().requires_grad_(requires_grad=False)


def _moments(history: list[dict[str, float]]) -> tuple[Moment, ...]:
    shown = ("step", "loss")
    return tuple(
        Moment(
            step=int(entry["step"]),
            loss=entry["loss"],
            metrics=tuple((key, value) for key, value in entry.items() if key not in shown),
        )
        for entry in history
    )
