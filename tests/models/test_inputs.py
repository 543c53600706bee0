"""Stores of texts and of images are not taken for one another; the message says what to type."""

import re

import numpy as np
import pytest
from fusion.pairs import write_ads

from bannercluster import cluster, evaluate, predict, report
from bannercluster.errors import UsageError
from bannercluster.flows import ablation
from models.fitted import run_stage, settings_of

N = 24


@pytest.fixture
def settings(tmp_path):
    rng = np.random.default_rng(0)
    images, texts = (rng.normal(size=(N, f)).astype(np.float16) for f in (8, 6))
    write_ads(tmp_path, images, texts, [(f"b{row}", row, row) for row in range(N)])
    own = settings_of(tmp_path).replace("paths", texts=str(tmp_path / "texts.zarr"))
    own = own.replace("paths", label="advertiser", report=str(tmp_path / "report.html"))
    return own.replace("cluster", k=(2,), n_init=1)


@pytest.mark.parametrize("modality", ["image", "text", "both"])
def test_texts_named_as_embeddings(settings, modality):
    settings = settings.replace("cluster", modality=modality)
    run_stage(cluster, settings)
    named = settings.replace("paths", embeddings=settings.paths.texts)
    said = rf"{re.escape(settings.paths.texts)} holds texts.*name it with --texts"
    # Clustering texts opens no embeddings: there is nothing to mistake.
    for stage in (evaluate, predict, report, ablation, *([] if modality == "text" else [cluster])):
        for work in (stage.plan, lambda own, stage=stage: run_stage(stage, own)):
            with pytest.raises(UsageError, match=said):
                work(named)


def test_images_named_as_texts(settings):
    run_stage(cluster, settings.replace("cluster", modality="both"))
    named = settings.replace("paths", texts=settings.paths.embeddings)
    with pytest.raises(UsageError, match=r"holds images.*name images with --embeddings"):
        run_stage(predict, named)
