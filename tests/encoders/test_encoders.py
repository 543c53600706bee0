import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from bannercluster.encoders import EncoderSpec, load_encoder, resolve_engine
from bannercluster.encoders.processor import cpu_has_bfloat16
from bannercluster.errors import EngineError, UsageError

from .conftest import TINY, cosine, images

LITE0 = "efficientnet_lite0"
needs_bfloat16 = pytest.mark.skipif(
    not cpu_has_bfloat16(), reason="this CPU has neither AVX512_BF16 nor AMX_BF16"
)
ENGINES = [
    pytest.param("openvino", "float32"),
    pytest.param("openvino", "bfloat16", marks=needs_bfloat16),
    pytest.param("torch", "float32"),
    pytest.param("torch", "bfloat16", marks=needs_bfloat16),
]


@pytest.mark.parametrize(("engine", "precision"), ENGINES)
def test_an_image_alone_has_the_features_it_has_among_others(load, engine, precision):
    encoder = load(LITE0, engine, precision, threads=2)
    batch = images(11, 96, 160)
    together = encoder.encode(batch)
    assert together.shape == (11, encoder.n_features) == (11, 1280)
    assert together.dtype == np.float32
    alone = np.concatenate([encoder.encode([image]) for image in batch[:3]])
    np.testing.assert_array_equal(alone, together[:3])
    backwards = encoder.encode(batch[::-1])[::-1]
    np.testing.assert_array_equal(backwards, together)
    assert np.abs(together[0] - together[1]).max() > 0.1


