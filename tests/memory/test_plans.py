"""Each stage through the command line: what it takes is no more than its plan says.

Sizes are chosen so that each term of a plan is the largest in one of them. What the interpreter and
the libraries take is 800 to 1,000 MiB of each figure.
"""

import shutil
from pathlib import Path

import pytest

from memory.big import make_store, make_sweep, make_texts
from memory.peaks import MIB, Measured, bc, planned

SIZES = {
    "small": (4_000, 64, 1, (5, 10)),
    "many rows": (200_000, 16, 3, (5, 10, 15)),
    "many features": (24_000, 1_280, 1, (10, 50)),
    "many centres": (8_000, 1_024, 1, (100, 300)),
}
FUSED = {
    "many features": (24_000, 1_280, 20_000, 384),
    "many rows": (200_000, 16, 150_000, 16),
}
"""Rows and features of the images, and of the texts; the other banners have none."""

LEAST_RATIO = 0.5
"""Measured over planned: a plan that asks for more than twice what is taken refuses too much."""

FEW_SPLITS = "--stability-splits 2"
"""Two at once is what two workers have: more of them take time, and no memory."""

SLOW, THOROUGH = pytest.mark.slow, [pytest.mark.slow, pytest.mark.thorough]


@pytest.fixture(scope="session")
def stores(tmp_path_factory):
    """A folder with a store and models of a size; made once."""
    made: dict[str, Path] = {}

    def of(size: str) -> Path:
        if size not in made:
            made[size] = tmp_path_factory.mktemp(size.replace(" ", "-"))
            n_rows, n_features, copies, ks = SIZES[size]
            make_store(made[size], n_rows, n_features, copies)
            make_sweep(made[size], n_features, ks)
        return made[size]

    return of


def paths(folder: Path, *names: str) -> str:
    options = {
        "embeddings": folder / "embeddings.zarr",
        "texts": folder / "texts.zarr",
        "models": folder / "models",
        "evaluation": folder / "evaluation",
        "assignments": folder / "assignments",
    }
    return " ".join(f"--{name} {options[name]}" for name in names)


def check(line: str, least: float = 0.0, **env: str) -> Measured:
    """The command takes no more than its plan, and not much less."""
    line += " --pool threads --workers 2" if "--pool" not in line else ""
    plan = planned(line, **env)["total_bytes"]
    ran = bc(line, **env)
    assert ran.code == 0, ran.err
    print(f"{ran.peak_nbytes / MIB:.0f} of {plan / MIB:.0f} MiB: {ran.peak_nbytes / plan:.2f}")
    assert ran.peak_nbytes <= plan
    assert ran.peak_nbytes >= least * plan
    return ran


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ("small", "--k 5 10 15"),
        pytest.param("many rows", "--k 5 10 15 --max-iter 4", marks=THOROUGH),
        pytest.param("many features", "--k 5 10 15 --n-init 4 --max-iter 4", marks=SLOW),
        pytest.param("many centres", "--k 100 200 --n-init 4 --max-iter 2", marks=THOROUGH),
    ],
)
def test_cluster(stores, tmp_path, size, options):
    check(f"cluster {options} --models {tmp_path} {paths(stores(size), 'embeddings')}", LEAST_RATIO)


@pytest.mark.parametrize(
    "size",
    [pytest.param("many features", marks=SLOW)]
    + [pytest.param(size, marks=THOROUGH) for size in ("small", "many rows", "many centres")],
)
def test_evaluate_and_report(stores, tmp_path, size):
    own = f"--label advertiser --evaluation {tmp_path} "
    own += paths(stores(size), "embeddings", "models")
    check(f"evaluate {FEW_SPLITS} {own}", LEAST_RATIO)
    # The decoders may take far more than pictures need: there is no least ratio.
    check(f"report {own} --report {tmp_path}/r.html --images {tmp_path}")


@pytest.mark.parametrize(
    "size",
    [pytest.param("many rows", marks=SLOW)]
    + [pytest.param(size, marks=THOROUGH) for size in ("small", "many features")],
)
def test_predict_and_again(stores, tmp_path, size):
    """The second time the table of before is held beside the new one."""
    k = SIZES[size][3][-1]
    line = f"predict --model kmeans-k{k} --evaluation {tmp_path} --assignments {tmp_path}/a "
    line += paths(stores(size), "embeddings", "models")
    if size != "many rows":
        check(line, LEAST_RATIO)
    else:
        assert bc(line).code == 0
    check(line, LEAST_RATIO)


