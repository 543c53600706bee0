"""Embeddings that exist already -> store, and back.

``importing``  the stage ``bc import``: a source in, a committed store out
``exporting``  the stage ``bc export``: a store in, a folder of Parquet files out
``task``       source, store and recipe of an import, and whether they fit
``opening``    which kind of source it is
``sources``    what all kinds of sources have in common
``parquet``    Parquet files as a source
``arrays``     Zarr groups as a source
``own``        stores of bannercluster as a source
``columns``    which column is what: ids, files, days, further ones
``vectors``    a column of vectors, however it is encoded, as a matrix
``blocks``     rows of a source made ready: values as stored, identities, reasons
``digests``    digest -> number, for millions of digests
``decisions``  which row is new, a duplicate, or refused; pure, row after row
``journal``    what an unfinished import has done, on disk
``ledger``     the tables of the next generation
``pipeline``   readings -> blocks in order, on threads
"""
