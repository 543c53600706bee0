"""What a comparison found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bannercluster.bench.peers.curves import CurveResult
from bannercluster.bench.peers.timings import Spread
from bannercluster.runtime.plan import Table

Status = Literal["measured", "absent", "failed"]


@dataclass(frozen=True)
class KTime:
    """One restart of one k by a peer: medians over the rounds.

    Parameters
    ----------
    k : int
    wall_s, cpu_s : float
    n_iter : int or None
        None where the peer does not tell.
    """

    k: int
    wall_s: float
    cpu_s: float
    n_iter: int | None


@dataclass(frozen=True)
class Agreement:
    """Centres of a peer and of ours, from the same first centres, judged in float64.

    Parameters
    ----------
    k : int
    inertia_differs : float
        Peer's over ours, minus one.
    labels_differ : float
        Share of the rows whose nearest centre is another one.
    own_labels_differ : float or None
        Share of the rows whose label, as the peer returned it, is not the nearest of its centres;
        None where it returned none.
    """

    k: int
    inertia_differs: float
    labels_differ: float
    own_labels_differ: float | None


@dataclass(frozen=True)
class Timing:
    """Ours and a peer in turns, on the same rows.

    Parameters
    ----------
    n_rows, restarts : int
    ours_s, ours_cpu_s : tuple of float
        All restarts of every k as one sweep, a round each.
    theirs_s, theirs_cpu_s : tuple of float
        One restart of every k, a round each.
    by_k : tuple of KTime
    ratio : Spread
        Of a round: theirs times ``restarts`` (*scaled*), over ours.
    null_ours, null_theirs : float
        Largest ratio of two timings of the same thing.
    ours_load_s, ours_warm_up_s, load_s, warm_up_s, prepare_s : float
        What is not in the timings: reading the rows, a first fit of few rows, and handing the
        rows over (Spark: into the JVM).
    ours_peak_rss_bytes, peak_rss_bytes : int
        Rows included; with child processes.
    """

    n_rows: int
    restarts: int
    ours_s: tuple[float, ...]
    ours_cpu_s: tuple[float, ...]
    theirs_s: tuple[float, ...]
    theirs_cpu_s: tuple[float, ...]
    by_k: tuple[KTime, ...]
    ratio: Spread
    null_ours: float
    null_theirs: float
    ours_load_s: float
    ours_warm_up_s: float
    load_s: float
    warm_up_s: float
    prepare_s: float
    ours_peak_rss_bytes: int
    peak_rss_bytes: int


@dataclass(frozen=True)
class PeerResult:
    """A peer beside ours.

    Parameters
    ----------
    name, title, remark : str
    status : {"measured", "absent", "failed"}
    reason : str
        Why it was not measured.
    python : str
    versions : mapping of str to str
        Of the distributions that matter.
    timing : Timing or None
    agreement, agreement_float64 : tuple of Agreement
        As timed; and with the peer on the rows as float64, where it has no rounding of its own.
    """

    name: str
    title: str
    remark: str
    status: Status
    reason: str = ""
    python: str = ""
    versions: dict[str, str] | None = None
    timing: Timing | None = None
    agreement: tuple[Agreement, ...] = ()
    agreement_float64: tuple[Agreement, ...] = ()


@dataclass(frozen=True)
class PeersResult:
    """Ours beside its peers.

    Parameters
    ----------
    rows : str
        The store, or ``generated``.
    n_rows, slow_rows, n_features, restarts, max_iter, rounds, n_threads, seed : int
    load_average : float
        Of the machine before the first round, over a minute: others that work meanwhile slow down
        libraries whose threads wait for each other more than those whose do not.
    ks : tuple of int
    peers : tuple of PeerResult
    curve : CurveResult or None
    written : tuple of str
        Files.
    """

    rows: str
    n_rows: int
    slow_rows: int
    n_features: int
    ks: tuple[int, ...]
    restarts: int
    max_iter: int
    rounds: int
    n_threads: int
    seed: int
    load_average: float
    peers: tuple[PeerResult, ...]
    curve: CurveResult | None
    written: tuple[str, ...] = ()

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        tables = [self._times(), self._agreement()]
        if self.curve is not None:
            tables.append(_reached(self.curve))
        return tuple(table for table in tables if table.rows)

    def _times(self) -> Table:
        ks = ", ".join(map(str, self.ks))
        title = (
            f"{self.n_features:,} features, k = {ks}, {self.max_iter} iterations, "
            f"{self.n_threads} threads, {self.rounds} rounds; ours: {self.restarts} restarts as "
            f"one sweep; theirs: one restart, scaled to {self.restarts} in the ratio; load of the "
            f"machine before: {self.load_average:.1f}"
        )
        columns = ("peer", "rows", "ours [s]", "theirs [s]", "ratio", "lowest", "highest",
                   "null ours", "null theirs", "")  # fmt: skip
        rows: list[tuple[object, ...]] = []
        for peer in self.peers:
            if peer.timing is None:
                rows.append((peer.title, *[None] * 8, f"{peer.status}: {peer.reason}"))
                continue
            timing = peer.timing
            rows.append(
                (
                    peer.title,
                    timing.n_rows,
                    Spread.of(timing.ours_s).median,
                    Spread.of(timing.theirs_s).median,
                    timing.ratio.median,
                    timing.ratio.lowest,
                    timing.ratio.highest,
                    timing.null_ours,
                    timing.null_theirs,
                    peer.remark,
                )
            )
        return Table(title, columns, tuple(rows))

    def _agreement(self) -> Table:
        rows = [
            (
                f"{peer.title}{kind}",
                one.k,
                f"{one.inertia_differs:+.1e}",
                one.labels_differ,
                one.own_labels_differ,
            )
            for peer in self.peers
            for kind, found in (("", peer.agreement), (", float64", peer.agreement_float64))
            for one in found
        ]
        columns = ("peer", "k", "inertia / ours - 1", "labels differ", "own labels differ")
        return Table("From the same first centres, judged in float64", columns, tuple(rows))


def _reached(curve: CurveResult) -> Table:
    title = f"Time until {curve.threshold:.1%} above the final best of {curve.peer}, all restarts"
    theirs = curve.theirs_s
    rows = tuple(
        (
            search,
            seconds,
            theirs.median if theirs else None,
            ratio.median if ratio else None,
            ratio.lowest if ratio else None,
            ratio.highest if ratio else None,
        )
        for search, seconds, ratio in (
            ("full", curve.ours_s, curve.ratio),
            ("race", curve.race_s, curve.race_ratio),
        )
    )
    columns = ("search", "ours [s]", "theirs [s]", "ratio", "lowest", "highest")
    return Table(title, columns, rows)
