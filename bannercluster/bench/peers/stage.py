"""``bc bench peers``: rows, environments, turns, curves, files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from bannercluster.bench.peers.catalogue import NAMES, PEERS, Peer
from bannercluster.bench.peers.child import PeerError
from bannercluster.bench.peers.curves import CurveResult
from bannercluster.bench.peers.environments import Absent, Environments, OwnEnvironments
from bannercluster.bench.peers.plot import curve_plot
from bannercluster.bench.peers.results import PeerResult, PeersResult
from bannercluster.bench.peers.rows import SharedRows, share, write_rows
from bannercluster.bench.peers.turns import Turns
from bannercluster.bench.results import record, save
from bannercluster.config import PeersConfig, Settings
from bannercluster.errors import UsageError
from bannercluster.runtime.memory import worker_count
from bannercluster.runtime.progress import Progress
from bannercluster.store import files, points

CURVE_PEER = "sklearn"
"""Whose restarts are all timed, for the anytime curves."""


def run(
    settings: Settings, *, progress: Progress, environments: Environments | None = None
) -> PeersResult:
    """Measure ours beside its peers, and write ``peers.json`` and ``peers.svg``.

    Parameters
    ----------
    settings : Settings
        ``settings.peers``; the environments lie below ``paths.cache``; ``runtime.workers`` is the
        number of threads of everyone.
    progress : Progress
    environments : Environments, optional
        Where peers run; each in its own by default.

    Returns
    -------
    PeersResult
        A peer that cannot be had here is *absent*, one that breaks is *failed*, with the reason.

    Raises
    ------
    UsageError
        If a peer is unknown.
    DataError
        If there are fewer rows than asked for, or than k.
    StoreError
        If the results cannot be written.
    """
    config = replace(settings.peers, k=tuple(dict.fromkeys(settings.peers.k)))
    peers = _chosen(config)
    if environments is None:
        environments = OwnEnvironments(Path(settings.paths.cache).expanduser() / "peers")
    with tempfile.TemporaryDirectory(prefix="bannercluster-peers-") as scratch:
        progress.start("bench peers", _n_steps(config, peers), "steps")
        result = _measure(
            config,
            peers,
            environments,
            worker_count(settings.runtime),
            Path(scratch),
            lambda note: progress.advance(1, note),
        )
    progress.finish()
    return _written(result, config.out)


def _chosen(config: PeersConfig) -> tuple[Peer, ...]:
    unknown = [name for name in config.names if name not in NAMES]
    if unknown or not config.names:
        got = f"{' '.join(unknown)}: no such peer" if unknown else "names nobody"
        raise UsageError(f"--peers {got}; expected some of {', '.join(NAMES)}")
    return tuple(peer for peer in PEERS if peer.name in config.names)


def _n_steps(config: PeersConfig, peers: tuple[Peer, ...]) -> int:
    rounds = sum(1 + config.rounds + peer.exact for peer in peers)
    return 1 + rounds + (3 if _with_curve(config, peers) else 0)


def _with_curve(config: PeersConfig, peers: tuple[Peer, ...]) -> bool:
    return config.curve and any(peer.name == CURVE_PEER for peer in peers)


def _measure(
    config: PeersConfig,
    peers: tuple[Peer, ...],
    environments: Environments,
    n_threads: int,
    scratch: Path,
    done: Callable[[str], None],
) -> PeersResult:
    slow_rows, load_average = min(config.slow_rows, config.rows), os.getloadavg()[0]
    rows = write_rows(scratch, config.rows, config.features, config.seed, config.store)
    shared = {
        n_rows: share(scratch, rows, n_rows, config.k, config.restarts, config.seed)
        for n_rows in {config.rows, slow_rows}
    }
    done("rows")
    turns = Turns(config, n_threads, scratch, done)
    results: list[PeerResult] = []
    curve: CurveResult | None = None
    for peer in peers:
        python = environments.python_of(peer)
        done(f"{peer.title}, environment")
        if isinstance(python, Absent):
            results.append(PeerResult(peer.name, peer.title, peer.remark, "absent", python.reason))
            continue
        own = shared[slow_rows if peer.slow else config.rows]
        try:
            found = turns.measure(peer, python, own)
        except PeerError as error:
            found = PeerResult(peer.name, peer.title, peer.remark, "failed", str(error))
        if found.timing is not None and peer.name == CURVE_PEER and config.curve:
            try:
                curve = turns.curve(peer, python, own)
            except PeerError as error:
                found = replace(found, reason=f"no curve: {error}")
        results.append(found)
    return PeersResult(
        config.store or "generated",
        config.rows,
        slow_rows,
        _n_features(shared[config.rows]),
        config.k,
        config.restarts,
        config.max_iter,
        config.rounds,
        n_threads,
        config.seed,
        load_average,
        tuple(results),
        curve,
    )


def _n_features(shared: SharedRows) -> int:
    rows: np.ndarray = shared.values()
    return int(rows.shape[1])


def _written(result: PeersResult, folder: str) -> PeersResult:
    figures = files.join(folder, "peers.json")
    written = [figures]
    if result.curve is not None:
        written.append(files.join(folder, "peers.svg"))
        files.write_bytes(written[-1], curve_plot(result.curve).encode(), points.BENCH)
    whole = replace(result, written=tuple(written))
    document = asdict(result)
    document.pop("written")  # paths of this machine
    save(figures, record("peers", document))
    return whole
