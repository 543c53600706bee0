"""Sentence encoders: the vectors of the library, the same bits alone and among others."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from bannercluster.encoders.engines import resolve_engine
from bannercluster.encoders.processor import cpu_has_bfloat16
from bannercluster.encoders.sentences import SentenceSpec, describe_sentences, load_sentences
from bannercluster.encoders.sentences import folder as folders
from bannercluster.errors import UsageError, WeightsError

PACKAGED = "all-MiniLM-L6-v2"
TEXTS = [
    "cheap flights to Rome",
    "",
    "50 % off all running shoes, free delivery within two days",
    "Sommerschlussverkauf: bis zu 50 % auf alles",
    "Скидки до 50 процентов",
    "تخفيضات كبيرة",
    "\U0001f389",
    "<script>alert('x')</script>",
    "a",
    "insurance " * 300,
    "title\ndescription",
]


@pytest.fixture(scope="module")
def load(cache_dir):
    def load(model=PACKAGED, engine="openvino", precision="float32", threads=2):
        spec = SentenceSpec(str(model), engine, precision, "cpu")
        return load_sentences(spec, threads=threads, cache_dir=cache_dir)

    return load


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """A tiny BERT with random weights in the layout of sentence-transformers."""
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=30_522, hidden_size=12, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=40,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = BertModel(config)
    folder = tmp_path_factory.mktemp("models") / "tiny model"
    (folder / "1_Pooling").mkdir(parents=True)
    save_file({key: value.contiguous() for key, value in network.state_dict().items()},
              folder / "model.safetensors", metadata={"format": "pt"})  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config.to_dict() | {"model_type": "bert"}))
    packaged = describe_sentences(PACKAGED).path
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copy(packaged / name, folder / name)
    _write(folder / "modules.json", [_module("Transformer", ""), _module("Pooling", "1_Pooling")])
    pooling = {"word_embedding_dimension": 12, "pooling_mode_mean_tokens": True}
    _write(folder / "1_Pooling" / "config.json", pooling)
    return folder


def _module(kind, path):
    return {
        "idx": len(path),
        "name": kind,
        "path": path,
        "type": f"sentence_transformers.models.{kind}",
    }


def _write(path: Path, value) -> None:
    path.write_text(json.dumps(value))


def _library(folder: Path, texts) -> np.ndarray:
    library = pytest.importorskip("sentence_transformers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = library.SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        return model.encode(texts, show_progress_bar=False)


def test_vectors_are_those_of_the_library(load):
    encoder = load()
    found = encoder.encode(TEXTS).vectors
    assert np.abs(found - _library(encoder.folder.path, TEXTS)).max() < 1e-5
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "mean_sqrt_len_tokens"])
def test_any_folder_and_pooling(tiny, tmp_path, load, pooling):
    folder = shutil.copytree(tiny, tmp_path / pooling)
    words = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens"}
    config = {"word_embedding_dimension": 12, f"pooling_mode_{words.get(pooling, pooling)}": True}
    _write(folder / "1_Pooling" / "config.json", config)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": 9, "do_lower_case": False})
    encoder = load(folder)
    assert (encoder.folder.pooling, encoder.folder.max_tokens) == (pooling, 9)
    assert not encoder.folder.normalize
    found = encoder.encode(TEXTS)
    assert found.vectors.shape == (len(TEXTS), 12)
    assert np.abs(found.vectors - _library(folder, TEXTS)).max() < 1e-5
    # A later form of the same file.
    _write(
        folder / "1_Pooling" / "config.json", {"embedding_dimension": 12, "pooling_mode": pooling}
    )
    assert describe_sentences(str(folder)).pooling == pooling


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_the_same_bits_alone_and_among_others(load, engine):
    texts = [*TEXTS, *(f"{'word ' * n}{n}" for n in range(40))]
    together = load(engine=engine).encode(texts).vectors
    alone = np.concatenate([load(engine=engine).encode([text]).vectors for text in texts])
    assert np.array_equal(together, alone)
    backwards = load(engine=engine, threads=1).encode(texts[::-1]).vectors[::-1]
    assert np.array_equal(together, backwards)


def test_engines_agree(load):
    openvino, torch = (load(engine=one).encode(TEXTS).vectors for one in ("openvino", "torch"))
    assert np.abs(openvino - torch).max() < 1e-5


def test_bfloat16_is_near(load):
    if not cpu_has_bfloat16():
        pytest.skip("this processor does not multiply bfloat16")
    exact, near = load().encode(TEXTS), load(precision="bfloat16").encode(TEXTS)
    assert ((exact.vectors * near.vectors).sum(axis=1) > 0.99).all()
    assert not np.array_equal(exact.vectors, near.vectors)
    assert resolve_engine("openvino", "bfloat16", "cpu").precision == "bfloat16"


def test_what_the_model_reads(load):
    long = "insurance " * 300
    found = load().encode(["two words", long, "insurance " * 254, "ลดราคา 50 %", "買 一", ""])
    assert found.n_tokens.tolist()[:3] == [4, 302, 256]
    assert found.truncated.tolist() == [False, True, False, False, False, False]
    assert np.array_equal(found.vectors[1], found.vectors[2])  # what lies behind is not read
    assert found.unknown_share[0] == 0
    assert found.unknown_share[3] == pytest.approx(1 / 3)
    assert found.unknown_share[5] == 0


def test_a_prompt_stands_before_every_text(tiny, tmp_path, load):
    folder = shutil.copytree(tiny, tmp_path / "prompted")
    prompts = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    _write(folder / "config_sentence_transformers.json", prompts)
    with_prompt = load(folder).encode(["shoes"]).vectors
    assert np.array_equal(with_prompt, load(tiny).encode(["query: shoes"]).vectors)
    assert not np.array_equal(with_prompt, load(tiny).encode(["shoes"]).vectors)


def test_weights_are_never_random(tiny, tmp_path, load):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny, tmp_path / "half")
    state = load_file(folder / "model.safetensors")
    state.pop("encoder.layer.1.output.dense.weight")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"1 missing \['encoder.layer.1.output.dense.weight'\]"):
        load(folder)
    (folder / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load(folder)


def test_models_that_are_not_here(tiny, tmp_path, monkeypatch):
    with pytest.raises(WeightsError, match="cache of the hub has no sentence-transformers/absent"):
        describe_sentences("absent")
    with pytest.raises(WeightsError, match=r"modules\.json cannot be read"):
        describe_sentences(str(tmp_path))
    folder = shutil.copytree(tiny, tmp_path / "changed")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(WeightsError, match=r"has no tokenizer\.json"):
        describe_sentences(str(folder))
    shutil.copy(tiny / "tokenizer.json", folder)
    modules = [_module("Transformer", ""), _module("Pooling", "1_Pooling"), _module("Dense", "x")]
    _write(folder / "modules.json", modules)
    with pytest.raises(UsageError, match="made of Transformer, Pooling, Dense"):
        describe_sentences(str(folder))
    _write(folder / "modules.json", modules[:2])
    _write(folder / "1_Pooling" / "config.json", {"pooling_mode": "lasttoken"})
    with pytest.raises(UsageError, match="pools by lasttoken; expected one of mean"):
        describe_sentences(str(folder))
    monkeypatch.setattr(folders, "_PACKAGE", "no_such_package")
    with pytest.raises(WeightsError, match="Three ways out"):
        describe_sentences(PACKAGED)