@pytest.mark.parametrize(("engine", "precision"), ENGINES)
def test_number_of_threads_changes_no_bit(load, engine, precision):
    batch = images(9, 96, 160)
    one, two = (load(LITE0, engine, precision, threads=n).encode(batch) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_features_equal_those_of_the_packages_own_network(load):
    """Golden: efficientnet_lite_pytorch 0.1.0, the code these weights were published for."""
    y, x = np.mgrid[0:224, 0:224]
    image = np.stack([x, y, (x * y) % 256], axis=2).astype(np.uint8)
    places = [1062, 989, 113, 782, 315, 115]
    values = [4.9068, 4.1873, 4.1233, 3.711, 3.577, 3.1686]
    for engine in ("torch", "openvino"):
        features = load(LITE0, engine).encode([image])[0]
        np.testing.assert_allclose(features[places], values, atol=2e-4)
        assert features.sum() == pytest.approx(220.3184, rel=1e-4)


@pytest.mark.parametrize("shape", [(96, 640), (448, 128), (64, 96), (100, 75)])
def test_engines_agree_at_every_shape(load, shape):
    """Also where "same" padding depends on the size: the exported network is truly dynamic."""
    batch = images(2, *shape)
    torch_, openvino = (load(LITE0, engine).encode(batch) for engine in ("torch", "openvino"))
    np.testing.assert_allclose(openvino, torch_, atol=1e-4)


@needs_bfloat16
@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_bfloat16_stays_near(load, engine):
    batch = images(6, 96, 320)
    exact, rough = (load(LITE0, engine, p).encode(batch) for p in ("float32", "bfloat16"))
    assert (cosine(exact, rough) > 0.98).all()
    assert not np.array_equal(exact, rough)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_local_weights(load, tiny_weights, engine):
    encoder = load(TINY, engine, weights=str(tiny_weights))
    assert encoder.n_features == 256
    assert encoder.info.weights_source == "file:tiny.safetensors"
    features = encoder.encode(images(3))
    assert np.isfinite(features).all()
    assert np.ptp(features, axis=0).max() > 0


def test_local_weights_agree_between_engines(load, tiny_weights):
    batch = images(3)
    a, b = (load(TINY, e, weights=str(tiny_weights)).encode(batch) for e in ("torch", "openvino"))
    np.testing.assert_allclose(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_a_network_of_one_size_says_so(load, tmp_path, engine):
    import timm
    from safetensors.torch import save_file

    path = tmp_path / "vit.safetensors"
    save_file(timm.create_model("test_vit", pretrained=False).state_dict(), path)
    encoder = load("test_vit", engine, weights=str(path))
    assert encoder.encode(images(2, 160, 160)).shape == (2, 64)
    with pytest.raises(ValueError, match="160 x 160 only"):
        encoder.encode(images(2, 64, 64))


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_many_callers_at_once(load, engine):
    encoder = load(LITE0, engine, threads=2)
    batches = [images(n, 64, 96, seed=n) for n in (1, 5, 9, 2, 7, 3)]
    expected = [encoder.encode(batch) for batch in batches]
    got = [None] * len(batches)

    def call(i: int) -> None:
        got[i] = encoder.encode(batches[i])

    threads = [threading.Thread(target=call, args=(i,)) for i in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for g, e in zip(got, expected, strict=True):
        np.testing.assert_array_equal(g, e)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_images_are_checked_and_left_as_they_were(load, engine):
    encoder = load(LITE0, engine, threads=2)
    assert encoder.encode([]).shape == (0, 1280)
    several = [np.zeros((64, 64, 3), np.uint8), np.zeros((64, 96, 3), np.uint8)]
    for bad in (
        [np.zeros((64, 64), np.uint8)],
        [np.zeros((64, 64, 3), np.float32)],
        *([] if encoder.mixed_shapes else [several]),
    ):
        with pytest.raises(ValueError, match="image"):
            encoder.encode(bad)
    if encoder.mixed_shapes:
        alone = np.concatenate([encoder.encode([one]) for one in several])
        np.testing.assert_array_equal(encoder.encode(several), alone)
    image = images(1)[0]
    before = image.copy()
    plain = encoder.encode([image])
    np.testing.assert_array_equal(image, before)
    image.flags.writeable = False
    turned = np.asfortranarray(image)
    np.testing.assert_array_equal(encoder.encode([image, turned]), np.repeat(plain, 2, axis=0))


def test_torch_engine_leaves_the_process_its_threads(load):
    import torch

    before = torch.get_num_threads()
    load(LITE0, "torch", threads=2).encode(images(9))
    assert torch.get_num_threads() == before
    seen = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_network_is_loaded_once_and_says_what_it_is(load):
    encoder = load(LITE0, "openvino", threads=2)
    assert load(LITE0, "openvino", threads=2) is encoder
    info = encoder.info
    assert (info.engine, info.precision, info.device) == ("openvino", "float32", "cpu")
    assert (info.model, info.input_size, info.mean) == (LITE0, 224, (0.5, 0.5, 0.5))
    assert set(info.versions) == {"numpy", "openvino", "timm", "torch"}
    assert encoder.batch_size >= 2


def test_what_cannot_be_had_is_an_error(cache_dir):
    def load_it(**changes):
        words = {"model": LITE0, "weights": None, "engine": "openvino", "precision": "float32",
            "device": "cpu"} | changes  # fmt: skip
        return load_encoder(EncoderSpec(**words), threads=1, cache_dir=cache_dir)

    with pytest.raises(EngineError, match="runs on the CPU"):
        load_it(device="cuda:0")
    with pytest.raises(UsageError, match="unknown model"):
        load_it(model="no_such_net")


# The cache of exported networks


def _child(code: str, cache: str, home: Path) -> str:
    code = (
        "import sys\n"
        "import numpy as np\n"
        "from bannercluster.encoders import EncoderSpec, load_encoder\n"
        f"spec = EncoderSpec({LITE0!r}, None, 'openvino', 'float32', 'cpu')\n"
        f"encoder = load_encoder(spec, threads=1, cache_dir={cache!r})\n" + code
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_later_process_needs_no_torch_and_gives_the_same(load, cache_dir, tmp_path):
    from bannercluster.encoders.catalog import model_facts
    from bannercluster.encoders.ir import cached_ir
    from bannercluster.encoders.weights import find_weights

    here = load(LITE0, "openvino").encode([np.full((64, 64, 3), 77, np.uint8)])
    # `here` may be an encoder that other tests loaded, exported into a cache of theirs.
    facts = model_facts(LITE0)
    cached_ir(facts, find_weights(facts, None), cache_dir)
    code = (
        "f = encoder.encode([np.full((64, 64, 3), 77, np.uint8)])\n"
        "assert not {'torch', 'timm'} & set(sys.modules)\n"
        "print(f.tobytes().hex()[:4000])\n"
    )
    assert _child(code, cache_dir, tmp_path) == here.tobytes().hex()[:4000]
    assert list(tmp_path.iterdir()) == []  # OpenVINO's telemetry would leave its identifier


def test_a_damaged_export_is_made_anew(tiny_weights, tmp_path):
    from bannercluster.encoders.catalog import model_facts
    from bannercluster.encoders.ir import cached_ir
    from bannercluster.encoders.weights import find_weights

    facts = model_facts(TINY)
    found = find_weights(facts, str(tiny_weights))
    xml = cached_ir(facts, found, str(tmp_path))
    card = json.loads((xml.parent / "card.json").read_text())
    assert card["weights_sha256"] == found.sha256
    stamp = xml.stat().st_mtime_ns
    assert cached_ir(facts, found, str(tmp_path)) == xml
    assert xml.stat().st_mtime_ns == stamp
    weights = xml.with_suffix(".bin")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:100])
    cached_ir(facts, found, str(tmp_path))
    assert len(weights.read_bytes()) == len(whole)
    left = {path.name for path in xml.parent.parent.iterdir()}
    assert left == {xml.parent.name, f".{xml.parent.name}.lock"}


@pytest.mark.real
@needs_bfloat16
def test_bfloat16_keeps_the_neighbours_of_real_banners(load):
    from PIL import Image

    root = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "banners_mit"
    files = sorted(root.glob("images/**/*.jpg"))[::3]
    if not files:
        pytest.skip(f"no real banners under {root}")
    batch = []
    for file in files:
        with Image.open(file) as image:
            batch.append(np.asarray(image.convert("RGB").resize((224, 224))))
    exact, rough = (
        load(LITE0, "openvino", p, threads=2).encode(batch) for p in ("float32", "bfloat16")
    )
    assert cosine(exact, rough).min() > 0.98


@pytest.mark.gpu
class TestCuda:
    @pytest.fixture(autouse=True)
    def _needs_cuda(self):
        torch = pytest.importorskip("torch")
        if not torch.cuda.is_available():
            pytest.skip("torch sees no CUDA device")

    @pytest.mark.parametrize("precision", ["float32", "bfloat16"])
    def test_batch_neighbours_do_not_matter(self, load, precision):
        encoder = load(LITE0, "torch", precision, device="cuda:0")
        batch = images(70, 96, 160)
        together = encoder.encode(batch)
        alone = np.concatenate([encoder.encode([image]) for image in batch[:3]])
        np.testing.assert_array_equal(alone, together[:3])
        np.testing.assert_array_equal(encoder.encode(batch[::-1])[::-1], together)

    def test_float32_agrees_with_the_cpu(self, load):
        batch = images(5, 96, 160)
        on_gpu = load(LITE0, "torch", device="cuda:0").encode(batch)
        np.testing.assert_allclose(on_gpu, load(LITE0, "torch").encode(batch), atol=1e-3)

    def test_bfloat16_stays_near(self, load):
        batch = images(5, 96, 160)
        rough = load(LITE0, "torch", "bfloat16", device="cuda:0").encode(batch)
        assert (cosine(load(LITE0, "torch").encode(batch), rough) > 0.98).all()

    def test_auto_takes_it(self):
        assert resolve_engine().device == "cuda:0"
