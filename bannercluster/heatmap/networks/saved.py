"""Finished networks on disk: ``<folder>/<name>-<fingerprint>/weights.safetensors``, ``card.json``.

The card is written last: a folder without a card is not a network yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from bannercluster.errors import StoreError
from bannercluster.heatmap.networks.checkpoint import plain
from bannercluster.runtime.environment import library_version
from bannercluster.store import files, points
from bannercluster.store.fingerprint import content_id

VERSION = 1

_N_NAME = 12  # digits of the fingerprint in the name of a folder


@dataclass(frozen=True)
class NetworkFolder:
    """Where one network lies.

    Parameters
    ----------
    url : str
    fingerprint : str
        SHA-256 (hex) of what it is made by.
    """

    url: str
    fingerprint: str

    @classmethod
    def of(cls, folder: str, name: str, fingerprint: str) -> NetworkFolder:
        """Name the folder of a network after what it is made by."""
        return cls(files.join(folder, f"{name}-{fingerprint[:_N_NAME]}"), fingerprint)

    @property
    def checkpoint_url(self) -> str:
        """Where the state of its training lies until it has ended."""
        return files.join(self.url, "checkpoint.safetensors")

    def is_whole(self) -> bool:
        """Whether the network is finished."""
        return files.exists(files.join(self.url, "card.json"))

    def save(
        self,
        network: torch.nn.Module,
        card: Mapping[str, Any],
        history: list[dict[str, float]],
    ) -> None:
        """Write weights, then the card."""
        weights = save(plain(network.state_dict()))
        files.write_bytes(self._weights_url, weights, points.TRAINED_WEIGHTS)
        document = {
            "format_version": VERSION,
            "fingerprint": self.fingerprint,
            **card,
            "weights_sha256": content_id(weights).hex(),
            "versions": {"torch": library_version("torch")},
            "history": history,
        }
        files.write_json(files.join(self.url, "card.json"), document, points.TRAINED_CARD)

    def load_into(self, network: torch.nn.Module) -> list[dict[str, float]]:
        """Put the weights into a network of the same build; return the history of its training.

        Raises
        ------
        StoreError, FormatVersionError
            If the folder is damaged, or newer than this code.
        """
        url = files.join(self.url, "card.json")
        card = files.read_json(url)
        files.check_version(card.get("format_version"), VERSION, url)
        try:
            data = files.read_bytes(self._weights_url)
            if card["weights_sha256"] != content_id(data).hex():
                raise StoreError(
                    f"the weights in {self.url} are not those that its card names: delete the "
                    f"folder and train again"
                )
            network.load_state_dict(load(data))
            history: list[dict[str, float]] = card["history"]
        except (SafetensorError, KeyError, RuntimeError, FileNotFoundError) as error:
            raise StoreError(
                f"the network in {self.url} is damaged ({error}): delete the folder and train again"
            ) from error
        return history

    @property
    def _weights_url(self) -> str:
        return files.join(self.url, "weights.safetensors")
