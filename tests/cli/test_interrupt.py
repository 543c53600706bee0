"""Ctrl-C in a terminal reaches the command and all of its worker processes at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_PROGRAM = """
import pathlib, sys, time, types
from bannercluster.runtime import MemoryPlan, StagePlan

def wait(marker):
    pathlib.Path(marker).touch()
    time.sleep(0.5)

def plan(settings):
    return StagePlan("embed", (), MemoryPlan("embed", (), budget=2**32), "processes")

def run(settings, *, executor, progress):
    list(executor.map_unordered(wait, [settings.paths.images] * 100))

if __name__ == "__main__":
    module = types.ModuleType("bannercluster.embed")
    module.plan, module.run = plan, run
    sys.modules["bannercluster.embed"] = module
    from bannercluster.cli.main import main
    sys.exit(main(["embed", "--images", sys.argv[1]]))
"""


def test_interrupt_ends_in_one_line(tmp_path):
    program, marker = tmp_path / "program.py", tmp_path / "begun"
    program.write_text(_PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(program), str(marker)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONWARNINGS": "default"},
    )
    deadline = time.monotonic() + 120
    while not Path(marker).exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert out == ""
    assert err == (
        "interrupted: what is written so far is whole; the same command goes on from there\n"
    )
