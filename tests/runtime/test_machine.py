"""Memory, cores, plans and versions."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bannercluster.config import RuntimeConfig
from bannercluster.errors import MemoryPlanError
from bannercluster.runtime import MemoryPart, MemoryPlan, SilentProgress
from bannercluster.runtime.cgroup import CgroupLimits, cgroup_limits
from bannercluster.runtime.devices import cpu_info, cuda_devices, n_cores
from bannercluster.runtime.environment import environment
from bannercluster.runtime.memory import (
    available_memory,
    memory_budget,
    resident_nbytes,
    worker_count,
)


def _write(root, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")


def test_version_2_takes_the_tightest_group_on_the_way_up(tmp_path):
    _write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/pod/job",
            "sys/fs/cgroup/pod/memory.max": "4000",
            "sys/fs/cgroup/pod/memory.current": "3000",
            "sys/fs/cgroup/pod/memory.stat": "anon 1\ninactive_file 500",
            "sys/fs/cgroup/pod/cpu.max": "max 100000",
            "sys/fs/cgroup/pod/job/memory.max": "max",
            "sys/fs/cgroup/pod/job/cpu.max": "150000 100000",
        },
    )
    assert cgroup_limits(tmp_path) == CgroupLimits(4000, 2500, 2)


def test_version_2_inside_a_container_sees_only_the_mount(tmp_path):
    _write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/kubepods/pod1/abc",
            "sys/fs/cgroup/memory.max": "1000",
            "sys/fs/cgroup/memory.current": "100",
            "sys/fs/cgroup/cpu.max": "400000 100000",
        },
    )
    assert cgroup_limits(tmp_path) == CgroupLimits(1000, 100, 4)


def test_version_1(tmp_path):
    _write(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/job\n2:cpu,cpuacct:/job",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "2000",
            "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "700",
            "sys/fs/cgroup/memory/job/memory.stat": "total_inactive_file 200",
            "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "50000",
            "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000",
        },
    )
    assert cgroup_limits(tmp_path) == CgroupLimits(2000, 500, 1)


def test_no_groups(tmp_path):
    assert cgroup_limits(tmp_path) == CgroupLimits()


def test_version_1_without_limits(tmp_path):
    _write(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/\n1:cpu:/",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
    )
    assert cgroup_limits(tmp_path) == CgroupLimits()


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (CgroupLimits(), 1000),
        (CgroupLimits(memory_limit=800, memory_used=300), 500),
        (CgroupLimits(memory_limit=800), 800),
        (CgroupLimits(memory_limit=100, memory_used=300), 0),
        (CgroupLimits(memory_limit=5000, memory_used=0), 1000),
    ],
)
def test_available_memory_is_the_tighter_of_machine_and_container(limits, expected):
    assert available_memory(limits, lambda: 1000) == expected


def test_this_machine():
    assert available_memory() > 0
    assert memory_budget(RuntimeConfig(memory="1 GiB")) == 2**30  # type: ignore[arg-type]
    # What this process takes already may be used, too; late in a run of all tests that is much.
    assert 0 < memory_budget(RuntimeConfig()) < resident_nbytes() + available_memory()
    assert worker_count(RuntimeConfig(workers=3)) == 3
    assert worker_count(RuntimeConfig()) == n_cores() >= 1
    assert cpu_info().name


def test_cuda_devices_are_those_of_torch():
    torch = pytest.importorskip("torch")
    assert len(cuda_devices()) == torch.cuda.device_count()


def test_cpu_flags(tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("model name\t: Fast One\nflags\t\t: fpu avx2 amx_bf16 avx512_bf16\n\n")
    assert cpu_info(file).name == "Fast One"
    assert cpu_info(file).flags == ("avx2", "avx512_bf16", "amx_bf16")


PLAN = MemoryPlan(
    "embed",
    (
        MemoryPart("inventory", 100, "process"),
        MemoryPart("network", 300, "worker"),
        MemoryPart("batch", 50, "worker"),
    ),
    budget=900,
)


def test_plan_adds_up():
    assert (PLAN.per_process, PLAN.per_worker, PLAN.total(2)) == (100, 350, 800)
    assert PLAN.fitting_workers() == 2
    PLAN.check(2)


def test_plan_that_does_not_fit_says_how_it_would():
    with pytest.raises(MemoryPlanError) as refused:
        PLAN.check(3)
    message = str(refused.value)
    assert "embed needs 1.12 KiB (100 B once and 350 B for each of 3 workers" in message
    assert "the largest part is network, 300 B) and may use 900 B: use --workers 2" in message


def test_plan_of_which_not_even_one_worker_fits():
    small = MemoryPlan("embed", PLAN.parts, budget=200)
    with pytest.raises(MemoryPlanError, match=r"one worker alone needs 450 B"):
        small.check(1)


def test_plan_as_a_table():
    assert PLAN.rows(2) == (
        ("inventory", "100 B", "x 1", "100 B"),
        ("network", "300 B", "x 2", "600 B"),
        ("batch", "50 B", "x 2", "100 B"),
        ("total", "", "", "800 B"),
    )


@given(once=st.integers(0, 1000), each=st.integers(1, 1000), budget=st.integers(0, 5000))
def test_fitting_workers_is_the_largest_number_that_passes(once, each, budget):
    parts = (MemoryPart("a", once, "process"), MemoryPart("b", each, "worker"))
    plan = MemoryPlan("stage", parts, budget)
    fitting = plan.fitting_workers()
    if fitting:
        plan.check(fitting)
    with pytest.raises(MemoryPlanError):
        plan.check(fitting + 1)


def test_environment_is_json():
    found = json.loads(json.dumps(environment()))
    assert found["libraries"]["numpy"]
    assert found["n_cores"] >= 1


def test_silent_progress():
    progress = SilentProgress()
    progress.start("embed", 3, "banners")
    progress.advance(2, "note")
    progress.finish()


def test_light_modules_import_nothing_heavy():
    code = (
        "import sys, bannercluster.config, bannercluster.runtime, bannercluster.runtime.plan, "
        "bannercluster.runtime.environment, bannercluster.cli.main; "
        "heavy = {'dask', 'distributed', 'torch', 'numpy', 'rich.console', 'yaml', 'psutil'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
