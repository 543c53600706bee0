"""What an ablation compares: images, texts, and both with some weights of the text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bannercluster.config import Settings
from bannercluster.fusion.fusing import Fusion, unit
from bannercluster.models.ablations import shown_rows


@dataclass(frozen=True)
class Variant:
    """One kind of rows.

    Parameters
    ----------
    modality : {"image", "text", "both"}
    text_weight : float or None
        Of both; None where rows are not fused.
    """

    modality: Literal["image", "text", "both"]
    text_weight: float | None = None

    @property
    def shown(self) -> str:
        """What the rows are, for people."""
        return shown_rows(self.modality, self.text_weight)

    def rows(
        self, fusion: Fusion, images: np.ndarray, texts: np.ndarray, has_text: np.ndarray
    ) -> np.ndarray:
        """Return the rows (n, n_features) float32, of length one.

        Parameters
        ----------
        fusion : Fusion
            Fitted with any weight: nothing that is fitted depends on it.
        images, texts, has_text : arrays
            As :meth:`bannercluster.fusion.store.FusedStore.halves` gives them.
        """
        if self.text_weight is None:
            return unit(images if self.modality == "image" else texts)
        return replace(fusion, weight=self.text_weight)(images, texts, has_text)


def variants_of(settings: Settings) -> tuple[Variant, ...]:
    """Return what is compared, each once; the weights of the text in the place of both."""
    weights = settings.ablation.text_weights or (settings.cluster.text_weight,)
    found = (
        Variant(modality, weight)
        for modality in settings.ablation.modalities
        for weight in (weights if modality == "both" else (None,))
    )
    return tuple(dict.fromkeys(found))
