"""Classes for asv: time, peak memory and quality of one thing beside each other, by size.

``cd benchmarks/asv && asv run --python=same --quick`` runs them where asv is installed. Every class
has ``params`` for measuring and ``toy`` for the test that runs all methods; ``bounds`` says between
which values each ``track_`` method must lie.
"""
