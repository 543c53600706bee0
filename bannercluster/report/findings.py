"""What a page is made of, as the stage collected it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from bannercluster.models.card import ModelCard
from bannercluster.models.evaluations import Evaluation
from bannercluster.models.kmeans import Assigned
from bannercluster.models.sweeps import SweepFile
from bannercluster.render.measured import AblationView, LabelsView
from bannercluster.render.thumbnails import Thumbnail
from bannercluster.report.selection import Projection, Shown
from bannercluster.store.embeddings import EmbeddingStore


@dataclass(frozen=True)
class Findings:
    """All that a page is made of.

    Parameters
    ----------
    store : EmbeddingStore
    cards : tuple of ModelCard
        In the order of the evaluation.
    evaluation : Evaluation
    assigned : tuple of Assigned
        One a model, for all rows.
    shown : tuple of list of Shown
        One a model.
    projection : Projection or None
    pictures : mapping of row (as text) to Thumbnail
    rows : (n_rows,) table
        The row table of the store.
    ids : dict of row to (banner id, label)
        For the rows that the page shows.
    n_no_picture : int
        Shown banners whose file is gone or no longer decodes.
    sweep : SweepFile or None
        The latest sweep in the folder of models.
    labels : LabelsView or None
    ablation : AblationView or None
    tags : tuple
        For each model, for each cluster, the words that tell it from the others.
    """

    store: EmbeddingStore
    cards: tuple[ModelCard, ...]
    evaluation: Evaluation
    assigned: tuple[Assigned, ...]
    shown: tuple[list[Shown], ...]
    projection: Projection | None
    pictures: Mapping[str, Thumbnail]
    rows: pa.Table
    ids: Mapping[int, tuple[str, str]]
    n_no_picture: int
    sweep: SweepFile | None
    labels: LabelsView | None
    ablation: AblationView | None = None
    tags: tuple[tuple[tuple[str, ...], ...], ...] = ()
