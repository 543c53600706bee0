import pickle
import time

import pytest

from bannercluster.encoders import describe_model
from bannercluster.encoders.catalog import model_facts
from bannercluster.encoders.network import build_network, read_state
from bannercluster.encoders.weights import file_sha256, find_weights, get_weights
from bannercluster.errors import WeightsError

B4 = model_facts("efficientnet_b4")
TINY = "test_efficientnet"


@pytest.fixture
def empty_caches(tmp_path, monkeypatch):
    """No pretrained weights in any cache, and a hub at a port where nobody listens."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def test_no_weights_and_no_network_fails_soon_and_names_three_ways_out(empty_caches):
    assert not describe_model("efficientnet_b4", None).available
    start = time.perf_counter()
    with pytest.raises(WeightsError) as caught:
        get_weights(B4, None)
    assert time.perf_counter() - start < 10
    for way in ("--weights FILE", "HF_HOME", "--model efficientnet_lite0", "127.0.0.1:9"):
        assert way in str(caught.value)


def test_offline_mode_is_respected(empty_caches, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE"):
        get_weights(B4, None)


def test_hub_cache_is_found_without_network(empty_caches):
    repo = empty_caches / "hf" / "models--timm--efficientnet_b4.ra2_in1k"
    snapshot = repo / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"weights")
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0" * 40)
    found = get_weights(B4, None)
    assert found.source == "hub:timm/efficientnet_b4.ra2_in1k"
    assert found.path.read_bytes() == b"weights"
    assert describe_model("efficientnet_b4", None).weights_sha256 == found.sha256


def test_torch_cache_is_found_without_network(empty_caches):
    folder = empty_caches / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "efficientnet_b4_ra2_320-7eb33cd5.pth").write_bytes(b"weights")
    assert get_weights(B4, None).path.parent == folder


def test_sha256_follows_the_bytes(tmp_path):
    path = tmp_path / "w"
    path.write_bytes(b"abc")
    assert file_sha256(path).startswith("ba7816bf")
    path.write_bytes(b"abcd")
    assert file_sha256(path).startswith("88d4266f")


def built(path, model=TINY):
    facts = model_facts(model)
    return build_network(facts, find_weights(facts, str(path)))


def test_every_weight_arrives(tiny_weights):
    state = read_state(tiny_weights)
    network = built(tiny_weights)
    assert not network.training
    arrived = network.state_dict()
    assert set(state) - set(arrived) == {"classifier.weight", "classifier.bias"}
    assert all((arrived[name] == state[name]).all() for name in arrived)


def test_torch_files_wrapped_or_not_give_the_same(tiny_weights, tmp_path):
    import torch

    state = read_state(tiny_weights)
    torch.save(state, tmp_path / "plain.pth")
    prefixed = {f"module.{key}": value for key, value in state.items()}
    torch.save({"state_dict": prefixed, "epoch": 3}, tmp_path / "wrapped.pth")
    for name in ("plain.pth", "wrapped.pth"):
        again = read_state(tmp_path / name)
        assert all(torch.equal(again[key], state[key]) for key in state)
        built(tmp_path / name)


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("code in a weights file was run",))


def test_code_in_a_weights_file_is_not_run(tmp_path):
    import torch

    torch.save({"conv_stem.weight": Evil()}, tmp_path / "evil.pth")
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil()))
    for name in ("evil.pth", "evil.pkl"):
        with pytest.raises(WeightsError, match="never opened"):
            built(tmp_path / name)


@pytest.mark.parametrize("name", ["junk.pth", "junk.safetensors", "empty.pth"])
def test_files_that_are_no_weights(tmp_path, name):
    (tmp_path / name).write_bytes(b"" if name.startswith("empty") else b"junk" * 50)
    with pytest.raises(WeightsError, match=name):
        built(tmp_path / name)


def test_weights_of_another_network_are_named(tiny_weights, tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(WeightsError, match=r"does not fit mobilenetv3_small_050: \d+ missing"):
        built(tiny_weights, "mobilenetv3_small_050")
    state = read_state(tiny_weights)
    state["bn1.weight"] = state["bn1.weight"][:3].clone()
    state["surprise"] = state["bn1.bias"].clone()
    del state["bn1.bias"]
    save_file(state, tmp_path / "bad.safetensors")
    with pytest.raises(WeightsError) as caught:
        built(tmp_path / "bad.safetensors")
    for words in ("1 missing (bn1.bias)", "1 unknown (surprise)", "bn1.weight (3,) instead of"):
        assert words in str(caught.value)
