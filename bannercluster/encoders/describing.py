"""What a model is and whether it can be loaded here, without loading it."""

from bannercluster.encoders.catalog import model_facts
from bannercluster.encoders.ir import is_exported
from bannercluster.encoders.spec import ModelDescription
from bannercluster.encoders.weights import find_weights


def describe_model(model: str, weights: str | None = None) -> ModelDescription:
    """Describe a network and the weights that would be used; never downloads.

    Costs milliseconds for the networks in daily use, the import of timm for others, and the
    hashing of the weights file (about a second a gigabyte) once a process.

    Parameters
    ----------
    model : str
        As in `EncoderSpec`.
    weights : str or None
        As in `EncoderSpec`.

    Raises
    ------
    UsageError
        If the model is unknown.
    WeightsError
        If `weights` names a file that is not there.
    """
    facts = model_facts(model)
    found = find_weights(facts, weights)
    return ModelDescription(
        model=model,
        n_features=facts.n_features,
        input_size=facts.input_size,
        mean=facts.mean,
        std=facts.std,
        interpolation=facts.interpolation,
        fixed_input_size=facts.fixed_input_size,
        weights_sha256=found.sha256 if found else None,
        weights_source=found.source if found else None,
        available=found is not None,
    )


def needs_torch(model: str, weights: str | None, engine: str, cache_dir: str) -> bool:
    """Whether loading a network here means loading torch: to run it, or to export it first."""
    if engine != "openvino":
        return True
    facts = model_facts(model)
    found = find_weights(facts, weights)
    return found is None or not is_exported(facts, found, cache_dir)
