"""An export that was killed is made anew; what it left is not taken for a network."""

import subprocess
import sys
from pathlib import Path

import pytest

from bannercluster.encoders import ir
from bannercluster.encoders.catalog import model_facts
from bannercluster.encoders.weights import get_weights
from bannercluster.errors import StoreError

_EXPORT = """
import os, signal, sys
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from bannercluster.encoders import ir
from bannercluster.encoders.catalog import model_facts
from bannercluster.encoders.weights import get_weights
from bannercluster.store import points


def tiny(facts, found):
    x = ops.parameter([-1, 3], np.float32)
    return ov.Model([ops.relu(x)], [x])


def end(point, phase, where):
    if (point.name, phase) == ("embed.network", sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)


ir._convert = tiny
facts = model_facts("efficientnet_lite0")
with points.watched(end):
    print(ir.cached_ir(facts, get_weights(facts, None), sys.argv[1]))
"""


def export(cache: Path, ends_at: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", _EXPORT, str(cache), ends_at],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("phase", ["before", "written", "after"])
def test_killed_export(tmp_path, phase):
    assert export(tmp_path, phase).returncode == -9
    whole = [path.parent for path in tmp_path.glob("openvino-ir/[!.]*/card.json")]
    assert len(whole) == (phase == "after")
    facts = whole[0].stat() if whole else None
    again = export(tmp_path, "never")
    assert again.returncode == 0, again.stderr
    folder = Path(again.stdout.strip()).parent
    assert {path.name for path in folder.iterdir()} == {"model.xml", "model.bin", "card.json"}
    assert [path for path in folder.parent.iterdir() if path.is_dir()] == [folder]
    # A whole one is not exported a second time.
    assert facts is None or folder.stat().st_ino == facts.st_ino


def test_cache_on_a_full_disk(tmp_path, monkeypatch):
    class Full:
        @staticmethod
        def save_model(model, path, **options):
            path.write_bytes(b"half")
            raise RuntimeError("Exception from src/core/xml_util: could not write: No space left")

    monkeypatch.setattr(ir, "_convert", lambda *_: None)
    monkeypatch.setattr(ir, "import_openvino", Full)
    facts = model_facts("efficientnet_lite0")
    with pytest.raises(StoreError, match=r"No space left.*--cache"):
        ir.cached_ir(facts, get_weights(facts, None), str(tmp_path))
    assert [path for path in (tmp_path / "openvino-ir").iterdir() if path.is_dir()] == []
