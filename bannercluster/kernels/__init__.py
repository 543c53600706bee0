"""Pure array mathematics: no files, no scheduler, no config.

``rows``       stored values -> prepared rows: float32, operand of the product, its error
``stack``      the centres of many k-means runs as one matrix, with the bounds of its rounding
``basis``      a few directions that tell the centres apart
``assign``     nearest centre of each row in each run, as float64 arithmetic would have it
``sums``       exact, order-free sums of rows per cluster
``seeding``    greedy k-means++ of many runs at once
``silhouette`` closed-form silhouettes from per-cluster sums
``native``     the compiled loops under the above (CPU); ``portable`` the same in torch
"""
