"""The state of a training between two steps, in memory and on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from bannercluster.errors import StoreError
from bannercluster.store import files, points

VERSION = 1

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW keeps of a parameter


@dataclass
class State:
    """All that one step hands to the next.

    Parameters
    ----------
    network : torch.nn.Module
    optimizer : torch.optim.AdamW
    average : torch.nn.Module or None
        Network with the averaged weights.
    step : int
        Steps done.
    history : list of dict
        Entries with ``step``, ``loss`` and other means.
    sums : dict
        Of loss and metrics since the last entry of the history.
    n_summed : int
        Steps in ``sums``.
    """

    network: torch.nn.Module
    optimizer: torch.optim.AdamW
    average: torch.nn.Module | None
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    n_summed: int = 0

    def add(self, values: dict[str, float]) -> None:
        """Count the loss and metrics of a step."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.n_summed += 1

    def note(self) -> None:
        """Close an entry of the history."""
        if self.n_summed:
            means = {name: value / self.n_summed for name, value in self.sums.items()}
            self.history.append({"step": self.step, **means})
        self.sums, self.n_summed = {}, 0

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return all tensors by name: those of the network, the average and the optimiser."""
        found = {f"network.{name}": x for name, x in self.network.state_dict().items()}
        if self.average is not None:
            found |= {f"average.{name}": x for name, x in self.average.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            kept = self.optimizer.state.get(parameter, {})
            found |= {f"optimizer.{name}.{key}": kept[key] for key in _MOMENTS if key in kept}
        return found

    def take(self, tensors: dict[str, torch.Tensor]) -> None:
        """Put tensors in their places; raises KeyError or RuntimeError where they do not fit."""
        self.network.load_state_dict(_below("network.", tensors))
        if self.average is not None:
            self.average.load_state_dict(_below("average.", tensors))
        for name, parameter in self.network.named_parameters():
            kept = _below(f"optimizer.{name}.", tensors)
            if kept:
                # Copied into the parameter's own memory format: the same loops as before the kill.
                self.optimizer.state[parameter] = {
                    "step": kept["step"],
                    "exp_avg": torch.zeros_like(parameter).copy_(kept["exp_avg"]),
                    "exp_avg_sq": torch.zeros_like(parameter).copy_(kept["exp_avg_sq"]),
                }


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds the state of a training.

    Parameters
    ----------
    url : str
    fingerprint : str
        Of the training; a file of another one is not used.
    """

    url: str
    fingerprint: str

    def save(self, state: State) -> None:
        """Write the state."""
        about = {
            "version": VERSION,
            "fingerprint": self.fingerprint,
            "step": state.step,
            "history": state.history,
            "sums": state.sums,
            "n_summed": state.n_summed,
        }
        files.write_bytes(
            self.url,
            save(plain(state.tensors()), {"bannercluster": json.dumps(about)}),
            points.TRAINING_CHECKPOINT,
        )

    def restore(self, state: State) -> bool:
        """Take the saved state over; return whether there was one.

        Raises
        ------
        FormatVersionError, StoreError
            If the file is newer than this code, or damaged.
        """
        try:
            data = files.read_bytes(self.url)
        except FileNotFoundError:
            return False
        try:
            size = int.from_bytes(data[:8], "little")
            about = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["bannercluster"])
            files.check_version(about["version"], VERSION, f"the checkpoint {self.url}")
            if about["fingerprint"] != self.fingerprint:
                return False
            state.take(load(data))
            state.step, state.n_summed = about["step"], about["n_summed"]
            state.history, state.sums = about["history"], about["sums"]
        except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise StoreError(
                f"the checkpoint {self.url} is damaged ({error}): delete it to start anew"
            ) from error
        return True

    def remove(self) -> None:
        """Remove the file: the training has ended."""
        files.remove(self.url, points.TRAINING_CHECKPOINT_GONE)


def plain(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return tensors as they are written: on the CPU, C-contiguous."""
    return {name: x.detach().to("cpu").contiguous() for name, x in tensors.items()}


def _below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): x for name, x in tensors.items() if name.startswith(prefix)}
