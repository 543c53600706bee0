"""Saving, loading and listing models: ``<models>/<name>/arrays.safetensors`` and ``card.json``.

The card is written last: a folder without a card is not a model yet.
"""

from __future__ import annotations

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from bannercluster.errors import IncompatibleStoreError, StoreError, UsageError
from bannercluster.fusion.fusing import Fusion
from bannercluster.models.card import ModelCard
from bannercluster.models.kmeans import KMeansModel
from bannercluster.store import files, points
from bannercluster.store.embeddings import EmbeddingStore

_FUSION = "fusion_"  # in front of the names of its arrays


def save_model(models: str, model: KMeansModel) -> None:
    """Write a model under its name."""
    folder = files.join(models, model.card.name)
    arrays = {"centres": np.ascontiguousarray(model.centres, dtype=np.float64)}
    if model.fusion is not None:
        arrays |= {f"{_FUSION}{name}": part for name, part in model.fusion.arrays().items()}
    files.write_bytes(files.join(folder, "arrays.safetensors"), save(arrays), points.ARRAYS)
    files.write_json(files.join(folder, "card.json"), model.card.to_json(), points.CARD)


def has_model(models: str, name: str) -> bool:
    """Whether a whole model of that name is there."""
    return files.exists(files.join(models, name, "card.json"))


def load_model(models: str, name: str) -> KMeansModel:
    """Read a model.

    Raises
    ------
    UsageError
        If there is none of that name.
    StoreError, FormatVersionError
        If it is damaged, or newer than this code.
    """
    folder = files.join(models, name)
    value = None
    if "/" not in name and not name.startswith("."):
        value = files.read_json_if_any(files.join(folder, "card.json"))
    if value is None:
        known = ", ".join(model_names(models)) or "none"
        raise UsageError(
            f"no model {name!r} in {models}; there are: {known}: name one of them, or run `bc "
            f"cluster`"
        )
    card = ModelCard.from_json(value, files.join(folder, "card.json"))
    try:
        arrays = load(files.read_bytes(files.join(folder, "arrays.safetensors")))
        centres = arrays["centres"]
        fused = {
            name.removeprefix(_FUSION): part
            for name, part in arrays.items()
            if name.startswith(_FUSION)
        }
        fusion = Fusion.of_arrays(fused) if fused else None
    except (SafetensorError, KeyError, FileNotFoundError) as error:
        raise StoreError(
            f"the arrays of model {folder} are damaged ({error}); fit it again"
        ) from error
    if centres.shape != (card.k, card.n_features):
        raise StoreError(
            f"the centres of model {folder} have shape {centres.shape}, its card says "
            f"{(card.k, card.n_features)}; fit it again"
        )
    return KMeansModel(centres, card, fusion)


def check_embedding(model: KMeansModel, store: EmbeddingStore) -> None:
    """Raise IncompatibleStoreError unless a model takes embeddings like those of a store."""
    if model.card.embedding != store.manifest.recipe:
        raise IncompatibleStoreError(
            f"the model {model.card.name} takes embeddings made in another way than those of "
            f"{store.url}; expected the same network, weights, precision and preprocessing: name "
            f"another model or store, or fit again with `bc cluster`"
        )


def model_names(models: str) -> list[str]:
    """Return the names of the whole models in a folder, sorted."""
    return [name for name in files.names(models) if has_model(models, name)]
