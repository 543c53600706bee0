"""Networks exported once to OpenVINO's files (IR), for later processes to load without torch."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from bannercluster.encoders.runtime import import_openvino
from bannercluster.encoders.spec import ModelFacts
from bannercluster.encoders.weights import FoundWeights, file_sha256
from bannercluster.errors import StoreError
from bannercluster.store.points import NETWORK, reached

IR_VERSION = 1
"""Raise when the export changes: files of other versions are then left alone and made anew."""

_FILES = ("model.xml", "model.bin")


def library_versions(*names: str) -> dict[str, str]:
    """Installed versions, read from metadata: nothing is imported."""
    return {name: metadata.version(name) for name in names}


def cached_ir(facts: ModelFacts, found: FoundWeights, cache_dir: str) -> Path:
    """Path of the exported network in the cache, exporting it first where it is not there.

    The network takes uint8 (n, h, w, 3) of any n, h, w and normalises them itself. The folder is
    named by the hash of all that goes into it, filled under another name and renamed when it is
    whole, so that a killed process leaves nothing that would be read. It is checked against the
    hashes it carries. One process exports; others wait for it.

    Returns
    -------
    Path
        Of ``model.xml``, with ``model.bin`` beside it.
    """
    folder, recipe = _place(facts, found, cache_dir)
    return exported_once(folder, recipe, lambda: _convert(facts, found))


def exported_once(folder: Path, recipe: Mapping[str, Any], convert: Callable[[], Any]) -> Path:
    """Path of ``model.xml`` in a folder of :func:`exported_files`, converting it where it is not.

    Parameters
    ----------
    folder : Path
    recipe : mapping
        All that goes into the network; kept in the card.
    convert : callable
        Makes OpenVINO's model.
    """
    if _is_whole(folder):
        return folder / _FILES[0]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _exclusive(folder.parent / f".{folder.name}.lock"):
        if not _is_whole(folder):
            _export_into(folder, recipe, convert)
    return folder / _FILES[0]


def is_exported(facts: ModelFacts, found: FoundWeights, cache_dir: str) -> bool:
    """Whether the exported network lies in the cache, by its names alone."""
    return files_are_there(_place(facts, found, cache_dir)[0])


def files_are_there(folder: Path) -> bool:
    """Whether the files of an exported network lie in a folder, by their names alone."""
    return all((folder / name).is_file() for name in _FILES)


def exported_files(name: str, recipe: Mapping[str, Any], cache_dir: str) -> Path:
    """Return the folder of an exported network, named by the hash of all that goes into it."""
    key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:24]
    return Path(cache_dir).expanduser() / "openvino-ir" / f"{name}-{key}"


def _place(facts: ModelFacts, found: FoundWeights, cache_dir: str) -> tuple[Path, dict[str, Any]]:
    """Return the folder of an exported network, and all that goes into it."""
    recipe = {
        "ir_version": IR_VERSION,
        "timm_name": facts.timm_name,
        "weights_sha256": found.sha256,
        "mean": facts.mean,
        "std": facts.std,
        "fixed_size": facts.input_size if facts.fixed_input_size else None,
        "versions": library_versions("openvino", "timm", "torch"),
        **({} if facts.output == "pooled" else {"output": facts.output}),
    }
    return exported_files(facts.model, recipe, cache_dir), recipe


def _is_whole(folder: Path) -> bool:
    try:
        card = json.loads((folder / "card.json").read_text())
        return all(file_sha256(folder / name) == card["sha256"][name] for name in _FILES)
    except (OSError, ValueError, KeyError):
        return False


def _export_into(folder: Path, recipe: Mapping[str, Any], convert: Callable[[], Any]) -> None:
    reached(NETWORK, "before", str(folder))
    for left in folder.parent.glob(f".{folder.name}.*"):
        if left.is_dir():  # of an export that was killed: its lock is ours now
            shutil.rmtree(left)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        model = convert()
        try:
            import_openvino().save_model(model, temporary / _FILES[0], compress_to_fp16=False)
        except (OSError, RuntimeError) as error:  # OpenVINO's own for a disk that is full
            raise StoreError(
                f"cannot write the exported network to {folder.parent} "
                f"({' '.join(str(error).split())}): make room, or name another folder with --cache"
            ) from error
        hashes = {name: file_sha256(temporary / name) for name in _FILES}
        (temporary / "card.json").write_text(json.dumps({**recipe, "sha256": hashes}, indent=1))
        for path in temporary.iterdir():
            _sync(path)
        reached(NETWORK, "written", str(temporary))
        if folder.exists():  # damaged: `_is_whole` has just said so
            shutil.rmtree(folder)
        temporary.rename(folder)
        _sync(folder.parent)
        reached(NETWORK, "after", str(folder))
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _convert(facts: ModelFacts, found: FoundWeights) -> Any:
    import torch

    from bannercluster.encoders.network import build_network
    from bannercluster.encoders.outputs import with_output

    ov = import_openvino()
    from openvino.preprocess import PrePostProcessor

    size = facts.input_size
    network = with_output(build_network(facts, found), facts.output)
    with warnings.catch_warnings():
        # OpenVINO traces with torch.jit, which torch has deprecated, and the tracer warns of
        # Python branches over shapes. Tests compare the result with torch at many shapes.
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", r"`?torch\.jit", category)
        warnings.filterwarnings("ignore", category=torch.jit._trace.TracerWarning)
        model = ov.convert_model(network, example_input=torch.zeros(1, 3, size, size))
    model.reshape([-1, 3, size, size] if facts.fixed_input_size else [-1, 3, -1, -1])
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(ov.Type.f32).mean(
        [255 * value for value in facts.mean]
    ).scale([255 * value for value in facts.std])
    return steps.build()


@contextmanager
def _exclusive(lock: Path) -> Iterator[None]:
    """Hold a lock that the system takes back when its holder dies."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
