"""A model of broken banners on disk: what was taught, and the network beside it.

::

    <folder>/card.json                        written last: without it there is no model
    <folder>/combination-<fingerprint>.json   what was taught: the combination, the judges of few
    <folder>/networks/                        networks, finished or in training, by fingerprint
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bannercluster.errors import StoreError, UsageError
from bannercluster.heatmap.combination import Combination
from bannercluster.heatmap.few import few_as_json, few_from_json
from bannercluster.heatmap.judging import Judge
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.statistics.scores import SCORE_NAMES, Blocks, ScoreBlock
from bannercluster.store import files, points
from bannercluster.store.fingerprint import content_id

VERSION = 4
NETWORK = "comparison"
"""Name of the network."""

NETWORK_SCORES = (NETWORK, *(f"{NETWORK}_{fault}" for fault in FAULTS))
"""Names of its scores: its evidence that a heatmap is broken, and broken by each fault."""

if TYPE_CHECKING:
    from bannercluster.heatmap.networks.comparison import ComparisonNetwork

_N_NAME = 12  # digits of a fingerprint in the name of a file


@dataclass(frozen=True)
class NetworkMark:
    """Which network a model uses.

    Parameters
    ----------
    fingerprint : str
        Of its training; names its folder.
    width, turns : int
        Of the network.
    """

    fingerprint: str
    width: int
    turns: int


@dataclass(frozen=True, eq=False)
class HeatmapModel:
    """A model as it was read.

    Parameters
    ----------
    url : str
        Its folder.
    fingerprint : str
        SHA-256 (hex) of what was taught, which knows the scores of the network beside it.
    combination : Combination
    few : mapping of int to Judge
        Of grids with so few references.
    network : NetworkMark or None
        None where statistics alone are used.
    card : mapping
        What the card says.
    """

    url: str
    fingerprint: str
    combination: Combination
    few: Mapping[int, Judge]
    network: NetworkMark | None
    card: Mapping[str, Any]

    def blocks(self) -> Blocks:
        """Load the scores beside the statistics.

        Raises
        ------
        StoreError, FormatVersionError
            If the network is missing, damaged, or newer than this code.
        """
        if self.network is None:
            return ()
        # Here and not above: torch takes seconds to import, and statistics do without.
        from bannercluster.heatmap.networks.comparison import ComparisonNetwork
        from bannercluster.heatmap.networks.saved import NetworkFolder

        network = ComparisonNetwork(self.network.width, self.network.turns)
        place = NetworkFolder.of(networks_url(self.url), NETWORK, self.network.fingerprint)
        place.load_into(network)
        return (network_block(network),)


def network_block(network: ComparisonNetwork) -> ScoreBlock:
    """Return the scores of a trained network: ``NETWORK_SCORES``."""
    from bannercluster.heatmap.networks.comparison import comparison_scores

    network.eval().requires_grad_(requires_grad=False)
    return ScoreBlock(NETWORK_SCORES, comparison_scores(network))


def networks_url(url: str) -> str:
    """Return where the networks of a model lie."""
    return files.join(url, "networks")


def read_card_if_any(url: str) -> dict[str, Any] | None:
    """Read the card of a model, or None where there is no model.

    Raises
    ------
    StoreError, FormatVersionError
        If it is damaged, or newer than this code.
    """
    where = files.join(url, "card.json")
    card = files.read_json_if_any(where)
    if card is not None:
        files.check_version(card.get("format_version"), VERSION, where)
    return card


def load_model_if_any(url: str) -> HeatmapModel | None:
    """Read a model, or None where there is none.

    Raises
    ------
    StoreError, FormatVersionError
        If it is damaged, or newer than this code.
    IncompatibleStoreError
        If its combination is of another version.
    """
    card = read_card_if_any(url)
    if card is None:
        return None
    try:
        named, mark = card["combination"], card["network"]
        data = files.read_bytes(files.join(url, named["file"]))
        if content_id(data).hex() != named["sha256"]:
            raise StoreError(
                f"the combination in {url} is not the one that its card names: delete "
                f"{named['file']} and card.json and run `bc heatmap train` again"
            )
        taught = json.loads(data)
        combination = Combination.from_json(json.dumps(taught["combination"]))
        few = few_from_json(taught["few"])
        network = None
        if mark is not None:
            network = NetworkMark(mark["fingerprint"], mark["width"], mark["turns"])
    except (KeyError, TypeError, ValueError, FileNotFoundError) as error:
        raise StoreError(
            f"the model in {url} is damaged ({error!r}): delete its card.json and run `bc heatmap "
            f"train` again"
        ) from error
    model = HeatmapModel(url, named["sha256"], combination, few, network, card)
    _check_names(model)
    return model


def _check_names(model: HeatmapModel) -> None:
    """Refuse a model that was taught on other scores than those of this program."""
    expected = (*SCORE_NAMES, *(() if model.network is None else NETWORK_SCORES))
    other = sorted(set(model.combination.names) ^ set(expected))
    if model.combination.names != expected:
        raise UsageError(
            f"the model in {model.url} was taught on other scores than this program has (different "
            f"ones: {', '.join(other) or 'none, but in another order'}): train it again with `bc "
            f"heatmap train` into another folder (--model)"
        )


def save_model(
    url: str,
    fingerprint: str,
    combination: Combination,
    few: Mapping[int, Judge],
    card: Mapping[str, Any],
) -> None:
    """Write a model: what was taught, then the card that names it.

    Parameters
    ----------
    url : str
    fingerprint : str
        Of the recipe.
    combination : Combination
    few : mapping of int to Judge
        Of grids with so few references.
    card : mapping
        What else is known: ``network`` (None, or fingerprint, width and turns) and figures.
    """
    name = f"combination-{fingerprint[:_N_NAME]}.json"
    taught = {"combination": json.loads(combination.to_json()), "few": few_as_json(few)}
    data = json.dumps(taught).encode()
    files.write_bytes(files.join(url, name), data, points.HEATMAP_COMBINATION)
    document = {
        "format_version": VERSION,
        "fingerprint": fingerprint,
        "combination": {"file": name, "sha256": content_id(data).hex()},
        **card,
    }
    write_card(url, document)


def write_card(url: str, card: Mapping[str, Any]) -> None:
    """Write the card of a model in the place of the one that is there."""
    files.write_json(files.join(url, "card.json"), card, points.HEATMAP_MODEL)
