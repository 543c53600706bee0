"""The worked tables of the specification: labels x clusters, and centres."""

SPEC = [[2, 3, 0], [2, 0, 1], [0, 1, 1]]
SPEC_CENTRES = [[1, 8], [4, 4], [-2, 12]]
ONE_MORE = [[2, 3, 1], [2, 0, 1], [0, 1, 1]]
CLUSTERING_1 = [[10, 2, 2, 2, 2, 2], [5, 1, 1, 1, 0, 0], [12, 3, 3, 3, 3, 0]]
CLUSTERING_2 = [[8, 4, 4, 4, 0, 0], [3, 3, 2, 0, 0, 0], [9, 6, 6, 3, 0, 0]]
