"""The state of a sweep between two iterations, on disk: where it goes on after a kill.

Sums are exact, so a resumed sweep reaches the same centres, labels and inertia, bit for bit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from bannercluster.errors import StoreError
from bannercluster.kmeans.lloyd import Run
from bannercluster.store import files, points

VERSION = 1


@dataclass
class Checkpoint:
    """A file that holds all runs of a sweep.

    Parameters
    ----------
    url : str
    fingerprint : str
        Of the sweep; a file of another sweep is refused.
    every_s : float
        Least time between two writes; the iterations in between are done again after a kill.
    ks : frozenset of int, optional
        The k that are wanted of it: the models of the others exist by now. All by default.
    """

    url: str
    fingerprint: str
    every_s: float = 2.0
    ks: frozenset[int] | None = None
    _written: float = field(default=-np.inf, init=False)

    def save(self, runs: Sequence[Run]) -> None:
        """Write the runs, unless the last write is more recent than ``every_s``."""
        now = time.monotonic()
        if now - self._written < self.every_s:
            return
        arrays: dict[str, np.ndarray] = {}
        states = []
        for run in runs:
            arrays[f"{run.index}.centres"] = run.centres
            if run.sums is not None and run.counts is not None:
                arrays[f"{run.index}.sums"], arrays[f"{run.index}.counts"] = run.sums, run.counts
            states.append(
                {
                    "index": run.index,
                    "k": run.k,
                    "restart": run.restart,
                    "n_iter": run.n_iter,
                    "stopped": run.stopped,
                    "converged": run.converged,
                    "settled": run.settled,
                }
            )
        about = {"version": VERSION, "fingerprint": self.fingerprint, "runs": states}
        files.write_bytes(
            self.url, save(arrays, {"bannercluster": json.dumps(about)}), points.CHECKPOINT
        )
        self._written = now

    def load(self) -> list[Run] | None:
        """Return the wanted runs of an interrupted sweep, or None where they are not all there.

        Raises
        ------
        FormatVersionError, StoreError
            If the file is newer than this code, or damaged.
        """
        try:
            data = files.read_bytes(self.url)
        except FileNotFoundError:
            return None
        try:
            arrays = load(data)
            size = int.from_bytes(data[:8], "little")
            about = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["bannercluster"])
            files.check_version(about["version"], VERSION, f"the checkpoint {self.url}")
            if about["fingerprint"] != self.fingerprint:
                return None
            runs = [
                Run(
                    **state,
                    centres=arrays[f"{state['index']}.centres"],
                    sums=arrays.get(f"{state['index']}.sums"),
                    counts=arrays.get(f"{state['index']}.counts"),
                )
                for state in about["runs"]
                if self.ks is None or state["k"] in self.ks
            ]
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"the checkpoint {self.url} is damaged ({error}): delete it to start anew"
            ) from error

        known = {run.k for run in runs}
        return runs if self.ks is None or known == self.ks else None

    def remove(self) -> None:
        """Remove the file: the sweep has ended."""
        files.remove(self.url, points.CHECKPOINT_GONE)
