"""Killed at every commit point and run again, import and export leave what an undisturbed run does.

And what lies in whole chunks that the journal counts is not read or written a second time.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from bannercluster.store import points
from transfer.making import content_of_store, exported, imported, put, rows_of, store_in, table_of

TESTS = Path(__file__).parents[1]
N_ROWS, CHUNK_ROWS = 150, 2
OFTEN = {"store.chunk", "import.part", "import.journal", "export.part"}
OPTIONS = {"chunk_rows": CHUNK_ROWS, "part_rows": 7}


@pytest.fixture(scope="module")
def forker():
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    with subprocess.Popen(
        [sys.executable, "-m", "transfer.forker"],
        cwd=TESTS, env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield _asker(process)
        process.stdin.close()
        process.wait(120)


def _asker(process):
    def ask(folder: Path, verb: str, order: dict | None = None, **options):
        log = folder / "log"
        log.unlink(missing_ok=True)
        request = {
            "folder": str(folder), "verb": verb, "source": str(folder.parent / "source"),
            "target": str(folder / "out"), "log": str(log), "order": order, "options": options,
        }  # fmt: skip
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        code = json.loads(process.stdout.readline())
        lines = log.read_text().splitlines() if log.exists() else []
        return code, [tuple(line.split("\t")) for line in lines]

    return ask


@pytest.fixture
def world(tmp_path):
    """A source of two files with all kinds of rows, and what an undisturbed import makes of it."""
    rows = rows_of(N_ROWS)
    rows[20]["vector"] = [float("nan")] * 3
    rows[50] |= {"vector": rows[3]["vector"], "day": "2025-03-02"}
    rows[120] |= {"banner_id": "b0003", "vector": rows[3]["vector"], "day": "2025-03-04"}
    rows[121] |= {"banner_id": "b0003"}
    put(tmp_path / "source" / "a.parquet", table_of(rows[:100]), 30)
    put(tmp_path / "source" / "b.parquet", table_of(rows[100:]), 11)
    plain = tmp_path / "plain"
    imported(plain, tmp_path / "source", **OPTIONS)
    return tmp_path, content_of_store(store_in(plain))


def orders(seen, phases=("before", "written", "after")):
    """Each point and phase that an undisturbed run reached; of some the first and middle too."""
    counted = Counter((point, phase) for point, phase, _ in seen)
    for (point, phase), n in counted.items():
        if phase in phases and point != "store.lease":
            for nth in sorted({1, (n + 1) // 2, n} if point in OFTEN else {n}):
                yield {"point": point, "phase": phase, "nth": nth, "action": "kill"}


@pytest.mark.slow
def test_import_killed_at_every_point(world, forker):
    root, expected = world
    (root / "seen").mkdir()
    code, seen = forker(root / "seen", "import", **OPTIONS)
    assert code == 0
    reached = {point for point, _, _ in seen}
    assert reached >= {"import.part", "import.journal", "store.chunk", "store.root", "import.done"}
    resumed = 0
    for number, order in enumerate(orders(seen)):
        folder = root / f"run{number}"
        folder.mkdir()
        code, first = forker(folder, "import", order, **OPTIONS)
        assert code == -signal.SIGKILL, order
        code, second = forker(folder, "import", **OPTIONS)
        assert code == 0, order
        assert content_of_store(store_in(folder)) == expected, order
        assert json.loads((folder / "counts").read_text()) == [N_ROWS, N_ROWS - 4, 2, 2], order
        assert not (folder / "embeddings.importing").exists(), order
        journals = [one for one in first if one[:2] == ("import.journal", "after")]
        written = chunks(first)
        again = [chunk for chunk in chunks(second) if chunk in written]
        if journals and ("store.root", "after") not in {one[:2] for one in first}:
            resumed += 1
            kept = 16 * len(journals)  # chunks of each array that the journal counts
            assert not {chunk for chunk in again if int(chunk.split("/")[-2]) < kept}, order
        shutil.rmtree(folder)
    assert resumed > 10


def chunks(seen):
    """The chunks that a run wrote, such as ``embedding/c/3/0``."""
    return [
        where.split("embeddings.zarr/")[1]
        for point, phase, where in seen
        if (point, phase) == ("store.chunk", "after")
    ]


@pytest.mark.slow
def test_appending_killed_at_every_point(world, forker):
    root, _ = world
    base = root / "base"
    put(root / "first" / "a.parquet", table_of(rows_of(33, first=500)), 10)
    imported(base, root / "first", **OPTIONS)
    imported(base, root / "first", **OPTIONS, day="2025-01-01")
    plain = root / "whole"
    shutil.copytree(base, plain)
    code, seen = forker(plain, "import", **OPTIONS)
    expected = content_of_store(store_in(plain))
    assert code == 0
    assert len(expected["aliases"]) == 33 + N_ROWS - 3
    some = ("import.journal", "import.part", "store.root", "store.table", "import.done")
    for number, order in enumerate(orders(seen, ("after",))):
        if order["point"] in some:
            folder = root / f"again{number}"
            shutil.copytree(base, folder)
            code, _ = forker(folder, "import", order, **OPTIONS)
            assert code == -signal.SIGKILL, order
            code, _ = forker(folder, "import", **OPTIONS)
            assert (code, content_of_store(store_in(folder))) == (0, expected), order
            shutil.rmtree(folder)


def test_another_writer_after_a_kill(world, forker):
    """The chunks that a journal counts may be overwritten by then: it must not be believed."""
    root, expected = world
    folder = root / "killed"
    folder.mkdir()
    order = {"point": "import.journal", "phase": "after", "nth": 2, "action": "kill"}
    assert forker(folder, "import", order, **OPTIONS)[0] == -signal.SIGKILL
    assert (folder / "embeddings.importing").is_dir()
    put(root / "other" / "a.parquet", table_of(rows_of(20, first=700)), 60)
    with points.watched(_stop_at("store.root")), pytest.raises(_Stopped):
        imported(folder, root / "other", **OPTIONS)
    assert forker(folder, "import", **OPTIONS)[0] == 0
    assert content_of_store(store_in(folder)) == expected


class _Stopped(Exception):  # noqa: N818 not an error of anything
    pass


def _stop_at(name):
    def watch(point, phase, where):
        if (point.name, phase) == (name, "before"):
            raise _Stopped

    return watch


@pytest.mark.parametrize("changed", ["source", "settings"])
def test_a_journal_of_something_else_is_not_used(world, forker, changed):
    root, _ = world
    folder, plain = root / "killed", root / "again"
    folder.mkdir()
    order = {"point": "import.journal", "phase": "after", "nth": 2, "action": "kill"}
    assert forker(folder, "import", order, **OPTIONS)[0] == -signal.SIGKILL
    options = dict(OPTIONS)
    if changed == "source":
        put(root / "source" / "a.parquet", table_of(rows_of(100, first=2)), 30)
    else:
        options["day"] = "2025-01-01"
    imported(plain, root / "source", **options)
    assert forker(folder, "import", **options)[0] == 0
    assert content_of_store(store_in(folder)) == content_of_store(store_in(plain))


def test_full_disk_leaves_the_last_state(world, forker, capfd):
    root, _ = world
    folder = root / "full"
    put(root / "first" / "a.parquet", table_of(rows_of(5, first=500)))
    imported(folder, root / "first", **OPTIONS)
    before = content_of_store(store_in(folder))
    order = {"point": "store.chunk", "phase": "before", "nth": 50, "action": "full"}
    code, _ = forker(folder, "import", order, **OPTIONS)
    assert code == 1
    assert content_of_store(store_in(folder)) == before


@pytest.mark.slow
def test_export_killed_at_every_point(world, forker):
    root, _ = world
    plain = root / "plain"
    options = {"file_rows": 40}
    exported(plain, root / "expected", **options)
    expected = {path.name: path.read_bytes() for path in (root / "expected").glob("part-*")}
    assert len(expected) == 4
    code, seen = forker(plain, "export", **options)
    assert code == 0
    for order in orders(seen):
        shutil.rmtree(plain / "out")
        assert forker(plain, "export", order, **options)[0] == -signal.SIGKILL, order
        whole = set((plain / "out").glob("part-*")) if (plain / "out").exists() else set()
        for path in whole:  # what a reader sees are whole files, also without the marker
            assert path.read_bytes() == expected[path.name]
        code, again = forker(plain, "export", **options)
        assert code == 0, order
        written = [where for point, phase, where in again
                   if (point, phase) == ("export.part", "after")]  # fmt: skip
        assert not {Path(where) for where in written} & whole, order
        found = {path.name: path.read_bytes() for path in (plain / "out").glob("part-*")}
        assert found == expected, order
        assert ds.dataset(plain / "out").count_rows() == N_ROWS - 3
