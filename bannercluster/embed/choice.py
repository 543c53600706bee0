"""Which network a run takes, and what it makes of a row: the recipe of the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bannercluster.config import Settings
from bannercluster.encoders import (
    ModelDescription,
    ResolvedEngine,
    describe_model,
    resolve_engine,
)
from bannercluster.errors import UsageError
from bannercluster.store.embeddings import EmbeddingStore

PREPROCESSING_VERSION = 1


@dataclass(frozen=True)
class Choice:
    """The network of a run, and what it makes of a row.

    Parameters
    ----------
    engine : ResolvedEngine
    model : ModelDescription
    recipe : dict
        All that shapes a row; a store has one. Weights that are not here yet are None in it.
    """

    engine: ResolvedEngine
    model: ModelDescription
    recipe: dict[str, Any]

    @classmethod
    def of(cls, settings: Settings) -> Choice:
        """Choose as the settings ask.

        Raises
        ------
        UsageError
            If the model is unknown, or takes no images of this kind.
        EngineError
            If an engine, precision or device asked for is not available.
        """
        config = settings.embed
        engine = resolve_engine(config.engine, config.precision, config.device)
        model = describe_model(config.model, config.weights)
        if model.fixed_input_size and config.resize == "native":
            raise UsageError(
                f"{config.model} takes images of {model.input_size} x {model.input_size} only, "
                f"asked for --resize native; expected --resize letterbox or squash"
            )
        preprocessing = {
            "version": PREPROCESSING_VERSION,
            "resize": config.resize,
            "input_size": model.input_size,
            "mean": list(model.mean),
            "std": list(model.std),
            "interpolation": "bicubic",
        }
        recipe = {
            "model": config.model,
            "weights_sha256": model.weights_sha256,
            "engine": engine.engine,
            "precision": engine.precision,
            "preprocessing": preprocessing,
            "dtype": config.dtype,
        }
        return cls(engine, model, recipe)

    def recipe_beside(self, store: EmbeddingStore) -> dict[str, Any]:
        """Return the recipe; weights that are not here yet count as those of the store."""
        known = self.recipe["weights_sha256"] or store.manifest.recipe.get("weights_sha256")
        return {**self.recipe, "weights_sha256": known}

    def with_weights(self, sha256: str) -> Choice:
        """Return the choice with weights that are known by now."""
        return Choice(self.engine, self.model, {**self.recipe, "weights_sha256": sha256})
