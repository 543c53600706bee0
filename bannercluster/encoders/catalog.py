"""What is known of each network without loading it."""

import difflib
from functools import lru_cache

from bannercluster.encoders.spec import ModelFacts
from bannercluster.errors import UsageError

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

# Importing timm takes seconds. The networks in daily use are written down; a test compares them
# with timm.
_KNOWN = {
    # The packaged weights were converted from TensorFlow: they need its "same" padding, its
    # batch-norm epsilon (1e-3) and inputs in -1..1, that is timm's tf_efficientnet_lite0. With
    # these the features equal those of the package's own network bit for bit at 224 x 224.
    "efficientnet_lite0": ModelFacts(
        model="efficientnet_lite0",
        timm_name="tf_efficientnet_lite0",
        n_features=1280,
        input_size=224,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    ),
    # 380 is the resolution for which EfficientNet-B4 was designed; timm trained its weights at
    # 320 and tests them at 384.
    "efficientnet_b4": ModelFacts(
        model="efficientnet_b4",
        timm_name="efficientnet_b4",
        n_features=1792,
        input_size=380,
        mean=_IMAGENET[0],
        std=_IMAGENET[1],
        hub_id="timm/efficientnet_b4.ra2_in1k",
        url="https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/"
        "efficientnet_b4_ra2_320-7eb33cd5.pth",
    ),
}


@lru_cache(maxsize=64)
def model_facts(model: str) -> ModelFacts:
    """Facts about a network; imports timm only for names that are not in daily use.

    Raises
    ------
    UsageError
        If timm does not know the name.
    """
    if model in _KNOWN:
        return _KNOWN[model]
    import timm
    import torch

    if not timm.is_model(model):
        known = list(dict.fromkeys([*_KNOWN, *timm.list_models()]))
        near = difflib.get_close_matches(model, known, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise UsageError(
            f"unknown model {model!r}: expected a name out of timm.list_models(){hint}"
        )
    with torch.device("meta"):
        network = timm.create_model(model, pretrained=False, num_classes=0)
    cfg = network.pretrained_cfg
    classifier = cfg.get("classifier") or ()
    return ModelFacts(
        model=model,
        timm_name=model,
        n_features=int(getattr(network, "head_hidden_size", None) or network.num_features),
        input_size=int(cfg["input_size"][-1]),
        mean=tuple(cfg["mean"]),
        std=tuple(cfg["std"]),
        interpolation=str(cfg["interpolation"]),
        fixed_input_size=bool(cfg.get("fixed_input_size", False)),
        classifiers=(classifier,) if isinstance(classifier, str) else tuple(classifier),
        hub_id=cfg.get("hf_hub_id") or None,
        url=cfg.get("url") or None,
    )
