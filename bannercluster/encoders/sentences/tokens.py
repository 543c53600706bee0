"""Texts to token ids, by the model's own tokenizer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bannercluster.encoders.sentences.spec import SentenceFolder
from bannercluster.errors import WeightsError


@dataclass(frozen=True, eq=False)
class Tokens:
    """The tokens of a text.

    Parameters
    ----------
    ids : (n,) int64 array
        Those that the model reads, its special ones included.
    n_tokens : int
        Of the whole text, with the special ones.
    unknown_share : float
        Of the whole text's own tokens, those that the vocabulary does not have.
    """

    ids: npt.NDArray[np.int64]
    n_tokens: int
    unknown_share: float


class Tokenizer:
    """The tokenizer of a model, cutting texts after what the model reads.

    Parameters
    ----------
    folder : SentenceFolder

    Raises
    ------
    WeightsError
        If ``tokenizer.json`` cannot be read.
    """

    def __init__(self, folder: SentenceFolder) -> None:
        self._prompt, self._lower_case = folder.prompt, folder.lower_case
        path = folder.transformer / "tokenizer.json"
        self._tokenizer = _load(path)
        # Its own cut and padding are those of the run that saved it.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._n_special = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        self._max_tokens = folder.max_tokens
        self._unknown = _unknown_id(path, self._tokenizer)

    def tokens(self, text: str) -> Tokens:
        """Tokenize a text."""
        text = self._prompt + (text.lower() if self._lower_case else text)
        # One by one: the tokenizer's threads would not survive a fork.
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        own = encoding.ids
        share = own.count(self._unknown) / len(own) if own else 0.0
        encoding.truncate(self._max_tokens - self._n_special)
        whole = self._tokenizer.post_process(encoding, add_special_tokens=True)
        return Tokens(np.array(whole.ids, np.int64), len(own) + self._n_special, share)


def _load(path: Path) -> Any:
    from tokenizers import Tokenizer as Library

    try:
        # Of bytes, as reading a file raises nothing narrower than Exception.
        return Library.from_buffer(path.read_bytes())
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{path} cannot be read as a tokenizer ({error}); bring the whole folder of the model"
        ) from error


def _unknown_id(path: Path, tokenizer: Any) -> int | None:
    """Return the id of the token for what the vocabulary lacks; None where it lacks nothing."""
    model = json.loads(path.read_text(encoding="utf-8")).get("model", {})
    if model.get("unk_id") is not None:  # sentencepiece
        return int(model["unk_id"])
    word = model.get("unk_token")
    found: int | None = None if word is None else tokenizer.token_to_id(word)
    return found
