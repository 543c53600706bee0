"""KMeans of Spark MLlib on ``local[n_threads]``, rows cached in the JVM.

The DataFrame API takes no first centres. ``org.apache.spark.mllib.clustering.KMeans``, which it
calls for its row solver, does: so it is called itself.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from pyspark.mllib.common import _py2java
from pyspark.mllib.linalg import Vectors
from pyspark.sql import SparkSession

DISTRIBUTIONS = ("pyspark", "numpy")

PARTITIONS_A_THREAD = 4


def prepare(rows: np.ndarray, n_threads: int) -> Any:
    """Start Spark (once), hand it the rows and return the fit of them."""
    context = _session(n_threads).sparkContext
    vectors = context.parallelize(
        (Vectors.dense(row) for row in rows.astype(np.float64)), PARTITIONS_A_THREAD * n_threads
    )
    in_java = _py2java(context, vectors).rdd()
    # Else every task of every iteration would carry the pickled rows that the cache came from.
    in_java.localCheckpoint()
    in_java.count()
    jvm: Any = context._jvm

    def fit(inits: list[np.ndarray], max_iter: int, tol: float) -> list[tuple[Any, Any, None]]:
        found = []
        for init in inits:
            first = _py2java(context, [Vectors.dense(row) for row in init.astype(np.float64)])
            model = (
                jvm.org.apache.spark.mllib.clustering.KMeans()
                .setK(len(init))
                .setMaxIterations(max_iter)
                .setEpsilon(tol)
                .setInitialModel(jvm.org.apache.spark.mllib.clustering.KMeansModel(first))
                .run(in_java)
            )
            centres = [json.loads(one.toJson())["values"] for one in model.clusterCenters()]
            found.append((np.array(centres), None, None))
        return found

    return fit


def _session(n_threads: int) -> SparkSession:
    # The JVM holds the rows as float64; it is started once, before their number is known.
    return (
        SparkSession.builder.master(f"local[{n_threads}]")
        .config("spark.driver.memory", "10g")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
