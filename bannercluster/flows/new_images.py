"""New images against a saved model: embed what is new into the model's store, then assign."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bannercluster import embed, predict
from bannercluster.config import Settings
from bannercluster.embed import EmbedResult
from bannercluster.errors import IncompatibleStoreError
from bannercluster.predict import PredictResult
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store.embeddings import EmbeddingStore


@dataclass(frozen=True)
class NewImagesResult:
    """What was embedded, and what was assigned."""

    embed: EmbedResult
    predict: PredictResult

    @property
    def n_rejected(self) -> int:
        """Files that could not be embedded."""
        return self.embed.n_rejected

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        return (*self.embed.tables(), *self.predict.tables())


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do: the plan of embed, with the model that predict would take."""
    predicted = predict.plan(settings)
    embedded = embed.plan(_as_embedded(settings))
    summary = (*embedded.summary, *predicted.summary[1:])
    return dataclasses.replace(embedded, stage="predict", summary=summary)


def run(settings: Settings, *, executor: Executor, progress: Progress) -> NewImagesResult:
    """Embed the images as the store was embedded, then assign every banner of the store."""
    embedded = embed.run(_as_embedded(settings), executor=executor, progress=progress)
    predicted = predict.run(settings, executor=executor, progress=progress)
    return NewImagesResult(embedded, predicted)


def _as_embedded(settings: Settings) -> Settings:
    """Take network, precision and preprocessing from the store: a store has one recipe."""
    recipe = EmbeddingStore.open(settings.paths.embeddings).manifest.recipe
    if recipe["preprocessing"] is None:
        raise IncompatibleStoreError(
            f"the rows of {settings.paths.embeddings} were imported, so new images cannot be "
            f"embedded like them; expected their embeddings: `bc import` them, then `bc predict` "
            f"without --images"
        )
    return settings.replace(
        "embed",
        origin="store",
        model=recipe["model"],
        engine=recipe["engine"],
        precision=recipe["precision"],
        resize=recipe["preprocessing"]["resize"],
        dtype=recipe["dtype"],
    )
