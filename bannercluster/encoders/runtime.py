"""Importing OpenVINO without its telemetry."""

import sys
from types import ModuleType
from typing import Any, cast


def import_openvino() -> Any:
    """Import ``openvino``; nothing is sent to anyone and no identifier is written to the home.

    ``import openvino`` loads ``openvino_telemetry`` where it is installed and reports the import.
    It has no switch but a file in the user's home, and does without the package if that cannot be
    imported: so it cannot, from here on, in this process.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))
    import openvino

    return openvino
