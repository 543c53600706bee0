from pathlib import Path

import numpy as np
import pytest

from bannercluster.encoders import EncoderSpec, load_encoder

TINY = "test_efficientnet"  # timm's smallest: 256 features


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory) -> Path:
    """Random weights of a tiny network, with its classifier, as a local safetensors file."""
    import timm
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = timm.create_model(TINY, pretrained=False, num_classes=7)
        state = network.state_dict()
        for name, value in state.items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif name.endswith("running_mean"):
                value.normal_(0, 0.1)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(state, path)
    return path


@pytest.fixture(scope="session")
def load(cache_dir):
    """Load an encoder by a few words: load("efficientnet_lite0", "openvino", threads=2)."""

    def load(model, engine, precision="float32", threads=1, weights=None, device="cpu"):
        spec = EncoderSpec(model, weights, engine, precision, device)
        return load_encoder(spec, threads=threads, cache_dir=cache_dir)

    return load


def images(n: int, h: int = 64, w: int = 96, seed: int = 0) -> list[np.ndarray]:
    """Smooth random pictures: pure noise would look alike to a network."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, h // 16 + 1, w // 16 + 1, 3), dtype=np.uint8)
    return [np.kron(c, np.ones((16, 16, 1), np.uint8))[:h, :w].copy() for c in coarse]


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a * b).sum(axis=1) / norms
