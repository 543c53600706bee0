"""What an import is about: a source, a store that its rows fit into, and what made them."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass
from typing import Any

from bannercluster.config import Settings, semantic_fields
from bannercluster.errors import IncompatibleStoreError, UsageError
from bannercluster.store import commit
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.fingerprint import fingerprint
from bannercluster.transfer.blocks import Target
from bannercluster.transfer.opening import open_source
from bannercluster.transfer.sources import Source

_EPOCH = datetime.date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class ImportTask:
    """What an import is about.

    Parameters
    ----------
    source : Source
    old : EmbeddingStore or None
        The store that is added to.
    recipe : dict
        What made the rows.
    target : Target
    """

    source: Source
    old: EmbeddingStore | None
    recipe: dict[str, Any]
    target: Target

    @classmethod
    def of(cls, settings: Settings) -> ImportTask:
        """Open the source and the store, and see whether they fit.

        Raises
        ------
        UsageError, IncompatibleStoreError
            If they do not.
        """
        source = open_source(settings)
        old = EmbeddingStore.open_if_any(settings.paths.embeddings)
        recipe = _recipe(settings, source)
        if old is not None:
            commit.check_recipe(old, recipe)
            if old.n_features != source.n_features:
                raise IncompatibleStoreError(
                    f"the vectors of {source.url} have {source.n_features:,} values, the rows of "
                    f"{old.url} {old.n_features:,}; expected the same: name another store with "
                    f"--embeddings"
                )
        day = settings.import_.day
        days = None if day is None else datetime.date.fromisoformat(day).toordinal() - _EPOCH
        return cls(
            source, old, recipe, Target(source.layout, source.n_features, recipe["dtype"], days)
        )

    def key(self, settings: Settings) -> str:
        """Fingerprint of all that shapes the outcome."""
        old = self.old
        return fingerprint(
            {
                "source": self.source.url,
                "stamp": self.source.stamp,
                "settings": semantic_fields(settings.import_),
                "recipe": self.recipe,
                "layout": asdict(self.source.layout),
                "n_features": self.source.n_features,
                "chunk_rows": settings.import_.chunk_rows if old is None else None,
                "store": None if old is None else [old.manifest.created, old.manifest.generation],
            }
        )


def _recipe(settings: Settings, source: Source) -> dict[str, Any]:
    """Return the recipe of the rows: that of the source where it says one, else what was told."""
    config, carried = settings.import_, source.recipe
    if carried is not None:
        if config.model not in (None, carried.get("model")):
            raise UsageError(
                f"--model {config.model}: {source.url} says that its vectors are of "
                f"{carried.get('model')}; leave --model out"
            )
        dtype = carried.get("dtype", "float16") if config.dtype == "auto" else config.dtype
        return {**carried, "dtype": dtype}
    if config.model is None:
        raise UsageError(
            f"{source.url} does not say what made its vectors; expected --model NAME, such as "
            f"--model efficientnet_b4: stores and models fit together only where it is the same"
        )
    return {
        "model": config.model,
        "made_by": "import",
        "weights_sha256": None,
        "engine": None,
        "precision": None,
        "preprocessing": None,
        "dtype": "float16" if config.dtype == "auto" else config.dtype,
    }
