from dataclasses import replace

import numpy as np
import pytest

from bannercluster.errors import UsageError, WeightsError
from bannercluster.heatmap.binning import bin_clicks
from bannercluster.heatmap.networks.backbones import (
    OFFLINE,
    RESNET,
    VIT,
    BackboneConfig,
    load_backbone,
)
from bannercluster.heatmap.networks.rendering import RenderConfig, picture

TINY_VIT = "test_vit"  # timm's smallest: 101 tokens of 64 values, from 160 x 160 pixels

# With torch: the export of the network for OpenVINO takes seconds, and tests/encoders has it.
BUNDLED = BackboneConfig(engine="torch", precision="float32")


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def tiny_weights(tmp_path_factory):
    import timm
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = timm.create_model(TINY_VIT, pretrained=False)
    path = tmp_path_factory.mktemp("weights") / "tiny_vit.safetensors"
    save_file(network.state_dict(), path)
    return str(path)


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    clicks = rng.uniform(0.2, 0.8, (5, 1, 2)) + 0.05 * rng.normal(size=(5, 400, 2))
    return np.stack([bin_clicks(one) for one in clicks])


@pytest.fixture
def load(cache_dir):
    def load(config, threads=1):
        return load_backbone(config, threads=threads, cache_dir=cache_dir)

    return load


@pytest.mark.parametrize("recipe", ["counts", "bootstrap"])
def test_bundled_weights_alone_and_among_others(load, counts, recipe):
    backbone = load(replace(BUNDLED, render=RenderConfig(recipe)), threads=2)
    block = backbone.block(counts)
    assert block.name == f"{OFFLINE}-pooled-{recipe}"
    assert block.features.shape == (5, backbone.n_features) == (5, 1280)
    assert block.features.dtype == np.float32
    assert len(block.weights_sha256) == len(block.config_sha256) == 64
    for i in (0, 3):
        np.testing.assert_array_equal(
            backbone.block(counts[i : i + 1]).features[0], block.features[i]
        )
    backwards = backbone.block(counts[::-1].copy())
    np.testing.assert_array_equal(backwards.features[::-1], block.features)
    assert len(np.unique(block.features, axis=0)) == 5


@pytest.mark.parametrize(
    ("output", "engine"),
    [
        ("pooled", "torch"),  # with OpenVINO it is what tests/encoders look at
        ("mean", "torch"),
        ("mean", "openvino"),
        ("positions", "torch"),
        ("positions", "openvino"),
    ],
)
def test_outputs_of_a_transformer_are_those_of_timm(load, tiny_weights, counts, engine, output):
    import timm
    import torch

    backbone = load(
        BackboneConfig(TINY_VIT, output, weights=tiny_weights, engine=engine, precision="float32")
    )
    network = timm.create_model(
        TINY_VIT, pretrained=True, pretrained_cfg_overlay={"file": tiny_weights}
    )
    network.eval()
    info = backbone.encoder.info
    image = picture(counts[0], RenderConfig(), info.input_size)
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    x = (x - torch.tensor(info.mean).view(1, 3, 1, 1)) / torch.tensor(info.std).view(1, 3, 1, 1)
    with torch.inference_mode():
        tokens = network.forward_features(x)
    expected = {
        "pooled": tokens[:, 0],  # the class token
        "mean": tokens[:, 1:].mean(dim=1),
        "positions": tokens.flatten(1),
    }[output]
    block = backbone.block(counts)
    assert block.features.shape == (5, expected.shape[1])
    np.testing.assert_allclose(block.features[0], expected[0].numpy(), atol=2e-4)
    np.testing.assert_array_equal(backbone.block(counts[3:4]).features[0], block.features[3])


def test_the_networks_of_the_users_have_the_features_that_they_counted():
    from bannercluster.encoders.catalog import model_facts
    from bannercluster.encoders.outputs import facts_of_output

    vit, resnet = model_facts(VIT), model_facts(RESNET)
    assert facts_of_output(vit, "positions").n_features == 151_296
    assert facts_of_output(vit, "mean").n_features == vit.n_features == 768
    assert resnet.n_features == 2048
    assert facts_of_output(resnet, "positions").n_features == 2048 * 7 * 7
    assert facts_of_output(resnet, "positions").fixed_input_size


def test_positions_of_the_bundled_network_pool_to_its_features(load, counts):
    pooled, positions = (
        load(replace(BUNDLED, output=output)).block(counts[:2]).features
        for output in ("pooled", "positions")
    )
    assert positions.shape == (2, 1280 * 7 * 7)
    means = positions.reshape(2, 1280, 49).mean(axis=2)
    np.testing.assert_allclose(means, pooled, atol=2e-4)


@pytest.mark.parametrize("model", [VIT, RESNET])
def test_without_weights_the_error_names_the_ways_out(load, model, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"a local \.safetensors.*efficientnet_lite0"):
        load(BackboneConfig(model))


def test_what_a_network_has_not_is_refused(load, counts):
    with pytest.raises(UsageError, match="has no tokens"):
        load(replace(BUNDLED, output="mean"))
    backbone = load(BUNDLED)
    for wrong in (counts[0], counts[:, :32], counts.astype(np.float64)):
        with pytest.raises(UsageError, match="expected \\(n_samples, 64, 64\\) uint32"):
            backbone.block(wrong)


def test_no_heatmaps_are_an_empty_block(load, counts):
    assert load(BUNDLED).block(counts[:0]).features.shape == (0, 1280)


def test_what_changes_a_bit_changes_the_hash(load, tiny_weights):
    base = BackboneConfig(TINY_VIT, weights=tiny_weights, engine="torch", precision="float32")
    others = [
        replace(base, output="mean"),
        replace(base, output="mean", engine="openvino"),
        replace(base, render=RenderConfig("bootstrap")),
        replace(base, render=RenderConfig(seed=1)),
        replace(base, render=RenderConfig(scale="log")),
    ]
    hashes = {load(config).config_sha256 for config in (base, *others)}
    assert len(hashes) == 6
    assert load(base, threads=2).config_sha256 == load(base).config_sha256


def test_the_pooled_network_keeps_its_place_in_the_cache():
    """Exports of earlier runs are found again: the recipe of a pooled network has no new key."""
    from bannercluster.encoders.catalog import model_facts
    from bannercluster.encoders.ir import _place
    from bannercluster.encoders.weights import find_weights

    facts = model_facts(OFFLINE)
    found = find_weights(facts, None)
    assert "output" not in _place(facts, found, "cache")[1]
    assert _place(replace(facts, output="positions"), found, "cache")[1]["output"] == "positions"
