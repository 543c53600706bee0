"""Rows to measure with, under their former name."""

from bannercluster.bench.generators import embedding_rows

__all__ = ["embedding_rows"]
