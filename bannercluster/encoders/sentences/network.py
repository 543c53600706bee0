"""A transformer with its weights in it, its pooling behind it: token ids in, vectors out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bannercluster.encoders.sentences.spec import SentenceFolder
from bannercluster.errors import WeightsError

if TYPE_CHECKING:
    import torch

_UNUSED = ("pooler.",)  # BERT's own head: sentence encoders do without


def build_sentences(folder: SentenceFolder) -> torch.nn.Module:
    """Build the network in float32 and evaluation mode, on the CPU.

    It takes (n, n_tokens) int64 token ids of texts of one length: without padding, no mask can
    leak from one text into another.

    Raises
    ------
    WeightsError
        If the weights cannot be read, or one is missing: none is ever random.
    """
    import torch

    transformer = _load(folder)

    class Sentences(torch.nn.Module):
        """The transformer, the pooling, and the scaling where the model has one."""

        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            """Return (n, n_features) vectors."""
            everything = torch.ones_like(input_ids)
            found = self.transformer(input_ids=input_ids, attention_mask=everything)
            pooled = _pooled(found.last_hidden_state, folder.pooling)
            if folder.normalize:
                pooled = torch.nn.functional.normalize(pooled, dim=1)
            return pooled

    return Sentences().eval().requires_grad_(requires_grad=False)


def _pooled(tokens: torch.Tensor, pooling: str) -> torch.Tensor:
    """(n, n_tokens, n_features) -> (n, n_features)."""
    if pooling == "cls":
        return tokens[:, 0]
    if pooling == "max":
        return tokens.amax(dim=1)
    mean = tokens.mean(dim=1)
    return mean if pooling == "mean" else mean * tokens.shape[1] ** 0.5


def _load(folder: SentenceFolder) -> Any:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModel

    with silent_transformers():
        try:
            model, info = AutoModel.from_pretrained(
                folder.transformer,
                # The other forms of attention are not traced for every length.
                attn_implementation="eager",
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
        except (SafetensorError, OSError, ValueError, RuntimeError, KeyError) as error:
            raise WeightsError(
                f"the sentence encoder {folder.name} cannot be loaded ({type(error).__name__}: "
                f"{error}); bring the whole folder as sentence-transformers saved it"
            ) from error
    missing = sorted(key for key in info["missing_keys"] if not key.startswith(_UNUSED))
    other = sorted(str(key) for key in info["mismatched_keys"])
    if missing or other:
        raise WeightsError(
            f"the weights of {folder.name} do not fit its config.json: "
            f"{len(missing)} missing {missing[:3]}, {len(other)} of another shape {other[:3]}; "
            "bring the whole folder as sentence-transformers saved it"
        )
    return model


@contextlib.contextmanager
def silent_transformers() -> Iterator[None]:
    """Keep its bars and remarks off the screen, and leave its settings as they were."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
