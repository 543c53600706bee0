"""The networks that rapidocr brings along; nothing is ever downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bannercluster.encoders.weights import file_sha256
from bannercluster.errors import EngineError

_DETECTION, _RECOGNITION = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
_INSTALL = "install it: pip install 'bannercluster[ocr]'"


@dataclass(frozen=True)
class FoundModels:
    """Files of the two networks on this machine.

    Parameters
    ----------
    detection, recognition : Path
    """

    detection: Path
    recognition: Path

    def hashes(self) -> tuple[tuple[str, str], ...]:
        """Return name and SHA-256 (hex) of each file."""
        return tuple((path.name, file_sha256(path)) for path in (self.detection, self.recognition))


def find_models() -> FoundModels:
    """Find the networks without loading anything.

    Raises
    ------
    EngineError
        If rapidocr, OpenCV or one of the networks is not installed.
    """
    for module, name in (("cv2", "OpenCV"), ("rapidocr", "rapidocr")):
        if find_spec(module) is None:
            raise EngineError(f"reading text takes {name}, which is not installed: {_INSTALL}")
    package = find_spec("rapidocr")
    if package is None or package.origin is None:
        raise EngineError(f"rapidocr is here without its files; {_INSTALL}")
    folder = Path(package.origin).parent / "models"
    for name in (_DETECTION, _RECOGNITION):
        if not (folder / name).is_file():
            raise EngineError(
                f"the network {name} is not in {folder}; expected the one that rapidocr 3.10 "
                f"brings along (nothing is downloaded): {_INSTALL}"
            )
    return FoundModels(folder / _DETECTION, folder / _RECOGNITION)
