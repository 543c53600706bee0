"""A world of synthetic clicks as tables: what `bc heatmap synth` writes, grid after grid."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bannercluster.heatmap import clicks, exposure, known
from bannercluster.heatmap.binning import bin_clicks
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.density import Density
from bannercluster.heatmap.simulator.domains import DEVICES, Domain, draw_domain
from bannercluster.heatmap.simulator.faults import FAULTS, Broken, Setting, break_banner
from bannercluster.heatmap.simulator.layouts import FAMILIES, Layout, draw_layout

Array = npt.NDArray[np.float64]

FIRST_DAY = datetime.date(2026, 1, 5)

_LAYOUT, _OTHERS, _NAMES, _DOMAIN = range(1, 5)
_LEAST = 1e-12

_CTR, _CTR_SPREAD_GRID, _CTR_SPREAD = 0.004, 0.4, 0.3
"""Median share of impressions that are clicked, and the standard deviations of its logarithm from
grid to grid and from domain to domain."""

_VISITS = (0.5, 0.9)
"""Visits for an impression, uniform: a visit may see a banner more than once."""

_MORE_CLICKS = ("overlay", "edges", "close_button", "lattice", "uniform", "burst")
"""Faults that add clicks; the others lose some of those that they touch."""


@dataclass(frozen=True)
class WorldConfig:
    """What is drawn.

    Parameters
    ----------
    n_grids : int
        Layouts, of the six families in turns.
    n_references, n_domains : int
        Domains of each grid that are known to be healthy; others.
    broken : float
        Share of the others that have a fault, of the eleven kinds in turns.
    clicks : (int, int)
        Range of the clicks of each of the others, log-uniform. References have as many as
        ``simulator.reference_clicks`` says, at most ten times the upper end.
    seed : int
    simulator : SimulatorConfig
    """

    n_grids: int
    n_references: int
    n_domains: int
    broken: float
    clicks: tuple[int, int]
    seed: int
    simulator: SimulatorConfig = field(default_factory=SimulatorConfig)

    @property
    def n_heatmaps(self) -> int:
        """Heatmaps of all grids."""
        return self.n_grids * (self.n_references + self.n_domains)

    @property
    def reference_clicks(self) -> tuple[int, int]:
        """Range of the clicks of a reference, log-uniform."""
        low, high = self.simulator.reference_clicks
        most = min(round(high), 10 * self.clicks[1])
        return min(round(low), most), most


@dataclass(frozen=True, eq=False)
class GridTables:
    """The rows of one grid."""

    clicks: pa.Table
    exposure: pa.Table
    references: pa.Table
    truth: pa.Table


def draw_world(config: WorldConfig) -> Iterator[GridTables]:
    """Draw the tables of each grid; a grid does not depend on which others are drawn."""
    for number in range(config.n_grids):
        yield draw_grid(config, number)


def draw_grid(config: WorldConfig, number: int) -> GridTables:
    """Draw the tables of a grid."""
    layout = _layout(config, number)
    others = tuple(
        draw_domain(
            _generator(config, number, _OTHERS, step),
            _layout(config, number + step),
            config.simulator,
        ).density
        for step in range(1, 4)
    )
    n = config.n_references + config.n_domains
    names = _generator(config, number, _NAMES)
    of_domain = names.permutation(2 * n)[:n]
    is_broken = names.permutation(config.n_domains) < round(config.broken * config.n_domains)
    start = number * int(is_broken.sum())
    ctr = _CTR * np.exp(_CTR_SPREAD_GRID * names.normal())
    parts, n_broken = [], 0
    for nth in range(n):
        fault = None
        if nth >= config.n_references and is_broken[nth - config.n_references]:
            fault = FAULTS[(start + n_broken) % len(FAULTS)]
            n_broken += 1
        drawn = _draw(config, (number, nth), layout, others, fault)
        parts.append(_tables(drawn, f"site-{of_domain[nth]:04d}.example", layout, ctr))
    together = [pa.concat_tables(column) for column in zip(*parts, strict=True)]
    by_day = together[0].sort_by([("day", "ascending"), ("event_id", "ascending")])
    return GridTables(by_day, *together[1:])


@dataclass(frozen=True, eq=False)
class _Drawn:
    seed: int
    number: tuple[int, int]
    rng: np.random.Generator
    domain: Domain
    broken: Broken | None
    is_reference: bool
    n_clicks: int


def _draw(
    config: WorldConfig,
    number: tuple[int, int],
    layout: Layout,
    others: tuple[Density, ...],
    fault: str | None,
) -> _Drawn:
    rng = _generator(config, number[0], _DOMAIN, number[1])
    is_reference = number[1] < config.n_references
    low, high = config.reference_clicks if is_reference else config.clicks
    n_clicks = round(float(np.exp(rng.uniform(np.log(low), np.log(high)))))
    domain = draw_domain(rng, layout, config.simulator)
    broken = None
    for kind in FAULTS:
        if kind == fault:
            setting = Setting(domain.density, others, n_clicks)
            broken = break_banner(rng, kind, setting, config.simulator)
    return _Drawn(config.seed, number, rng, domain, broken, is_reference, n_clicks)


def _tables(drawn: _Drawn, domain: str, layout: Layout, ctr: float) -> tuple[pa.Table, ...]:
    """Return clicks, exposure, references and truth of a heatmap."""
    rng, n = drawn.rng, drawn.n_clicks
    source = drawn.domain.density if drawn.broken is None else drawn.broken
    where, component = source.sample(rng, n)[:2]
    day = _days(rng, drawn.domain, component)
    key = {"domain": domain, "grid_id": layout.grid_id}
    device = pa.array(DEVICES).take(pa.array(drawn.domain.device_of(component)))
    table = _table(
        clicks.SCHEMA,
        n,
        key,
        event_id=_event_ids(drawn.number, n),
        day=_dates(day),
        x=where[:, 0],
        y=where[:, 1],
        slot_w=np.full(n, layout.slot[0], np.int32),
        slot_h=np.full(n, layout.slot[1], np.int32),
        device=device,
    )
    one = 1 if drawn.is_reference else 0
    return (
        table,
        _exposure(drawn, key, day, ctr),
        _table(known.REFERENCES_SCHEMA, one, key),
        _truth(drawn, key, where),
    )


def _days(
    rng: np.random.Generator, domain: Domain, component: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Draw the day of each click by the component that it comes from."""
    until = np.cumsum(domain.day_share, axis=1)[component]
    late = rng.random(len(component))[:, None] >= until
    days: npt.NDArray[np.int64] = np.minimum(late.sum(axis=1), domain.day_share.shape[1] - 1)
    return days


