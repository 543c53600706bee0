"""What `bc heatmap train` hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bannercluster.heatmap.modelling import MadeModel
from bannercluster.heatmap.quality import Estimated
from bannercluster.runtime.plan import Table


@dataclass(frozen=True)
class AlsoFigure:
    """A figure of a network that the model does not use, and what it is measured against.

    Parameters
    ----------
    network, figure : str
    value : float
    reference : str
        Name of what it is held against.
    reference_value : float
    """

    network: str
    figure: str
    value: float
    reference: str
    reference_value: float


@dataclass(frozen=True)
class TrainResult:
    """A model and how good it is, on grids that it was not taught.

    Parameters
    ----------
    model : str
        Its folder.
    n_heatmaps, n_grids : int
        That taught the combination.
    auroc : Estimated
        Out of fold.
    oracle : Estimated
        What the clicks allow: of likelihood ratios with both densities known.
    without_network, gain : Estimated or None
        AUROC of the statistics alone, and what the network adds; None where none was trained.
    uses_network : bool
        Whether the whole interval of the gain lies above zero.
    also : tuple of AlsoFigure
    is_new : bool
        Whether anything was made now.
    seconds : tuple of (str, float)
        Of the steps that were done now.
    duration_s : float
    """

    model: str
    n_heatmaps: int
    n_grids: int
    auroc: Estimated
    oracle: Estimated
    without_network: Estimated | None
    gain: Estimated | None
    uses_network: bool
    also: tuple[AlsoFigure, ...]
    is_new: bool
    seconds: tuple[tuple[str, float], ...]
    duration_s: float

    @classmethod
    def of(
        cls, model: str, made: MadeModel, wanted: tuple[str, ...], duration_s: float
    ) -> TrainResult:
        """Read the figures off the card."""
        card = made.card
        gate, lessons = card["gate"], card["lessons"]
        return cls(
            model=model,
            n_heatmaps=lessons["n_heatmaps"],
            n_grids=lessons["n_grids"],
            auroc=Estimated(**card["auroc_out_of_fold"]),
            oracle=Estimated(**card["auroc_oracle"]),
            without_network=None if gate is None else Estimated(**gate["baseline"]),
            gain=None if gate is None else Estimated(**gate["gain"]),
            uses_network=card["network"] is not None,
            also=also_figures(card, wanted),
            is_new=made.is_new,
            seconds=made.seconds,
            duration_s=duration_s,
        )

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        state = "" if self.is_new else ", as it was"
        title = (
            f"{self.model}: taught on {self.n_heatmaps:,} simulated heatmaps of {self.n_grids:,} "
            f"grids{state}"
        )
        figures = [
            _row("AUROC of the model, grids left out", self.auroc),
            _row("AUROC of an oracle that knows all densities", self.oracle),
        ]
        if self.gain is not None and self.without_network is not None:
            figures += [
                _row("AUROC of the statistics alone", self.without_network),
                _row("gain by the network", self.gain),
            ]
        shown = [Table(title, ("figure", "value", "low", "high"), tuple(figures))]
        if self.gain is not None:
            shown.append(Table("The gate", ("network", "why"), ((self._gate, self._why),)))
        if self.also:
            rows = tuple(
                (one.network, one.figure, round(one.value, 3), one.reference,
                 round(one.reference_value, 3))
                for one in self.also
            )  # fmt: skip
            columns = ("network", "figure", "value", "reference", "its value")
            shown.append(Table("Further networks, not used by the model", columns, rows))
        if self.seconds:
            times = tuple((name, round(seconds, 1)) for name, seconds in self.seconds)
            total = ("all", round(self.duration_s, 1))
            shown.append(Table("What was done", ("step", "seconds"), (*times, total)))
        return tuple(shown)

    @property
    def _gate(self) -> str:
        return "kept" if self.uses_network else "left out"

    @property
    def _why(self) -> str:
        where = "lies above zero" if self.uses_network else "does not lie above zero"
        return f"the 95 % interval of its gain {where}"


def also_figures(card: Mapping[str, Any], wanted: tuple[str, ...]) -> tuple[AlsoFigure, ...]:
    """Return the figures of further networks that a card has."""
    return tuple(
        AlsoFigure(network=name, **figure)
        for name in dict.fromkeys(wanted)
        for figure in card["also"].get(name, {}).get("figures", ())
    )


def _row(name: str, one: Estimated) -> tuple[object, ...]:
    return (name, round(one.value, 4), round(one.low, 4), round(one.high, 4))
