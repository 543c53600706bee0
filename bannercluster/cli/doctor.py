"""``bc doctor``: what this machine has, what is missing, and what to do about it."""

import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from bannercluster.cli.failures import DONE, FAILED
from bannercluster.cli.options import Request, add_command
from bannercluster.cli.output import print_json, stdout_console
from bannercluster.config import Settings, format_size
from bannercluster.errors import BannerclusterError

_LITE = "efficientnet_lite0"
_MARKS = {"good": ("✓", "green"), "bad": ("✗", "red"), "absent": ("-", "yellow")}


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes
    ----------
    topic, detail
        What was looked at, and what was found.
    verdict
        ``good``; ``bad``: a run with these settings would fail; ``absent``: goes without.
    remedy
        What to do, where something is bad or absent.
    """

    topic: str
    verdict: Literal["good", "bad", "absent"]
    detail: str
    remedy: str = ""


def add_doctor(app: typer.Typer, panel: str) -> None:
    """Add the command to an app."""
    add_command(
        app,
        "doctor",
        run,
        help_text="See what this machine has: devices, engines, weights, memory, Dask.",
        uses={
            "embed": ("model", "weights", "engine", "precision", "device"),
            "paths": ("images",),
            "runtime": (
                "workers",
                "memory",
                "scheduler",
                "scheduler_file",
                "tls_ca",
                "tls_cert",
                "tls_key",
            ),
        },
        can_plan=False,
        panel=panel,
    )


def run(request: Request) -> int:
    """Print the findings; the exit code is 1 if one of them is bad."""
    checks = []
    if request.as_json:
        checks = list(find(request.settings))
        print_json({"ok": all(one.verdict != "bad" for one in checks), "checks": checks})
    else:
        for check in find(request.settings):
            checks.append(check)
            _show(check)
    return FAILED if any(one.verdict == "bad" for one in checks) else DONE


def _show(check: Check) -> None:
    from rich.table import Table
    from rich.text import Text

    mark, colour = _MARKS[check.verdict]
    line = Table.grid(padding=(0, 1))
    line.add_column(width=1)
    line.add_column(width=9)
    line.add_column(overflow="fold")
    line.add_row(Text(mark, colour), Text(check.topic, "bold"), Text(check.detail))
    if check.remedy:
        line.add_row("", "", Text(f"-> {check.remedy}", colour))
    stdout_console().print(line)


def find(settings: Settings) -> Iterator[Check]:
    """Yield the findings, the quick ones first."""
    yield from _machine(settings)
    yield _images(settings)
    yield from _dask(settings)
    yield from _gpus()
    yield from _engine(settings)
    yield from _weights(settings)
    yield _reader(settings)


def _machine(settings: Settings) -> Iterator[Check]:
    from bannercluster.runtime.devices import cpu_info
    from bannercluster.runtime.environment import library_version
    from bannercluster.runtime.memory import available_memory, memory_budget

    ours = f"bannercluster {library_version('bannercluster')}, Python {platform.python_version()}"
    yield Check("version", "good", ours)
    cpu = cpu_info()
    cores = f"{cpu.n_cores} cores"
    if cpu.n_cores < cpu.n_cores_machine:
        cores += f" of the machine's {cpu.n_cores_machine}"
    fast = [flag for flag in ("amx_bf16", "avx512_bf16") if flag in cpu.flags]
    bf16 = f"bfloat16 by {' and '.join(fast)}" if fast else "no bfloat16 in hardware"
    yield Check("CPU", "good", f"{cpu.name}, {cores}, {bf16}")
    available, budget = available_memory(), memory_budget(settings.runtime)
    detail = f"{format_size(available)} available, a run may use {format_size(budget)}"
    if budget > available:
        yield Check("memory", "bad", detail, "give --memory less than what is available")
    else:
        yield Check("memory", "good", detail)
    cache = Path(settings.paths.cache)
    existing = next(folder for folder in (cache, *cache.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(existing).free
    yield Check("disk", "good", f"{format_size(free)} free for the cache at {cache}")


def _images(settings: Settings) -> Check:
    images = settings.paths.images
    if "://" in images:
        return Check("images", "good", f"{images} (a bucket; not looked into)")
    if Path(images).is_dir():
        return Check("images", "good", images)
    remedy = "name a folder with --images, or make banners with `bc synth banners`"
    return Check("images", "absent", f"there is no folder {images}", remedy)


def _dask(settings: Settings) -> Iterator[Check]:
    from bannercluster.runtime.environment import library_version
    from bannercluster.runtime.memory import worker_count

    runtime = settings.runtime
    version = f"Dask {library_version('distributed')}"
    if runtime.scheduler is None and runtime.scheduler_file is None:
        local = f"{version}, {worker_count(runtime)} workers on this machine"
        yield Check("Dask", "good", local)
        return
    from bannercluster.runtime.cluster import open_executor

    where = runtime.scheduler or runtime.scheduler_file
    try:
        with open_executor(runtime) as executor:
            yield Check("Dask", "good", f"{version}, {executor.n_workers} threads at {where}")
    except BannerclusterError as error:
        yield Check("Dask", "bad", f"{version}, {where} cannot be used", str(error))


def _gpus() -> Iterator[Check]:
    from bannercluster.runtime.devices import cuda_devices

    gpus = cuda_devices()
    for gpu in gpus:
        capability = ".".join(str(part) for part in gpu.compute_capability)
        detail = f"{gpu.index}: {gpu.name}, {format_size(gpu.nbytes)}, capability {capability}"
        yield Check("GPU", "good", detail)
    if not gpus:
        yield Check("GPU", "absent", "none that torch can use: everything runs on the CPU")


def _engine(settings: Settings) -> Iterator[Check]:
    from bannercluster.encoders import resolve_engine
    from bannercluster.runtime.environment import library_version

    versions = ", ".join(f"{name} {library_version(name)}" for name in ("openvino", "torch"))
    embed = settings.embed
    try:
        choice = resolve_engine(embed.engine, embed.precision, embed.device)
    except BannerclusterError as error:
        yield Check("engine", "bad", versions, str(error))
        return
    engine, precision, device, reason = choice
    yield Check("engine", "good", f"{engine} in {precision} on {device}: {reason} ({versions})")


def _reader(settings: Settings) -> Check:
    from bannercluster.encoders import resolve_engine
    from bannercluster.encoders.ocr import ReaderSpec, describe_reader
    from bannercluster.runtime.environment import library_version

    config = settings.ocr
    try:
        precision = resolve_engine("openvino", config.precision, "cpu").precision
        describe_reader(ReaderSpec(precision, config.max_side, config.min_confidence))
    except BannerclusterError as error:
        return Check("OCR", "absent", "`bc ocr` cannot run here", str(error))
    versions = ", ".join(f"{name} {library_version(name)}" for name in ("rapidocr", "openvino"))
    return Check("OCR", "good", f"{precision} on the CPU ({versions})")


def _weights(settings: Settings) -> Iterator[Check]:
    from bannercluster.encoders import describe_model

    for name in dict.fromkeys((settings.embed.model, _LITE)):
        configured = name == settings.embed.model
        try:
            model = describe_model(name, settings.embed.weights if configured else None)
        except BannerclusterError as error:
            yield Check("weights", "bad" if configured else "absent", name, str(error))
            continue
        detail = f"{name}: {model.n_features:,} features, "
        detail += str(model.weights_source) if model.available else "no weights here"
        if model.available:
            yield Check("weights", "good", detail)
            continue
        remedy = f"--weights FILE, a machine with network once, or --model {_LITE}"
        yield Check("weights", "bad" if configured else "absent", detail, remedy)
