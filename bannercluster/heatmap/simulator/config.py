"""The numbers of the simulator. They were committed before anything was trained or tuned on it."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class SimulatorConfig:
    """What healthy and broken banners are like. Lengths are shares of the slot.

    Parameters
    ----------
    weight_spread : float
        Standard deviation of the log weights of the elements of a layout, from grid to grid.
    domain_spread : float
        The same from domain to domain on one grid: other users, other ads.
    day_spread : float
        Standard deviation of a day's step of the random walk of the log weights.
    n_days : int
        Days over which the clicks of a domain are gathered.
    jitter : float
        Standard deviation of a domain's shift, in each axis, and of each element's own.
    background : (float, float)
        Share of clicks that are spread over the whole slot, log-uniform.
    mobile_share : (float, float)
        Parameters of the beta law of the share of clicks made with fingers.
    mobile_blur : float
        How much wider fingers scatter than pointers.
    mobile_spread : float
        Standard deviation of the log weights of the elements, for fingers against pointers.
    share : (float, float)
        Share of clicks of a broken banner that its fault touches, uniform.
    references, reference_clicks
        Known-healthy domains of a grid, and the range of their clicks, log-uniform.
    """

    weight_spread: float = 0.5
    domain_spread: float = 0.3
    day_spread: float = 0.05
    n_days: int = 14
    jitter: float = 0.01
    background: Range = (0.02, 0.40)
    mobile_share: Range = (2.0, 2.0)
    mobile_blur: float = 1.4
    mobile_spread: float = 0.2
    share: Range = (0.05, 1.0)
    squeeze: Range = (0.3, 0.8)
    overflow: Range = (1.1, 2.0)
    offset: Range = (0.05, 0.30)
    dead_area: Range = (0.05, 0.50)
    overlay_sd: Range = (0.005, 0.02)
    edge_band: Range = (0.01, 0.04)
    corner_sd: Range = (0.01, 0.03)
    lattice_step: Range = (0.04, 0.15)
    burst_clicks: Range = (5, 30)
    burst_sd: float = 0.004
    references: int = 20
    reference_clicks: Range = (5_000, 100_000)
