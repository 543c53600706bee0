"""K-means as programs over the rows: all k and all restarts in the same traversals.

``lloyd``      Lloyd's iterations of all runs as one program
``products``   which product a pass takes: of all features or of projections
``sweep``      statistics, seeding, Lloyd, the best restart of each k
``checkpoint`` the state of a sweep between iterations, on disk
"""
