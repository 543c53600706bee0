"""images -> embeddings.

``listing``    which files there are
``inventory``  which contents they hold
``choice``     which network, and the recipe of a row
``known``      what the store knows already
``parts``      one task: about a thousand contents decoded, encoded and staged
``ledger``     the tables beside the store: rows, aliases, rejected
``memory``     what a run takes in memory
``stage``      the stage: a folder of images in, a committed store out
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.embed.stage import EmbedResult as EmbedResult
    from bannercluster.embed.stage import plan as plan
    from bannercluster.embed.stage import run as run

_MODULE_OF = {"EmbedResult": "stage", "plan": "stage", "run": "stage"}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
