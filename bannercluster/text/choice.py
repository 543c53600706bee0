"""Which network a run takes, and what it makes of a row: the recipe of the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bannercluster.config import Settings
from bannercluster.encoders import ResolvedEngine, resolve_engine
from bannercluster.encoders.sentences import SentenceFolder, SentenceSpec, describe_sentences
from bannercluster.media import texts
from bannercluster.text.banners import LANDING, OCR


@dataclass(frozen=True)
class Choice:
    """The network of a run, and what it makes of a row.

    Parameters
    ----------
    engine : ResolvedEngine
    model : SentenceFolder
    spec : SentenceSpec
    recipe : dict
        All that shapes a row; a store has one.
    """

    engine: ResolvedEngine
    model: SentenceFolder
    spec: SentenceSpec
    recipe: dict[str, Any]

    @classmethod
    def of(cls, settings: Settings) -> Choice:
        """Choose as the settings ask.

        Raises
        ------
        WeightsError, UsageError
            If the model is not here, or has parts that are not known.
        EngineError
            If an engine, precision or device asked for is not available.
        """
        config = settings.text
        engine = resolve_engine(config.engine, config.precision, config.device)
        model = describe_sentences(config.model)
        recipe = {
            "modality": "text",
            "model": model.name,
            "weights_sha256": model.weights_sha256,
            "tokenizer_sha256": model.tokenizer_sha256,
            "config_sha256": model.config_sha256,
            "pooling": model.pooling,
            "normalize": model.normalize,
            "max_tokens": model.max_tokens,
            "prompt": model.prompt,
            "engine": engine.engine,
            "precision": engine.precision,
            "preprocessing": {
                "version": texts.VERSION,
                "sources": [*config.columns, OCR, LANDING],
                "max_characters": config.max_characters,
            },
            "dtype": config.dtype,
        }
        spec = SentenceSpec(config.model, engine.engine, engine.precision, engine.device)
        return cls(engine, model, spec, recipe)
