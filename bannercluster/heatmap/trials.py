"""Real clicks of a user study: trials as samples, pooled into heatmaps, with faults put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bannercluster.errors import DataError, UsageError
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.density import Density
from bannercluster.heatmap.simulator.faults import Broken, Fault, Setting, break_banner
from bannercluster.store import tables

Array = npt.NDArray[np.float64]

_COLUMNS = ("subject", "map_type", "trial", "x", "y")


@dataclass(frozen=True, eq=False)
class Trials:
    """Clicks, each of one trial.

    Parameters
    ----------
    clicks : ndarray of shape (n, 2), float64
        x and y, normalised to the slot.
    trial : ndarray of shape (n,), int64
        Number of the trial of each, from 0 to ``n_trials - 1``, ascending.
    group : ndarray of shape (n_trials,), object
        What each trial was made on: banners of one grid.
    subject : ndarray of shape (n_trials,), object
        Who made it.
    slot : (int, int)
        Width and height in pixels.
    """

    clicks: Array
    trial: npt.NDArray[np.int64]
    group: npt.NDArray[np.object_]
    subject: npt.NDArray[np.object_]
    slot: tuple[int, int]

    @property
    def n_trials(self) -> int:
        """Trials."""
        return len(self.group)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Trials:
        """Return some of the trials, numbered anew.

        Parameters
        ----------
        chosen : ndarray of shape (n_trials,), bool
        """
        kept = chosen[self.trial]
        number = np.cumsum(chosen) - 1
        return Trials(
            self.clicks[kept],
            number[self.trial[kept]],
            self.group[chosen],
            self.subject[chosen],
            self.slot,
        )


@dataclass(frozen=True, eq=False)
class Pool:
    """Clicks of several trials as one heatmap, and clicks of further trials.

    Parameters
    ----------
    clicks : ndarray of shape (n_clicks, 2), float64
    trial : ndarray of shape (n_clicks,), int64
        Where each comes from.
    spare : ndarray of shape (m, 2), float64
        The clicks that were left over, of the same trials and of others, in random order.
    """

    clicks: Array
    trial: npt.NDArray[np.int64]
    spare: Array


@dataclass(frozen=True, eq=False)
class Injected:
    """Real clicks with a fault.

    Parameters
    ----------
    clicks : ndarray of shape (n, 2), float64
    broken : Broken
        The fault; its densities are the clicks themselves.
    touched : ndarray of shape (n,), bool
        Clicks that the fault moved, made or put in the place of lost ones.
    """

    clicks: Array
    broken: Broken
    touched: npt.NDArray[np.bool_]


def read_trials(url: str) -> Trials:
    """Read a table of clicks in pixels: subject, map_type, trial, x, y.

    The slot is the box that holds all clicks, so that they fill [0, 1] in both axes.

    Raises
    ------
    UsageError
        If it is missing, or lacks a column.
    DataError
        If a value is no number.
    """
    table = tables.read_foreign(url, "the table of trials")
    missing = [name for name in _COLUMNS if name not in table.column_names]
    if missing:
        raise UsageError(
            f"{url} has no column {', '.join(missing)}; expected {', '.join(_COLUMNS)}, a row for "
            f"each click"
        )
    try:
        pixels = np.stack([table[name].cast(pa.float64()).to_numpy() for name in "xy"], axis=1)
    except pa.ArrowInvalid as error:
        raise DataError(f"{url}: {error}; expected x and y in pixels") from error
    if not len(pixels) or not np.isfinite(pixels).all():
        raise DataError(f"{url} has {len(pixels):,} clicks; expected some, all with x and y")
    keys = list(zip(*(table[name].to_pylist() for name in _COLUMNS[:3]), strict=True))
    numbers: dict[tuple[str, ...], int] = {}
    trial = np.array([numbers.setdefault(key, len(numbers)) for key in keys])
    order = np.argsort(trial, kind="stable")
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    return Trials(
        clicks=((pixels - low) / (high - low))[order],
        trial=trial[order],
        group=np.array([key[1] for key in numbers], object),
        subject=np.array([key[0] for key in numbers], object),
        slot=(int(high[0] - low[0]), int(high[1] - low[1])),
    )


def split_trials(
    rng: np.random.Generator, trials: Trials, shares: Sequence[float], by: str = "trial"
) -> list[Trials]:
    """Divide trials at random into parts that share none; before anything is pooled.

    Parameters
    ----------
    rng : Generator
    trials : Trials
    shares : sequence of float
        Of each part; scaled to sum to one.
    by : {"trial", "subject"}
        What stays together: with ``subject`` no one is in two parts.
    """
    if by not in ("trial", "subject"):
        raise ValueError(f"expected 'trial' or 'subject', got {by!r}")
    units = np.arange(trials.n_trials) if by == "trial" else trials.subject
    names = np.unique(units.astype(str))
    ends = np.round(np.cumsum(shares) / np.sum(shares) * len(names)).astype(int)[:-1]
    parts = np.split(rng.permutation(names), ends)
    return [trials.where(np.isin(units.astype(str), part)) for part in parts]


def pool_trials(rng: np.random.Generator, trials: Trials, n_clicks: int) -> Pool:
    """Pool whole trials, drawn at random and none twice, until there are enough clicks.

    Of the last trial only as many clicks are taken as are missing.

    Raises
    ------
    DataError
        If all trials together have fewer clicks.
    """
    if n_clicks > len(trials.clicks):
        raise DataError(
            f"{n_clicks:,} clicks are wanted and {trials.n_trials:,} trials have "
            f"{len(trials.clicks):,}; expected no more than they have: pool fewer clicks"
        )
    turn = np.empty(trials.n_trials, np.int64)
    turn[rng.permutation(trials.n_trials)] = np.arange(trials.n_trials)
    order = np.lexsort((rng.random(len(trials.clicks)), turn[trials.trial]))
    taken, left = order[:n_clicks], order[n_clicks:]
    return Pool(trials.clicks[taken], trials.trial[taken], trials.clicks[rng.permutation(left)])


def density_of(clicks: Array) -> Density:
    """Return the law that puts the same weight on each of some clicks."""
    return Density.spots(np.ones(len(clicks)), clicks, np.zeros_like(clicks))


def inject(
    rng: np.random.Generator,
    fault: Fault,
    pool: Pool,
    others: Sequence[Array],
    config: SimulatorConfig,
) -> Injected:
    """Put a fault of the simulator into real clicks.

    Clicks that the fault does not touch stay as they are; one that moves clicks moves the clicks
    themselves, and what a dead zone swallows is replaced from the spare clicks. So no click comes
    twice but by the fault: drawing clicks again from one another would be a trace of its own.

    Parameters
    ----------
    rng : Generator
    fault : str
    pool : Pool
    others : sequence of ndarray of shape (m, 2)
        Clicks on other grids: what a wrong layout shows.
    config : SimulatorConfig

    Returns
    -------
    Injected
        As many clicks as the pool has; with a dead zone perhaps fewer, where the spare ones do
        not suffice.
    """
    setting = Setting(
        density_of(pool.clicks), tuple(density_of(one) for one in others), len(pool.clicks)
    )
    broken = break_banner(rng, fault, setting, config)
    touched = rng.random(len(pool.clicks)) < broken.share
    if broken.touched is None:
        return _swallowed(rng, broken, pool, touched)
    clicks = pool.clicks.copy()
    # A density that was moved or transposed has the clicks as its components, in their order.
    if broken.touched.weight is broken.healthy.weight:
        clicks[touched] = broken.touched.low[touched]
    elif broken.fault == "wrong_layout":
        clicks[touched] = _without_repeats(rng, broken.touched.low, int(touched.sum()))
    else:
        clicks[touched] = broken.touched.sample(rng, int(touched.sum()))[0]
    return Injected(clicks, broken, touched)


def _swallowed(
    rng: np.random.Generator, broken: Broken, pool: Pool, touched: npt.NDArray[np.bool_]
) -> Injected:
    """Take clicks out of a dead zone, and put spare ones that survive it in their place."""
    kept = ~(touched & broken.swallows(pool.clicks))
    lost = rng.random(len(pool.spare)) < broken.share
    more = pool.spare[~(lost & broken.swallows(pool.spare))][: int((~kept).sum())]
    clicks = np.concatenate([pool.clicks[kept], more])
    new = np.arange(len(clicks)) >= int(kept.sum())
    return Injected(clicks, broken, new)


def _without_repeats(rng: np.random.Generator, clicks: Array, n: int) -> Array:
    """Draw clicks, none again before all have come."""
    rounds = [rng.permutation(len(clicks)) for _ in range(-(-n // len(clicks)))]
    order = np.concatenate([np.empty(0, np.int64), *rounds])[:n]
    drawn: Array = clicks[order]
    return drawn
