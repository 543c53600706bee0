"""Silhouettes are those of Spark MLlib's ClusteringEvaluator, where Java and pyspark are there.

pyspark may live in an environment of its own: BC_SPARK_PYTHON names its Python.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bannercluster.kernels.rows import Recipe, prepare
from bannercluster.kernels.stack import Stack
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.reducers import Labels
from bannercluster.traverse.silhouettes import ClusterMoments, Silhouettes
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Assignment, Pass, Walker

from .helpers import blobs

_SCRIPT = Path(__file__).with_name("spark_silhouettes.py")


@pytest.fixture(scope="module")
def spark_python():
    """A Python that imports pyspark, where there is Java to run Spark with."""
    if shutil.which("java") is None:
        pytest.skip("there is no java on the path: Spark runs on it")
    python = os.environ.get("BC_SPARK_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import pyspark"], capture_output=True).returncode:
        pytest.skip(
            f"{'BC_SPARK_PYTHON' if 'BC_SPARK_PYTHON' in os.environ else 'this Python'} cannot "
            f"import pyspark; set BC_SPARK_PYTHON to a Python of an environment that has pyspark "
            f"and numpy"
        )
    return python


def _ours(x, stack):
    with ThreadExecutor(2) as executor:
        walker = Walker(ArraySource(x), executor)
        job = Pass("m", stack.recipe, (ClusterMoments(stack), Labels()), Assignment(stack))
        moments, labels = walker.run(job)
        found = {}
        for precision in (None, "float32", "split"):
            reducer = Silhouettes(stack, moments, precision=precision)
            (sums,) = walker.run(Pass("s", stack.recipe, (reducer,), Assignment(stack)))
            found[precision] = sums
    return found, labels.joined()


def _theirs(python, folder, x, labels):
    np.save(folder / "rows.npy", x.astype(np.float64))
    np.save(folder / "labels.npy", labels.astype(np.int64))
    command = [python, str(_SCRIPT), str(folder / "rows.npy"), str(folder / "labels.npy")]
    env = {**os.environ, "PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("normalize", ["none", "l2"])
def test_silhouettes(spark_python, tmp_path, normalize):
    x = blobs(1500, 64, 8, spread=0.4) + np.float32(3)
    recipe = Recipe(normalize)
    seen = prepare(x, recipe).x.numpy()
    rng = np.random.default_rng(0)
    centres = [seen[rng.choice(1500, k)].astype(np.float64) for k in (2, 5, 15)]
    centres[1][2] = 1e3  # stays empty
    found, labels = _ours(x, Stack.of(centres, recipe))
    spark = _theirs(spark_python, tmp_path, seen, labels)
    for precision, sums in found.items():
        for name, values in (("squaredEuclidean", sums.euclidean), ("cosine", sums.cosine)):
            # Half the squared distance of unit rows is their cosine distance.
            gap = np.abs(values / len(x) - spark[name]).max()
            print(f"{normalize}, {precision or 'chosen'}, {name}: largest difference {gap:.1e}")
            assert gap < (1e-6 if precision != "split" else 1e-4)