def _exposure(
    drawn: _Drawn, key: dict[str, str], day: npt.NDArray[np.int64], ctr: float
) -> pa.Table:
    """Return impressions and visits that go with the clicks.

    The impressions are those of a banner without a fault: one that adds clicks, such as an
    overlay, has a higher share of clicks, one that loses them a lower share.
    """
    rng, n_days = drawn.rng, drawn.domain.day_share.shape[1]
    busy = drawn.domain.density.weight @ drawn.domain.day_share
    own = ctr * np.exp(_CTR_SPREAD * rng.normal())
    if drawn.broken is not None:
        touched = drawn.broken.share
        own *= 1 + touched if drawn.broken.fault in _MORE_CLICKS else 1 - 0.5 * touched
    shown = rng.poisson(drawn.n_clicks / own * busy / busy.sum())
    clicked = np.bincount(day, minlength=n_days)
    impressions = np.maximum(shown, clicked)
    visits = np.maximum(rng.binomial(impressions, rng.uniform(*_VISITS)), impressions > 0)
    return _table(
        exposure.SCHEMA,
        n_days,
        key,
        day=_dates(np.arange(n_days)),
        visits=visits.astype(np.int64),
        impressions=impressions.astype(np.int64),
        clicks=clicked.astype(np.int64),
    )


def _truth(drawn: _Drawn, key: dict[str, str], where: Array) -> pa.Table:
    broken = drawn.broken
    values: dict[str, object] = {name: [None] for name in ("fault", "share", "severity")}
    values |= {"detectability": [None], "oracle": [None], "seed": [drawn.seed]}
    if broken is not None:
        healthy, shown = (
            np.maximum(one.bin_probabilities(), _LEAST) for one in (broken.healthy, broken)
        )
        ratio = np.log(shown / healthy)
        values |= {
            "fault": [broken.fault],
            "share": [broken.share],
            "severity": [broken.severity],
            "detectability": [drawn.n_clicks * float((shown * ratio).sum())],
            "oracle": [float((bin_clicks(where) * ratio).sum())],
        }
    return _table(known.TRUTH_SCHEMA, 1, key, **values)


def _table(schema: pa.Schema, n: int, key: dict[str, str], **columns: object) -> pa.Table:
    named = {name: pa.repeat(pa.scalar(word), n) for name, word in key.items()}
    return pa.table({**named, **columns}).select(schema.names).cast(schema)


def _event_ids(number: tuple[int, int], n: int) -> pa.Array:
    """Return ids of 16 hexadecimal digits that look random and never come twice."""
    first = (number[0] << 44) | (number[1] << 28)
    mixed = np.arange(n, dtype=np.uint64) + np.uint64(first)
    # The finaliser of SplitMix64, a bijection of 64-bit numbers.
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    digits = mixed.astype(">u8").tobytes().hex().encode()
    offsets = np.arange(0, 16 * n + 1, 16, dtype=np.int32)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(digits))


def _dates(days: npt.NDArray[np.int64]) -> pa.Array:
    start = (FIRST_DAY - datetime.date(1970, 1, 1)).days
    return pa.array((start + days).astype(np.int32)).cast(pa.date32())


def _layout(config: WorldConfig, number: int) -> Layout:
    family = FAMILIES[number % len(FAMILIES)]
    rng = _generator(config, number, _LAYOUT)
    return draw_layout(rng, f"{family}-{number:03d}", family, config.simulator)


def _generator(config: WorldConfig, *path: int) -> np.random.Generator:
    # SeedSequence takes a missing number at the end for zero: all of a kind have one length.
    return np.random.default_rng(np.random.SeedSequence([config.seed, len(path), *path]))
