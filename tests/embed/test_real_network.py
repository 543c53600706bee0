"""The packaged network on a few tiny banners of the usual shapes."""

from pathlib import Path

import numpy as np
import pytest
import xarray

from bannercluster import embed
from bannercluster.config import Settings
from bannercluster.encoders import EncoderSpec, describe_model, load_encoder
from bannercluster.media import prepare
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.store.embeddings import EmbeddingStore

from .banners import SHAPES, banner, put

LITE0 = "efficientnet_lite0"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory, network_cache):
    folder = tmp_path_factory.mktemp("real")
    images = folder / "images"
    for nth in range(8):
        put(images, f"{nth}.png", banner(nth, SHAPES[nth % 4]))
    put(images, "copy.png", banner(3, SHAPES[3]))
    put(images, "zero.png", b"")
    settings = (
        Settings()
        .replace(
            "paths",
            images=str(images),
            embeddings=str(folder / "embeddings.zarr"),
            cache=network_cache,
        )
        .replace("embed", model=LITE0, precision="float32", engine="openvino", part_rows=3)
    )
    with ThreadExecutor(2) as executor:
        result = embed.run(settings, executor=executor, progress=SilentProgress())
    return settings, result


def test_counts(embedded):
    _, result = embedded
    assert (result.n_in, result.n_ok, result.n_duplicate, result.n_rejected) == (10, 8, 1, 1)
    assert (result.n_features, result.model, result.precision) == (1280, LITE0, "float32")


def test_attributes(embedded):
    settings, _ = embedded
    attributes = xarray.open_zarr(settings.paths.embeddings).attrs
    assert attributes["model"] == LITE0
    assert attributes["weights_sha256"] == describe_model(LITE0).weights_sha256
    assert (attributes["engine"], attributes["precision"]) == ("openvino", "float32")
    assert attributes["preprocessing"]["resize"] == "native"
    assert attributes["preprocessing"]["mean"] == [0.5, 0.5, 0.5]
    assert attributes["bannercluster"]["info"]["environment"]["libraries"]["openvino"]


def test_features_of_an_image_by_itself(embedded, network_cache):
    """Each row is what the network says of that file alone, whatever its part and its batch."""
    settings, _ = embedded
    store = EmbeddingStore.open(settings.paths.embeddings)
    spec = EncoderSpec(LITE0, None, "openvino", "float32", "cpu")
    encoder = load_encoder(spec, threads=1, cache_dir=network_cache)
    values = store.read(0, store.n_rows)
    for row, described in enumerate(store.table("rows").to_pylist()):
        data = Path(settings.paths.images, described["file"]).read_bytes()
        image = prepare(data, resize="native", input_size=224)
        (alone,) = encoder.encode([image.rgb])
        np.testing.assert_array_equal(values[row], alone.astype(np.float16))
    assert len(np.unique(values, axis=0)) == 8
