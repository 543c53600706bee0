"""KMeans of scikit-learn-intelex (oneDAL), fitted as ``sklearn.py`` fits scikit-learn's."""

from __future__ import annotations

import runpy
from pathlib import Path

import sklearn.cluster
from sklearnex.cluster import KMeans

DISTRIBUTIONS = ("scikit-learn-intelex", "daal", "scikit-learn", "numpy")

sklearn.cluster.KMeans = KMeans
prepare = runpy.run_path(str(Path(__file__).with_name("sklearn.py")))["prepare"]
