import pytest

from bannercluster.encoders import engines, processor, resolve_engine
from bannercluster.errors import EngineError, UsageError


@pytest.fixture
def machine(monkeypatch):
    def set_up(flags: set[str], n_cuda: int = 0, has_openvino: bool = True):
        monkeypatch.setattr(processor, "cpu_flags", lambda: frozenset(flags))
        monkeypatch.setattr(engines, "_n_cuda_devices", lambda: n_cuda)
        monkeypatch.setattr(engines, "find_spec", lambda name: object() if has_openvino else None)

    return set_up


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ({"avx2"}, "float32"),
        ({"avx512f", "avx2"}, "float32"),
        ({"avx512f", "avx512_bf16"}, "bfloat16"),
        ({"amx_bf16"}, "bfloat16"),
        (set(), "float32"),
    ],
)
def test_auto_on_a_cpu(machine, flags, precision):
    machine(flags)
    chosen = resolve_engine()
    assert chosen[:3] == ("openvino", precision, "cpu")
    assert "no CUDA device" in chosen.reason
    assert precision in chosen.reason
    assert resolve_engine("torch")[:3] == ("torch", precision, "cpu")
    assert resolve_engine(precision="float32").precision == "float32"


@pytest.mark.parametrize(
    ("capability", "precision"), [((9, 0), "bfloat16"), ((8, 0), "bfloat16"), ((7, 5), "float32")]
)
def test_auto_with_cuda(machine, monkeypatch, capability, precision):
    import torch

    machine({"avx512_bf16"}, n_cuda=2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: capability)
    assert resolve_engine()[:3] == ("torch", precision, "cuda:0")
    assert resolve_engine(device="cuda:1").device == "cuda:1"
    assert resolve_engine(device="cpu")[:3] == ("openvino", "bfloat16", "cpu")
    assert resolve_engine("openvino").device == "cpu"
    if precision == "float32":
        with pytest.raises(EngineError, match=r"capability 7\.5"):
            resolve_engine(precision="bfloat16", device="cuda")
    with pytest.raises(EngineError, match="2 CUDA devices"):
        resolve_engine(device="cuda:2")


def test_an_explicit_choice_is_never_replaced(machine):
    machine({"avx2"})
    with pytest.raises(EngineError, match="0 CUDA devices"):
        resolve_engine(device="cuda")
    with pytest.raises(EngineError, match="neither"):
        resolve_engine(precision="bfloat16")
    with pytest.raises(EngineError, match="runs on the CPU"):
        resolve_engine("openvino", device="cuda:0")
    machine({"avx2"}, has_openvino=False)
    with pytest.raises(EngineError, match="not installed"):
        resolve_engine("openvino")
    auto = resolve_engine()
    assert auto.engine == "torch"
    assert "openvino is not installed" in auto.reason


@pytest.mark.parametrize(
    "words", [{"engine": "onnx"}, {"precision": "int8"}, {"device": "tpu"}, {"device": "cpu:1"}]
)
def test_unknown_words(words):
    with pytest.raises(UsageError, match="expected"):
        resolve_engine(**words)


def test_this_machine_resolves():
    assert resolve_engine(device="cpu").engine == "openvino"
