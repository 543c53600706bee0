"""The scale itself: children that take a known amount of memory."""

import sys

import pytest

from memory.peaks import MIB, measure

TAKE = "import time; held = bytearray({n} << 20); {more}; time.sleep(0.4)"
CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"


def peak_of(code: str) -> int:
    measured = measure([sys.executable, "-c", code])
    assert measured.code == 0, measured.err
    return measured.peak_nbytes


@pytest.fixture(scope="module")
def empty() -> int:
    return peak_of("import time; time.sleep(0.2)")


def test_memory_of_a_process(empty):
    assert 62 * MIB <= peak_of(TAKE.format(n=64, more="pass")) - empty < 80 * MIB


def test_memory_that_is_gone_again_counts(empty):
    assert 62 * MIB <= peak_of(TAKE.format(n=64, more="del held")) - empty < 80 * MIB


def test_memory_of_children_is_added(empty):
    child = CHILD.format(code=TAKE.format(n=48, more="pass"))
    both = peak_of(TAKE.format(n=64, more=child))
    assert 110 * MIB <= both - empty < 150 * MIB


def test_memory_that_a_fork_shares_counts_once(empty):
    fork = "import os; child = os.fork(); time.sleep(0.4); child and os.wait()"
    assert 62 * MIB <= peak_of(TAKE.format(n=64, more=fork)) - empty < 100 * MIB


def test_files_that_are_read_do_not_count(empty, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(64 << 20))
    opened = f"file = open({str(path)!r}, 'rb', buffering=0); block = bytearray(1 << 20)"
    assert peak_of(f"{opened}\nwhile file.readinto(block): pass") - empty < 16 * MIB
