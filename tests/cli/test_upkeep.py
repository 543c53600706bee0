"""``bc status`` and ``bc gc`` as a user sees them."""

import json
from pathlib import Path

from store.stores import append

from bannercluster.cli.main import main
from bannercluster.store.lease import hold

STORE = "data/embeddings.zarr"


def said_as_json(capsys, line: str) -> dict:
    assert main(line.split()) == 0
    return json.loads(capsys.readouterr().out)


def leave_rubbish() -> Path:
    path = Path("data/embeddings.tables/.tmp-half")
    path.write_bytes(b"1234")
    return path


def test_status_of_nothing_and_of_a_store(capsys):
    left = said_as_json(capsys, "status --json")
    assert {one["what"]: one["state"] for one in left["results"]} == dict.fromkeys(
        ("embeddings", "texts of images", "texts", "models", "evaluation", "assignments", "report"),
        "none",
    )
    append(STORE, 0, 6)
    leave_rubbish()
    assert main(["status"]) == 0
    shown = capsys.readouterr().out
    for words in ("6 rows x 6 float16", "generation 1", "temporary files", "bc gc"):
        assert words in shown
    assert "Who is writing" not in shown
    with hold(STORE, "bc embed"):
        assert main(["status"]) == 0
    assert "bc embed" in capsys.readouterr().out


def test_gc(capsys):
    append(STORE, 0, 6)
    rubbish = leave_rubbish()
    found = said_as_json(capsys, "gc --dry-run --json")
    assert rubbish.exists()
    assert found["removed"] == [{"what": "temporary files", "n_files": 1, "nbytes": 4}]
    with hold(STORE, "bc embed"):
        assert main(["gc"]) == 1
        assert "held by `bc embed`" in capsys.readouterr().err
        assert rubbish.exists()
    assert main(["gc"]) == 0
    assert "temporary files" in capsys.readouterr().out
    assert not rubbish.exists()
    assert main(["gc"]) == 0
    assert "nothing" in capsys.readouterr().out
