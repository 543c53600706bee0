"""One pass over the rows, many reducers.

``segments``  how rows are cut: tiles and segments by global row number, whatever the storage
``sources``   where rows come from: an array, or an embeddings store
``walk``      a pass: read a tile once, assign it once, hand it to every reducer
``reducers``  sums over rows that can be split, merged and finished
``label_tables`` sums over rows with known labels
``memory``    what a process keeps between passes: a cache, never state
"""
