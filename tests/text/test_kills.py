"""Killed at every commit point and run again, `bc text` leaves what an undisturbed run does."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from .worlds import content_of, settings_in, write_table

TESTS = Path(__file__).parents[1]
POINTS = {
    "store.lease", "embed.part", "store.chunk", "store.table", "store.array", "store.root",
    "store.old-table", "embed.staging",
}  # fmt: skip


@pytest.fixture(scope="module")
def ask():
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    with subprocess.Popen(
        [sys.executable, "-m", "text.forker"],
        cwd=TESTS, env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip

        def ask(folder: Path, table: str, order: dict | None = None):
            log = folder / "log"
            log.unlink(missing_ok=True)
            request = {"folder": str(folder), "table": table, "order": order}
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            code = json.loads(process.stdout.readline())
            lines = log.read_text().splitlines() if log.exists() else []
            return code, [tuple(line.split("\t")) for line in lines]

        yield ask
        process.stdin.close()
        process.wait(120)


def parts_of(seen, phase):
    return {
        where.rsplit("/", 1)[-1] for name, at, where in seen if (name, at) == ("embed.part", phase)
    }


@pytest.mark.slow
def test_killed_at_every_point(tmp_path, ask):
    rows = [{"banner_id": f"b{i}", "title": f"t{i % 60}", "day": "2026-01-01"} for i in range(70)]
    tables = []
    for number in range(3):
        tables.append(write_table(tmp_path / f"{number}.csv", rows))
        rows = [{**row, "title": f"{row['title']} {number}"} for row in rows[:40]]
        rows += [{"banner_id": f"n{number}", "title": " "}]
    base = tmp_path / "base"
    base.mkdir()
    assert [ask(base, table)[0] for table in tables[:2]] == [0, 0]
    undisturbed = shutil.copytree(base, tmp_path / "undisturbed")
    code, seen = ask(undisturbed, tables[2])
    assert code == 0
    assert {point for point, _, _ in seen} == POINTS
    expected = content_of(settings_in(undisturbed))
    before = content_of(settings_in(base))
    assert before != expected
    counted = Counter((point, phase) for point, phase, _ in seen)
    for (point, phase), n in counted.items():
        for nth in sorted({1, n}):
            order = {"point": point, "phase": phase, "nth": nth, "action": "kill"}
            folder = shutil.copytree(base, tmp_path / f"{point}-{phase}-{nth}")
            assert ask(folder, tables[2], order)[0] == -signal.SIGKILL, order
            assert content_of(settings_in(folder)) in (before, expected), order
            staged = {path.name for path in folder.glob("texts.staging/*.parquet")}
            code, second = ask(folder, tables[2])
            assert code == 0, order
            assert content_of(settings_in(folder)) == expected, order
            # No part is encoded a second time, and nothing stays behind.
            assert not parts_of(second, "before") & staged, order
            assert not (folder / "texts.staging").exists(), order
            shutil.rmtree(folder)
