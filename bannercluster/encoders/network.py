"""A timm network with its weights in it, every one accounted for."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bannercluster.encoders.spec import ModelFacts
from bannercluster.encoders.weights import FoundWeights
from bannercluster.errors import WeightsError

if TYPE_CHECKING:
    import torch

_WRAPPERS = ("state_dict", "model", "state_dict_ema")


def build_network(facts: ModelFacts, found: FoundWeights) -> torch.nn.Module:
    """Build a network that gives pooled features, in float32 and evaluation mode, on the CPU.

    Raises
    ------
    WeightsError
        If a weight is missing, left over, or of another shape. The classifier's may be left over.
    """
    import timm

    network: torch.nn.Module = timm.create_model(facts.timm_name, pretrained=False, num_classes=0)
    state = read_state(found.path)
    if "_conv_stem.weight" in state:
        state = _rename_in_order(state, facts, found)
    expected = network.state_dict()
    state = {
        key: value
        for key, value in state.items()
        if key in expected or not key.startswith(tuple(f"{c}." for c in facts.classifiers))
    }
    missing = [key for key in expected if key not in state]
    extra = [key for key in state if key not in expected]
    other = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(value.shape)}"
        for key, value in expected.items()
        if key in state and state[key].shape != value.shape
    ]
    if missing or extra or other:
        raise WeightsError(
            f"{found.path.name} does not fit {facts.model}: "
            f"{_some('missing', missing)}; {_some('unknown', extra)}; "
            f"{_some('wrong shape', other)}. "
            "Give the weights of this network, or name with --model the network of these weights."
        )
    network.load_state_dict(state)
    network.eval().requires_grad_(requires_grad=False)
    return network


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Read named tensors from safetensors or a torch file; no code in the file is ever run.

    Raises
    ------
    WeightsError
        If the file is neither, or holds anything but named tensors.
    """
    import pickle

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        with warnings.catch_warnings():
            # A foreign pickle is refused just below; that torch also wonders is no news.
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path.name} is not a torch file of plain tensors, and files that need code to be "
            "read are never opened; convert it to .safetensors where you trust it"
        ) from error
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, LookupError) as error:
        raise WeightsError(
            f"{path.name} cannot be read as {path.suffix or 'a torch file'} "
            f"({type(error).__name__}: {error}); name a whole file with --weights"
        ) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
            break
    if not isinstance(content, dict) or not content:
        raise WeightsError(f"{path.name} holds a {type(content).__name__}; expected named tensors")
    strange = [str(k) for k, value in content.items() if not isinstance(value, torch.Tensor)]
    if strange:
        raise WeightsError(f"{path.name} holds more than tensors: {_some('entries', strange)}")
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def _rename_in_order(
    state: dict[str, torch.Tensor], facts: ModelFacts, found: FoundWeights
) -> dict[str, torch.Tensor]:
    """Weights in the naming of the lite0 package: the same tensors in the same order as timm's."""
    import timm
    import torch

    with torch.device("meta"):
        names = list(timm.create_model(facts.timm_name, pretrained=False).state_dict())
    leaves = [key.rpartition(".")[2] for key in state]
    if leaves != [name.rpartition(".")[2] for name in names]:
        raise WeightsError(f"{found.path.name} is not the network {facts.model}, tensor by tensor")
    return dict(zip(names, state.values(), strict=True))


def _some(what: str, items: list[str]) -> str:
    shown = ", ".join(items[:3]) + (", ..." if len(items) > 3 else "")
    return f"{len(items)} {what}" + (f" ({shown})" if items else "")
