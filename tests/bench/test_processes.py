"""What is measured of a command, held to commands that take known amounts."""

import os
import sys

import pytest

from bannercluster.bench.processes import measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MIB = 1 << 20


def run(script: str, tmp_path):
    return measure([sys.executable, "-c", script], folder=tmp_path, variables=os.environ)


def test_output_and_exit_code(tmp_path):
    usage = run("import os, sys; print(os.getcwd()); print('x', file=sys.stderr); sys.exit(3)",
                tmp_path)  # fmt: skip
    assert (usage.exit_code, usage.stdout, usage.stderr) == (3, f"{tmp_path}\n", "x\n")
    assert usage.wall_s > 0


def test_a_signal_is_a_negative_exit_code(tmp_path):
    assert run("import os; os.kill(os.getpid(), 9)", tmp_path).exit_code == -9


def test_bytes_are_those_that_were_read_and_written(tmp_path):
    nothing = run("", tmp_path)
    (tmp_path / "in").write_bytes(bytes(7 * MIB))
    usage = run("open('out', 'wb').write(open('in', 'rb').read()[:3 << 20])", tmp_path)
    assert usage.asked_read_nbytes - nothing.asked_read_nbytes == pytest.approx(7 * MIB, rel=0.02)
    assert usage.asked_written_nbytes - nothing.asked_written_nbytes == 3 * MIB


@pytest.mark.parametrize("where", ["itself", "a child"])
def test_processor_time_and_bytes_of_children_count(where, tmp_path):
    script = (
        "import time\n"
        "while time.process_time() < 0.3: pass\n"
        "open('out', 'wb').write(bytes(2 << 20))\n"
    )
    if where == "a child":
        script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {script!r}])"
    usage = run(script, tmp_path)
    assert usage.cpu_s >= 0.3
    assert usage.asked_written_nbytes >= 2 * MIB


def test_memory_is_that_of_the_whole_tree_at_once(tmp_path):
    # Each of two children waits for the other with 64 MiB in hand: no sample can miss both.
    child = (
        "import sys; held = bytearray(b'x') * (64 << 20); print(len(held), flush=True); "
        "sys.stdin.read()"
    )
    script = (
        "import subprocess, sys, time\n"
        f"command = [sys.executable, '-c', {child!r}]\n"
        "pipe = subprocess.PIPE\n"
        "both = [subprocess.Popen(command, stdin=pipe, stdout=pipe) for _ in range(2)]\n"
        "[one.stdout.readline() for one in both]\n"
        "time.sleep(1.0)\n"
        "[one.communicate() for one in both]\n"
    )
    assert run(script, tmp_path).peak_nbytes >= 128 * MIB


def test_a_short_peak_of_the_command_itself_is_not_missed(tmp_path):
    script = "import time; bytearray(b'x') * (200 << 20); time.sleep(0.5)"
    assert run(script, tmp_path).peak_nbytes >= 200 * MIB
