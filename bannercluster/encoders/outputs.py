"""What a network gives: its pooled features, or what lies before the pooling."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bannercluster.encoders.spec import ModelFacts, Output
from bannercluster.errors import UsageError

if TYPE_CHECKING:
    import torch


@lru_cache(maxsize=64)
def facts_of_output(facts: ModelFacts, output: Output) -> ModelFacts:
    """Return facts whose `n_features` is the length of an output; imports timm but for "pooled".

    "positions" fixes the input to the square that the network was made for: features of images of
    other shapes would have other lengths.

    Raises
    ------
    UsageError
        If the network has no such output.
    """
    if output == "pooled":
        return facts
    import timm
    import torch

    size = facts.input_size
    with torch.device("meta"):
        network = timm.create_model(facts.timm_name, pretrained=False, num_classes=0).eval()
        before = network.forward_features(torch.zeros(1, 3, size, size))
    if output == "mean" and before.ndim != 3:
        raise UsageError(
            f"{facts.model} has no tokens, but an output of shape {tuple(before.shape[1:])}: its "
            'pooled features are the mean of its positions; expected output "pooled" or "positions"'
        )
    if output == "mean":
        return replace(facts, output=output, n_features=before.shape[2])
    n_features = before[0].numel()
    return replace(facts, output=output, n_features=n_features, fixed_input_size=True)


def with_output(network: torch.nn.Module, output: Output) -> torch.nn.Module:
    """Return a network of timm whose forward pass gives an output, (n, n_features)."""
    if output == "pooled":
        return network
    import torch

    class _Before(torch.nn.Module):
        """The network up to its pooling, with the normalisation that it ends in."""

        def __init__(self) -> None:
            super().__init__()
            self.network: Any = network

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            before: torch.Tensor = self.network.forward_features(images)
            if output == "mean":  # without the class token
                before = before[:, self.network.num_prefix_tokens :].mean(dim=1)
            return before.flatten(1)

    return _Before().eval()
