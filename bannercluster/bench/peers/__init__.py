"""``bc bench peers``: the k sweep beside scikit-learn and its kin, on the same rows.

Each peer runs in an environment and a process of its own and takes turns with our sweep.

``catalogue``    who they are
``environments`` a virtual environment for each, made once
``child``        a process that fits what it is asked for; ``scripts/`` is what runs in it
``ours``         our sweep, behind the same script
``rows``         rows and first centres that all get; inertia and labels in float64
``turns``        rounds, agreement, all restarts for the curves
``curves``       inertia against time, all restarts included; ``plot`` draws it
``timings``      ratios of rounds
``results``      what was found, as dataclasses and tables
``stage``        all of it, and the files
"""

from bannercluster.bench.peers.environments import ThisEnvironment
from bannercluster.bench.peers.results import PeersResult
from bannercluster.bench.peers.stage import run

__all__ = ["PeersResult", "ThisEnvironment", "run"]
