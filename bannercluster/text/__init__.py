"""Titles, descriptions, landing pages and OCR -> texts -> embeddings.

``pages``      landing pages reduced to what a visitor reads
``banners``    which banners there are, and what the tables say of them
``compose``    one task: the sources of some hundred banners joined to their texts
``choice``     which network, and the recipe of a row
``parts``      one task: about a thousand texts encoded and staged
``ledger``     the tables beside the store: rows, aliases, rejected
``memory``     what a run takes in memory
``recorded``   what a store remembers of its sources, for more banners
``stage``      the stage: a table of banners in, a committed store out
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.text.stage import TextResult as TextResult
    from bannercluster.text.stage import plan as plan
    from bannercluster.text.stage import run as run

_MODULE_OF = {"TextResult": "stage", "plan": "stage", "run": "stage"}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
