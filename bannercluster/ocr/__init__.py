"""images -> lines of text.

``wanted``    which contents are to be read, and which were read already
``parts``     one task: some hundred contents decoded, read and written
``memory``    what a run takes in memory
``recorded``  the settings that a table remembers, for more images
``stage``     the stage: contents of the store in, a table of texts out
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.ocr.stage import OcrResult as OcrResult
    from bannercluster.ocr.stage import plan as plan
    from bannercluster.ocr.stage import run as run

_MODULE_OF = {"OcrResult": "stage", "plan": "stage", "run": "stage"}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
