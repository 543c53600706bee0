"""The k-means of other libraries, for parity and comparison: the same card, the same report.

``protocol``  what an engine is asked and what it answers
``loading``   an engine by its name, or what is to be installed for it
``fitting``   all restarts of all k with an engine, settled by the project's own last traversal
``sklearn_engine``, ``dask_ml_engine``, ``cuml_engine``  one library each, imported when named
"""