@pytest.mark.parametrize(
    "size",
    [pytest.param("many features", marks=SLOW), pytest.param("many rows", marks=THOROUGH)],
)
def test_fused_rows(tmp_path, size):
    n_rows, n_features, n_texts, n_of_text = FUSED[size]
    make_store(tmp_path, n_rows, n_features)
    make_texts(tmp_path, n_texts, n_of_text)
    stores = paths(tmp_path, "embeddings", "texts", "models")
    check(f"cluster --modality both --k 5 10 --n-init 4 --max-iter 3 {stores}", LEAST_RATIO)
    own = f"{stores} {paths(tmp_path, 'evaluation')}"
    check(f"evaluate {FEW_SPLITS} --label advertiser {own}", LEAST_RATIO)
    check(f"predict {own} {paths(tmp_path, 'assignments')}", LEAST_RATIO)


def model_bytes(folder: Path) -> dict[str, bytes]:
    found = {path.parent.name: path.read_bytes() for path in folder.rglob("*.safetensors")}
    assert found
    return found


@pytest.mark.slow
def test_rows_that_do_not_fit_are_read_again(stores, tmp_path):
    """With half the room for prepared rows a sweep stays within --memory, to the same bits."""
    line = "cluster --k 4 8 --n-init 2 --max-iter 3 --pool threads --workers 2 "
    line += paths(stores("many features"), "embeddings")
    plan = planned(f"{line} --models {tmp_path}/kept")
    (rows,) = (part["nbytes"] for part in plan["parts"] if part["name"] == "prepared rows")
    assert rows > 100 * MIB
    assert bc(f"{line} --models {tmp_path}/kept").code == 0
    memory = plan["total_bytes"] - rows // 2
    less = f"{line} --models {tmp_path}/streamed --memory {memory}"
    assert planned(less)["total_bytes"] <= memory
    ran = bc(less)
    assert ran.code == 0, ran.err
    assert ran.peak_nbytes <= memory
    assert model_bytes(tmp_path / "streamed") == model_bytes(tmp_path / "kept")


def test_what_cannot_fit_is_refused_before_anything_is_written(stores, tmp_path):
    folder = stores("many features")
    ran = bc(
        f"cluster --models {tmp_path}/models --memory 300MiB --workers 2 "
        + paths(folder, "embeddings")
    )
    assert ran.code == 1
    assert "cluster needs" in ran.err
    assert "may use 300 MiB" in ran.err
    assert not (tmp_path / "models").exists()


@pytest.mark.slow
def test_worker_processes_keep_within_what_they_are_given(stores, tmp_path):
    """No worker is ended by its nanny when a run may use just what its plan says."""
    line = "cluster --k 5 10 --n-init 4 --max-iter 4 --pool processes --workers 2 "
    line += f"--models {tmp_path} " + paths(stores("many features"), "embeddings")
    plan = planned(line)["total_bytes"]
    ran = bc(f"{line} --memory {plan + 64 * MIB}")
    assert ran.code == 0, ran.err
    assert ran.peak_nbytes <= plan
    assert ran.n_started == ran.n_processes


@pytest.fixture(scope="session")
def banners(tmp_path_factory):
    folder = tmp_path_factory.mktemp("banners")
    made = bc(f"synth banners --images {folder}/images --banners 128")
    assert made.code == 0, made.err
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_embed(banners, tmp_path, engine):
    """The decoders may take far more than these images need, so that there is no least ratio."""
    line = f"embed --images {banners}/images --embeddings {tmp_path}/e.zarr --engine {engine} "
    line += f"--model efficientnet_lite0 --cache {tmp_path}/cache"
    check(line)  # exports the network first, where the engine is OpenVINO
    if engine == "openvino":
        shutil.rmtree(tmp_path / "e.zarr")
        shutil.rmtree(tmp_path / "e.tables")
        check(line)


@pytest.mark.slow
def test_ocr_and_text(banners, tmp_path):
    """The decoders may take far more than these images need: OCR has no least ratio."""
    line = f"embed --images {banners}/images --embeddings {tmp_path}/e.zarr "
    assert bc(f"{line} --model efficientnet_lite0").code == 0
    own = f"--embeddings {tmp_path}/e.zarr --ocr {tmp_path}/ocr"
    line = f"ocr --which all --images {banners}/images {own}"
    check(line, BC_EMBED_DECODE_MEMORY="64MiB")
    line = f"text {own} --texts {tmp_path}/t.zarr --cache {tmp_path}/cache --use-ocr all"
    check(line, LEAST_RATIO)  # exports the network first
    shutil.rmtree(tmp_path / "t.zarr")
    check(line, 0.25)  # so few texts have few of the lengths that the plan counts with
