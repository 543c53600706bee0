"""Every method of every asv class runs at toy size, and what it tracks is finite and in range."""

import importlib
import inspect
import itertools
import json
import math
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KINDS = ("time_", "peakmem_", "track_")


def modules() -> list[str]:
    found = sorted(path.stem for path in (ROOT / "benchmarks" / "asv").glob("*.py"))
    return [name for name in found if name not in ("__init__", "common")]


def classes(module: str) -> list[type]:
    loaded = importlib.import_module(f"benchmarks.asv.{module}")
    own = [one for _, one in inspect.getmembers(loaded, inspect.isclass)]
    return [one for one in own if any(methods(one, kind) for kind in KINDS)]


def methods(benchmark: type, kind: str) -> list[str]:
    return [name for name in dir(benchmark) if name.startswith(kind)]


@pytest.mark.parametrize("module", modules())
def test_every_method_at_toy_size(module):
    found = classes(module)
    assert found
    for benchmark in found:
        assert all(methods(benchmark, kind) for kind in KINDS), benchmark
        assert len(benchmark.params) == len(benchmark.param_names) == len(benchmark.toy)
        assert set(benchmark.bounds) == set(methods(benchmark, "track_"))
        one = benchmark()
        one.setup(*benchmark.toy)
        try:
            for name in itertools.chain(*(methods(benchmark, kind) for kind in KINDS[:2])):
                getattr(one, name)(*benchmark.toy)
            for name, (low, high) in benchmark.bounds.items():
                value = getattr(one, name)(*benchmark.toy)
                assert math.isfinite(value), (benchmark, name)
                assert low <= value <= high, (benchmark, name, value)
        finally:
            getattr(one, "teardown", lambda *_: None)(*benchmark.toy)


def test_the_configuration_names_folders_that_are_there():
    conf = json.loads((ROOT / "benchmarks" / "asv" / "asv.conf.json").read_text())
    folder = ROOT / "benchmarks" / "asv"
    assert (folder / conf["repo"] / "pyproject.toml").is_file()
    assert (folder / conf["benchmark_dir"]).resolve() == folder
