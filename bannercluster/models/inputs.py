"""The rows that models take: of the images, of the texts, or of both fused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from bannercluster.config import PathsConfig
from bannercluster.errors import UsageError
from bannercluster.fusion.ads import Ads
from bannercluster.fusion.store import FusedStore
from bannercluster.models.card import ModelCard
from bannercluster.models.folder import check_embedding
from bannercluster.models.kmeans import KMeansModel
from bannercluster.store.embeddings import EmbeddingStore

Modality = Literal["image", "text", "both"]


def open_images(paths: PathsConfig) -> EmbeddingStore:
    """Open the store of the images.

    Raises
    ------
    UsageError
        If there is none, or it holds texts.
    """
    store = EmbeddingStore.open(paths.embeddings)
    if _holds_texts(store):
        raise UsageError(
            f"{store.url} holds texts, and --embeddings names the images; name it with --texts "
            f"{store.url} instead, and ask `bc cluster` for --modality text or both: the other "
            f"commands know from the model what it takes"
        )
    return store


def _holds_texts(store: EmbeddingStore) -> bool:
    return store.manifest.recipe.get("modality") == "text"


def open_texts(paths: PathsConfig) -> EmbeddingStore:
    """Open the store of the texts.

    Raises
    ------
    UsageError
        If there is none, or it holds images.
    """
    store = EmbeddingStore.open_if_any(paths.texts)
    if store is None:
        raise UsageError(
            f"no texts at {paths.texts}; expected a store made by `bc text`: run `bc text` first, "
            f"or name another with --texts"
        )
    if not _holds_texts(store):
        raise UsageError(
            f"{store.url} holds images, and --texts names the texts; expected a store made by `bc "
            f"text`: name images with --embeddings"
        )
    return store


def require_rows(paths: PathsConfig) -> None:
    """Say what comes first where nothing is there yet, before models are asked for.

    Raises
    ------
    UsageError
        If there are neither images nor texts, or texts where images are expected.
    """
    if EmbeddingStore.open_if_any(paths.embeddings) is not None:
        open_images(paths)
    elif EmbeddingStore.open_if_any(paths.texts) is None:
        EmbeddingStore.open(paths.embeddings)


def open_ads(paths: PathsConfig) -> Ads:
    """Open the stores of images and texts and join them.

    Raises
    ------
    UsageError
        If one of them is not there.
    """
    return Ads.of(open_images(paths), open_texts(paths))


def modality_of(card: ModelCard) -> Modality:
    """Return what a model clusters."""
    found = card.embedding.get("modality", "image")
    return "both" if found == "both" else "text" if found == "text" else "image"


def open_rows(
    paths: PathsConfig, models: Sequence[KMeansModel], asked: Modality | None = None
) -> EmbeddingStore:
    """Open the store that models were fitted on, or one like it.

    Parameters
    ----------
    paths : PathsConfig
    models : sequence of KMeansModel
    asked : {"image", "text", "both"} or None
        What they must take; None does not insist.

    Raises
    ------
    UsageError, StoreError
        If a store is missing, or the models do not take the same rows, or not those asked for.
    IncompatibleStoreError
        If a model was fitted on embeddings of another kind.
    """
    first = models[0]
    for other in models[1:]:
        if modality_of(other.card) != modality_of(first.card) or not _same_fusion(other, first):
            raise UsageError(
                f"the models {first.card.name} and {other.card.name} take different rows "
                f"({modality_of(first.card)}, {modality_of(other.card)}); expected models of one "
                f"`bc cluster`: name them with --model"
            )
    modality = modality_of(first.card)
    if asked not in (None, modality):
        raise UsageError(
            f"--modality {asked} was asked for, and the model {first.card.name} takes {modality}; "
            f"name a model with --model, or fit one with `bc cluster --modality {asked}`"
        )
    if modality == "both":
        ads = open_ads(paths)
        recipe = {
            **first.card.embedding,
            "images": ads.images.manifest.recipe,
            "texts": ads.texts.manifest.recipe,
        }
        store: EmbeddingStore = FusedStore.over(ads, recipe, first.fusion)
    elif modality == "text":
        store = open_texts(paths)
    else:
        store = open_images(paths)
    for model in models:
        check_embedding(model, store)
    return store


def text_groups(paths: PathsConfig, store: EmbeddingStore) -> np.ndarray:
    """Return the text of each row as a number, so that rows of one text can be kept together.

    Parameters
    ----------
    paths : PathsConfig
        Of images the texts are those of ``paths.texts``; an image with several has its first.
    store : EmbeddingStore
        As :func:`open_rows` opened it.

    Returns
    -------
    (n_rows,) int32 array
        -1 without a text.

    Raises
    ------
    UsageError
        If there are no texts.
    """
    if isinstance(store, FusedStore):
        return store.ads.text_rows.astype(np.int32)
    if _holds_texts(store):
        return np.arange(store.n_rows, dtype=np.int32)
    ads = Ads.of(store, open_texts(paths))
    found = np.full(store.n_rows, -1, np.int32)
    # Backwards: of several the first is written last. Ads without a text come before the others.
    said = np.flatnonzero(ads.text_rows >= 0)[::-1]
    found[ads.image_rows[said]] = ads.text_rows[said]
    return found


def _same_fusion(one: KMeansModel, other: KMeansModel) -> bool:
    first = {} if one.fusion is None else one.fusion.arrays()
    second = {} if other.fusion is None else other.fusion.arrays()
    return first.keys() == second.keys() and all(
        np.array_equal(part, second[name]) for name, part in first.items()
    )
