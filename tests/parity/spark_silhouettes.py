"""Run by a Python that has pyspark: silhouettes of ClusteringEvaluator, as JSON on stdout.

``spark_silhouettes.py ROWS.npy LABELS.npy`` with (n, n_features) rows and (n_runs, n) labels.
"""

import json
import sys

import numpy as np
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession


def main() -> None:
    rows, labels = np.load(sys.argv[1]), np.load(sys.argv[2])
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    names = [f"run{run}" for run in range(len(labels))]
    table = [
        (Vectors.dense(row.tolist()), *own)
        for row, own in zip(rows, labels.T.tolist(), strict=True)
    ]
    frame = spark.createDataFrame(table, ["features", *names]).cache()
    found = {
        measure: [
            ClusteringEvaluator(predictionCol=name, distanceMeasure=measure).evaluate(frame)
            for name in names
        ]
        for measure in ("squaredEuclidean", "cosine")
    }
    print(json.dumps(found))
    spark.stop()


if __name__ == "__main__":
    main()
