"""What is to be fitted on which rows, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bannercluster.cluster.numbering import AUTO, NONE
from bannercluster.config import ClusterConfig, Settings, semantic_fields
from bannercluster.errors import UsageError
from bannercluster.fusion.fusing import Fusion
from bannercluster.fusion.store import FusedStore, recipe_of
from bannercluster.kernels.rows import Product
from bannercluster.kmeans.checkpoint import Checkpoint
from bannercluster.kmeans.products import product_of
from bannercluster.models.folder import has_model
from bannercluster.models.inputs import open_ads, open_images, open_texts
from bannercluster.store import files
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.fingerprint import fingerprint, of_contents

_IDS_AT_A_TIME = 1 << 20

# Settings that came after the first models. At these values they are left out of the fingerprint,
# so that a model keeps its name.
_LATER = {
    "engine": "sweep",
    "predecessor": AUTO,
    "search": "full",
    "race_rows": 32768,
    "modality": "image",
    "text_weight": 1.0,
    "image_components": 0,
    "text_components": 0,
}


@dataclass(frozen=True)
class Task:
    """A sweep, and the names of its models.

    Parameters
    ----------
    store : EmbeddingStore
    config : ClusterConfig
    product : {"float32", "bfloat16"}
    data : dict
        Number of rows and fingerprint of their contents.
    """

    store: EmbeddingStore
    config: ClusterConfig
    product: Product
    data: dict[str, Any]

    @classmethod
    def of(cls, settings: Settings) -> Task:
        """Open the store and check the settings against each other.

        Raises
        ------
        UsageError, StoreError
            If there is no such store, or settings that exclude each other.
        """
        config = settings.cluster
        _check(config)
        store = _open(settings)
        contents = of_contents(_ids_of(store), store.manifest.recipe_id)
        return cls(
            store, config, product_of(config), {"n_rows": store.n_rows, "fingerprint": contents}
        )

    def fused(self) -> Task:
        """Return the task with a fusion that is fitted, where there is anything to fuse.

        Raises
        ------
        DataError
            If no banner has both an image and a text.
        """
        if not isinstance(self.store, FusedStore):
            return self
        return replace(self, store=self.store.fitted(self.config.seed))

    @property
    def fusion(self) -> Fusion | None:
        """What makes a row of an image and a text."""
        return self.store.fusion if isinstance(self.store, FusedStore) else None

    def fit(self, k: int) -> dict[str, Any]:
        """Return the settings that make the model of a k."""
        fields = {
            name: value
            for name, value in semantic_fields(self.config).items()
            if name not in _LATER or value != _LATER[name]
        }
        return {**fields, "k": k, "algorithm": "kmeans"}

    def name(self, k: int) -> str:
        """Return the name of the model of a k."""
        whole = fingerprint({"fit": self.fit(k), "data": self.data["fingerprint"]})
        return f"kmeans-k{k:02d}-{whole[:8]}"

    def missing(self, models: str) -> tuple[int, ...]:
        """Return the k that have no model yet, each once."""
        return tuple(k for k in dict.fromkeys(self.config.k) if not has_model(models, self.name(k)))

    def checkpoint(self, models: str, missing: Sequence[int]) -> Checkpoint:
        """Return the checkpoint of a sweep over all k asked for, of which some are missing.

        By what is asked, not by what is missing: a run that ended between the cards of two models
        goes on with the others.
        """
        asked = fingerprint({"models": sorted(self.name(k) for k in set(self.config.k))})
        url = files.join(models, ".progress", f"{asked[:16]}.safetensors")
        return Checkpoint(url, asked, ks=frozenset(missing))


def _open(settings: Settings) -> EmbeddingStore:
    """Open the rows of the modality; fused ones have no values yet."""
    config, paths = settings.cluster, settings.paths
    if config.modality == "image":
        return open_images(paths)
    if config.modality == "text":
        return open_texts(paths)
    ads = open_ads(paths)
    return FusedStore.over(ads, recipe_of(ads, config))


def _check(config: ClusterConfig) -> None:
    if config.spherical and config.normalize != "l2":
        raise UsageError(
            "--spherical was asked for with --normalize none; expected rows of length one: add "
            "--normalize l2"
        )
    if config.spherical and config.engine != "sweep":
        raise UsageError(
            f"--spherical was asked for with --engine {config.engine}, which has no spherical "
            f"k-means; use --engine sweep"
        )
    named = config.predecessor not in (AUTO, NONE)
    if named and len(set(config.k)) > 1:
        asked = " ".join(str(k) for k in config.k)
        raise UsageError(
            f"--predecessor {config.predecessor} was asked for with --k {asked}; expected the one "
            f"k of that model: name one k, or use --predecessor auto, which takes a predecessor "
            f"for each k"
        )


def _ids_of(store: EmbeddingStore) -> Iterator[bytes]:
    """Yield the content ids of all rows, a bounded number in memory at a time."""
    for low in range(0, store.n_rows, _IDS_AT_A_TIME):
        yield store.content_ids(low, min(low + _IDS_AT_A_TIME, store.n_rows)).tobytes()
