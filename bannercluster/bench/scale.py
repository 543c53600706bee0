"""``bc bench scale``: one stage over several sizes of data; how its cost grows."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bannercluster.bench.generators import write_store
from bannercluster.bench.growth import fit_growth
from bannercluster.bench.plot import scale_plot
from bannercluster.bench.processes import Usage, measure
from bannercluster.bench.results import record, save
from bannercluster.bench.scaled import Run, ScaleResult
from bannercluster.bench.stages import LABEL, STAGES, Measured, arguments_before, quality_of
from bannercluster.errors import BannerclusterError, UsageError
from bannercluster.runtime.progress import Progress
from bannercluster.store import files, points

_BC = (
    sys.executable,
    "-c",
    "import sys; from bannercluster.cli.main import main; sys.exit(main(sys.argv[1:]))",
)
_COSTS = ("wall_s", "cpu_s", "peak_nbytes", "asked_read_nbytes")


class MeasuredCommandError(BannerclusterError):
    """A command that was to be measured did not end well."""


@dataclass(frozen=True)
class ScaleRequest:
    """What to measure.

    Parameters
    ----------
    stage : str
        Name of a command, one of :data:`~bannercluster.bench.stages.STAGES`.
    options : tuple of str
        Further options of the stage, as they are typed.
    sizes : tuple of int
        Rows, or banners for the stages that begin with images; each is measured.
    repeats : int
        Runs of each size.
    n_features : int
        Of generated rows.
    seed : int
    folder : str or None
        Where the data of each size is made, and kept for the next time; None: a temporary folder.
    out : str
        Folder of ``scale-<stage>.json`` and ``scale-<stage>.svg``.
    """

    stage: str
    options: tuple[str, ...] = ()
    sizes: tuple[int, ...] = (10_000, 30_000, 100_000)
    repeats: int = 3
    n_features: int = 1_792
    seed: int = 0
    folder: str | None = None
    out: str = "benchmarks/results"


def run(request: ScaleRequest, progress: Progress) -> ScaleResult:
    """Generate the data of each size, run the stage on it, and write what was found.

    The stage runs as ``bc STAGE`` in a process of its own, with a new place for its output each
    time. One run on the smallest size comes first and does not count: it fills the caches of the
    compiled loops and of the network. Then each repeat runs all sizes, so that what disturbs the
    machine for a while does not fall on one size. The inputs lie in the cache of the disk as far
    as they fit, as after the stage before.

    Raises
    ------
    UsageError
        If there is no such stage.
    MeasuredCommandError
        If a command fails; with its last line.
    StoreError
        If the results cannot be written.
    """
    stage = STAGES.get(request.stage)
    if stage is None:
        raise UsageError(
            f"the stage {request.stage!r} cannot be measured; expected one of {', '.join(STAGES)}"
        )
    sizes = tuple(sorted(set(request.sizes)))
    runs: list[Run] = []
    with _folder(request.folder) as work:
        progress.start("bench scale", len(sizes) * (request.repeats + 1) + 1, "runs")
        try:
            for size in sizes:
                _prepare(stage, size, request, work / f"{stage.starts_with}-{size}")
                progress.advance(1, note=f"{size:,} {stage.unit} made")
            _once(stage, sizes[0], request, work)
            progress.advance(1)
            for repeat in range(request.repeats):
                for size in sizes:
                    usage = _once(stage, size, request, work)
                    runs.append(Run(size, repeat, usage, quality_of(stage, usage.stdout)))
                    progress.advance(1, note=f"{size:,} {stage.unit}")
        finally:
            progress.finish()
    growth = {
        cost: fit_growth([one.size for one in runs], [getattr(one.usage, cost) for one in runs])
        for cost in _COSTS
    }
    stem = files.join(request.out, f"scale-{stage.name}")
    result = ScaleResult(
        stage.name, stage.unit, request.options, request.n_features, tuple(runs), growth, stem
    )
    save(f"{stem}.json", record(f"scale {stage.name}", result.document()))
    files.write_bytes(f"{stem}.svg", scale_plot(result).encode(), points.BENCH)
    return result


@contextmanager
def _folder(named: str | None) -> Iterator[Path]:
    if named is not None:
        path = Path(named).absolute()
        path.mkdir(parents=True, exist_ok=True)
        yield path
        return
    path = Path(tempfile.mkdtemp(prefix="bc-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _prepare(stage: Measured, size: int, request: ScaleRequest, data: Path) -> None:
    """Make the data of a size and run what comes before the stage, unless it lies there."""
    data.mkdir(exist_ok=True)
    made = data / f"{stage.starts_with}-{request.n_features}-{request.seed}.made"
    if not made.exists():
        if stage.starts_with == "rows":
            shutil.rmtree(data)
            write_store(
                f"{data}/embeddings.zarr", size, request.n_features, "float16", request.seed
            )
        else:
            options = ("--images", f"{data}/images", "--banners", str(size))
            once_each = ("--duplicates", "0", "--near-duplicates", "0")
            _bc(("synth", "banners", *options, *once_each, "--seed", str(request.seed)), data)
        made.touch()
    for name in stage.before:
        # Every command is a no-op, or goes on, where it was done before.
        _bc((name, *arguments_before(name, data)), data)


def _once(stage: Measured, size: int, request: ScaleRequest, work: Path) -> Usage:
    data = work / f"{stage.starts_with}-{size}"
    out = Path(tempfile.mkdtemp(prefix="out-", dir=work))
    try:
        return _bc((stage.name, *stage.arguments(data, out), *request.options), data)
    finally:
        shutil.rmtree(out)


def _bc(arguments: tuple[str, ...], folder: Path) -> Usage:
    """Run a command of ours; it must end well."""
    variables = {"BC_RUNTIME_DASHBOARD": "off", **os.environ, "BC_PATHS_LABEL": LABEL}
    command = (*_BC, *arguments, "--json", "--quiet")
    usage = measure(command, folder=folder, variables=variables)
    if usage.exit_code:
        last = (usage.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise MeasuredCommandError(
            f"bc {' '.join(arguments)} ended with exit code {usage.exit_code}: {last}; run it by "
            f"itself to see more"
        )
    return usage
