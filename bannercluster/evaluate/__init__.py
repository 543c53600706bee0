"""embeddings + models (+ labels) -> a metric table and the chosen model.

``labels``      known groups of banners, joined to the rows
``measure``     two passes over the rows for all models of one normalisation
``contingency`` agreement of clusters with labels: AMI, ARI, V-measure, purity
``heuristics``  the metrics of the users, label by label: recall, sum, product, centre distance
``bootstrap``   replicates of the label metrics, intervals, differences of models
``sampled``     the Euclidean silhouette on a sample
``stability``   models of disjoint halves, on common other rows
``combine``     all of it as the metrics of each model
``choice``      the rule, and why it chose
``label_rows``  the table of the labels
``shown``       tables for people
``memory``      what it takes in memory
``stage``       the stage
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.evaluate.stage import EvaluateResult as EvaluateResult
    from bannercluster.evaluate.stage import plan as plan
    from bannercluster.evaluate.stage import run as run

_MODULE_OF = {"EvaluateResult": "stage", "plan": "stage", "run": "stage"}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
