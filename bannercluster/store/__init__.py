"""What lies on disk, and how it gets there whole. The only package that touches files.

``files``       atomic reads and writes under any fsspec URL
``fingerprint`` names by content
``tables``      Parquet with a schema version
``embeddings``  the embeddings store: a Zarr v3 group and the tables beside it
``parts``       what one task computes: named by its contents, found again by its name
``staging``     finished parts that are not committed yet
``assignments`` the cluster of every banner
``aliases``     file or banner id -> content -> row
``commit``      parts -> store, in one visible step
"""
