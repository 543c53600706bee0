"""Each network once per process."""

import threading

from bannercluster.encoders.catalog import model_facts
from bannercluster.encoders.engines import resolve_engine
from bannercluster.encoders.outputs import facts_of_output
from bannercluster.encoders.spec import Encoder, EncoderSpec
from bannercluster.encoders.weights import get_weights
from bannercluster.errors import EngineError

_lock = threading.Lock()
_loaded: dict[tuple[EncoderSpec, str, int], Encoder] = {}


def load_encoder(spec: EncoderSpec, *, threads: int, cache_dir: str) -> Encoder:
    """Load a network, or hand out the one that this process has loaded already.

    Networks are kept by spec, hash of the weights, and number of threads, until the process ends.

    Parameters
    ----------
    spec : EncoderSpec
        See `resolve_engine` for turning "auto" into a spec.
    threads : int
        CPU threads to use. Does not change the features.
    cache_dir : str
        Local folder in which exported networks are kept between processes. May be deleted.

    Raises
    ------
    UsageError
        If the model is unknown.
    WeightsError
        If its weights cannot be had, or do not fit.
    EngineError
        If engine, precision or device are not available here.
    """
    if threads < 1:
        raise EngineError(f"an encoder needs at least 1 thread, got {threads}")
    resolve_engine(spec.engine, spec.precision, spec.device)
    facts = facts_of_output(model_facts(spec.model), spec.output)
    with _lock:
        found = get_weights(facts, spec.weights)
        key = (spec, found.sha256, threads)
        if key not in _loaded:
            if spec.engine == "openvino":
                from bannercluster.encoders.openvino_encoder import OpenVinoEncoder

                _loaded[key] = OpenVinoEncoder(
                    spec, facts, found, threads=threads, cache_dir=cache_dir
                )
            else:
                from bannercluster.encoders.torch_encoder import TorchEncoder

                _loaded[key] = TorchEncoder(spec, facts, found, threads=threads)
        return _loaded[key]
