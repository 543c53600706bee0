"""Ours and one peer in turns: ours, the peer, ours, the peer, each in a process of its own."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bannercluster.bench.peers import curves
from bannercluster.bench.peers.catalogue import OURS, Peer
from bannercluster.bench.peers.child import Child, PeerError
from bannercluster.bench.peers.results import Agreement, KTime, PeerResult, Timing
from bannercluster.bench.peers.rows import SharedRows, inertia_of_all, judge
from bannercluster.bench.peers.timings import ratios
from bannercluster.bench.results import null_ratio
from bannercluster.config import PeersConfig
from bannercluster.errors import BannerclusterError


class OursError(BannerclusterError):
    """Our own sweep could not be timed."""


@dataclass(frozen=True)
class Turns:
    """What is needed to time peers beside ours.

    Parameters
    ----------
    config : PeersConfig
    n_threads : int
    scratch : Path
        Folder for centres and labels.
    done : callable
        Told after every round what was done.
    """

    config: PeersConfig
    n_threads: int
    scratch: Path
    done: Callable[[str], None]

    @property
    def runs(self) -> list[tuple[int, int]]:
        """Every (k, restart), by k."""
        return [(k, restart) for k in self.config.k for restart in range(self.config.restarts)]

    def measure(self, peer: Peer, python: Path, shared: SharedRows) -> PeerResult:
        """Time a peer beside ours and compare their centres.

        Raises
        ------
        PeerError
            If the peer ends or does not answer.
        OursError
            If ours does.
        """
        one_restart = [[(k, 0)] for k in self.config.k]
        own: list[dict[str, Any]] = []
        theirs: list[dict[str, Any]] = []
        exact: dict[str, Any] | None = None
        with self._peer(peer, python) as child:
            told = child.load(shared.rows, shared.n_rows, self.n_threads)
            with self._ours() as ours:
                started = ours(lambda one: one.load(shared.rows, shared.n_rows, self.n_threads))
                for number in range(self.config.rounds):
                    own.append(ours(lambda one: self._fit(one, [self.runs], shared, "ours")))
                    theirs.append(self._fit(child, one_restart, shared, peer.name))
                    self.done(f"{peer.title}, round {number + 1}")
            # When ours is gone: the rows as float64 take twice the memory.
            if peer.exact:
                exact = self._fit(child, one_restart, shared, f"{peer.name}-64", "float64")
                self.done(f"{peer.title}, float64")
        rows = shared.values()
        mine = {
            one["k"]: judge(rows, np.load(one["centres"]))
            for one in own[-1]["jobs"][0]["fits"]
            if one["restart"] == 0
        }
        return PeerResult(
            peer.name,
            peer.title,
            peer.remark,
            "measured",
            python=told["python"],
            versions=told["versions"],
            timing=self._timing(shared.n_rows, own, theirs, started, told),
            agreement=_agreement(rows, mine, theirs[-1]),
            agreement_float64=() if exact is None else _agreement(rows, mine, exact),
        )

    def curve(self, peer: Peer, python: Path, shared: SharedRows) -> curves.CurveResult:
        """Time all restarts of a peer, and every iteration of ours, for the anytime curves."""
        with self._ours() as ours:
            ours(lambda one: one.load(shared.rows, shared.n_rows, self.n_threads))
            passed = [
                ours(lambda one: self._fit(one, [self.runs], shared, "path", call="trajectory"))
                for _ in range(self.config.rounds)
            ]
            raced = ours(lambda one: self._fit(one, [self.runs], shared, "race", call="race"))
        self.done("ours, every iteration")
        with self._peer(peer, python) as child:
            child.load(shared.rows, shared.n_rows, self.n_threads)
            found = self._fit(child, [[run] for run in self.runs], shared, f"{peer.name}-all")
        self.done(f"{peer.title}, all restarts")
        rows = shared.values()
        first = [np.load(shared.init[k])[restart] for k, restart in self.runs]
        steps = [np.concatenate(first), *(np.load(path) for path in passed[-1]["centres"])]
        sizes = [k for k, _ in self.runs]
        inertia = np.stack([inertia_of_all(rows, centres, sizes) for centres in steps])
        fits = [job["fits"][0] for job in found["jobs"]]
        ended = np.concatenate([np.load(one["centres"]) for one in fits])
        led = np.stack(
            [inertia_of_all(rows, np.load(path), raced["ks"]) for path in raced["centres"]]
        )
        self.done("anytime curves")
        return curves.compare(
            peer.title,
            shared.n_rows,
            curves.Path(tuple(self.runs), inertia),
            np.median([one["seconds"] for one in passed], axis=0).tolist(),
            [job["wall_s"] for job in found["jobs"]],
            [one["n_iter"] for one in fits],
            inertia_of_all(rows, ended, sizes).tolist(),
            curves.Led(tuple(raced["ks"]), tuple(raced["seconds"]), led),
        )

    def _fit(
        self,
        child: Child,
        jobs: Sequence[Sequence[tuple[int, int]]],
        shared: SharedRows,
        name: str,
        dtype: str = "float32",
        call: str = "fit",
    ) -> dict[str, Any]:
        return child.fit(
            jobs,
            shared.init,
            self.scratch / name,
            max_iter=self.config.max_iter,
            dtype=dtype,
            call=call,
        )

    def _peer(self, peer: Peer, python: Path) -> Child:
        return Child(
            python,
            peer.path,
            n_threads=1 if peer.threads_by_itself else self.n_threads,
            scratch=self.scratch,
            isolated=True,
            timeout_s=self.config.timeout_s,
        )

    def _ours(self) -> _Ours:
        return _Ours(
            Child(
                Path(sys.executable),
                OURS,
                n_threads=self.n_threads,
                scratch=self.scratch,
                isolated=False,
                timeout_s=self.config.timeout_s,
            )
        )

    def _timing(
        self,
        n_rows: int,
        own: list[dict[str, Any]],
        theirs: list[dict[str, Any]],
        started: dict[str, Any],
        told: dict[str, Any],
    ) -> Timing:
        ours_s = tuple(one["jobs"][0]["wall_s"] for one in own)
        theirs_s = tuple(sum(job["wall_s"] for job in one["jobs"]) for one in theirs)
        by_k = tuple(
            KTime(
                k,
                statistics.median(one["jobs"][place]["wall_s"] for one in theirs),
                statistics.median(one["jobs"][place]["cpu_s"] for one in theirs),
                theirs[-1]["jobs"][place]["fits"][0]["n_iter"],
            )
            for place, k in enumerate(self.config.k)
        )
        return Timing(
            n_rows,
            self.config.restarts,
            ours_s,
            tuple(one["jobs"][0]["cpu_s"] for one in own),
            theirs_s,
            tuple(sum(job["cpu_s"] for job in one["jobs"]) for one in theirs),
            by_k,
            ratios(ours_s, theirs_s, self.config.restarts),
            null_ratio(ours_s),
            null_ratio(theirs_s),
            started["load_s"],
            started["warm_up_s"],
            told["load_s"],
            told["warm_up_s"],
            told["prepare_s"],
            own[-1]["peak_rss_bytes"],
            theirs[-1]["peak_rss_bytes"],
        )


@dataclass(frozen=True)
class _Ours:
    """Our own process: its end is an error of the comparison, not of a peer."""

    child: Child

    def __enter__(self) -> Callable[[Callable[[Child], dict[str, Any]]], dict[str, Any]]:
        return self._answer

    def __exit__(self, *_: object) -> None:
        self.child.close()

    def _answer(self, ask: Callable[[Child], dict[str, Any]]) -> dict[str, Any]:
        try:
            return ask(self.child)
        except PeerError as error:
            raise OursError(f"our own sweep could not be timed: {error}") from error


def _agreement(
    rows: np.ndarray, mine: dict[int, tuple[np.ndarray, float]], theirs: dict[str, Any]
) -> tuple[Agreement, ...]:
    found = []
    for job in theirs["jobs"]:
        (one,) = job["fits"]
        labels, inertia = judge(rows, np.load(one["centres"]))
        own_labels, own_inertia = mine[one["k"]]
        told = None if one["labels"] is None else np.load(one["labels"])
        found.append(
            Agreement(
                one["k"],
                inertia / own_inertia - 1.0,
                float(np.mean(labels != own_labels)),
                None if told is None else float(np.mean(told != labels)),
            )
        )
    return tuple(found)
