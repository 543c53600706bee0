"""The comparison of images, texts and both: ``ablation.json`` beside the evaluation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bannercluster.errors import StoreError
from bannercluster.store import files, points

VERSION = 2
"""Version 1 had one text weight, the same for all; it can still be read."""

METRICS = ("ami", "ari", "v_measure", "purity")
_NAME = "ablation.json"


@dataclass(frozen=True)
class Score:
    """A metric of one modality and k.

    Parameters
    ----------
    value : float
        Mean over the seeds.
    low, high : float or None
        95 % interval over banners; None without replicates.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Compared:
    """One modality at one k; of both, with one weight of the text.

    Parameters
    ----------
    modality : {"image", "text", "both"}
    k : int
    metrics : dict of str to Score
        By the names of :data:`METRICS`.
    gain : dict of str to Score
        Over the first modality; empty for that one.
    spread : float
        Standard deviation of the AMI over the seeds.
    text_weight : float or None
        Of the text beside the image's 1; None where rows are not fused.
    """

    modality: str
    k: int
    metrics: dict[str, Score]
    gain: dict[str, Score]
    spread: float
    text_weight: float | None = None

    @property
    def shown(self) -> str:
        """What the rows are, for people."""
        return shown_rows(self.modality, self.text_weight)


@dataclass(frozen=True)
class Ablation:
    """What was compared, on how many banners.

    Parameters
    ----------
    compared : tuple of Compared
        By k, then by modality, then by weight of the text; the gains are over the first of a k.
    label : str
    n_rows, n_labels : int
        Banners with an image, a text and a label that counts; their labels.
    n_without_text : int
        Banners with an image and no text: left out.
    n_seeds : int
    """

    compared: tuple[Compared, ...]
    label: str
    n_rows: int
    n_labels: int
    n_without_text: int
    n_seeds: int

    def save(self, evaluation: str) -> None:
        """Write it into the folder of evaluations."""
        document = {"format_version": VERSION, **asdict(self)}
        files.write_json(url_of(evaluation), document, points.ABLATION)

    @classmethod
    def load_if_any(cls, evaluation: str) -> Ablation | None:
        """Read the latest, or return None where there is none.

        Raises
        ------
        FormatVersionError, StoreError
            If it is newer than this code, or damaged.
        """
        url = url_of(evaluation)
        value = files.read_json_if_any(url)
        if value is None:
            return None
        found: dict[str, Any] = dict(value)
        version = found.pop("format_version", None)
        files.check_version(version, VERSION, url)
        try:
            weight = found.pop("text_weight") if version == 1 else None
            compared = tuple(_compared(one, weight) for one in found.pop("compared"))
            return cls(compared, **found)
        except (KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{url} is damaged: {error}; run `bc ablation` again") from error


def shown_rows(modality: str, text_weight: float | None) -> str:
    """Say what rows are: their modality; of both, with the weight of the text."""
    return modality if text_weight is None else f"{modality}, text weight {text_weight:g}"


def url_of(evaluation: str) -> str:
    """Return where the comparison lies."""
    return files.join(evaluation, _NAME)


def _compared(value: dict[str, Any], weight: float | None) -> Compared:
    """Read one; ``weight`` is what version 1 says of all."""
    own = {**value, "metrics": _scores(value["metrics"]), "gain": _scores(value["gain"])}
    if weight is not None and own["modality"] == "both":
        own["text_weight"] = weight
    return Compared(**own)


def _scores(value: dict[str, dict[str, float | None]]) -> dict[str, Score]:
    return {name: Score(**score) for name, score in value.items()}  # type: ignore[arg-type]
