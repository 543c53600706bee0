"""The stage verbs: settings -> plan -> check -> workers -> run -> print."""

import importlib
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

import typer

from bannercluster.cli.failures import DONE, DONE_WITH_REJECTED, say, stopping
from bannercluster.cli.options import Request, Uses, add_command
from bannercluster.cli.output import plan_as_json, print_json, print_plan, print_tables
from bannercluster.cli.progress import open_progress
from bannercluster.config import Settings
from bannercluster.runtime.demands import Demand
from bannercluster.runtime.executor import Executor, ThreadExecutor
from bannercluster.runtime.memory import worker_count
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress


class StageResult(Protocol):
    """What a stage hands back: a frozen dataclass, shown as tables or, by its fields, as JSON.

    If it has an ``n_rejected`` above zero, the command ends with the exit code 3.
    """

    def tables(self) -> tuple[Table, ...]:
        """Return what people want to see."""


class Stage(Protocol):
    """The package of a stage."""

    def plan(self, settings: Settings) -> StagePlan:
        """Say what would be done."""

    def run(self, settings: Settings, *, executor: Executor, progress: Progress) -> StageResult:
        """Do it."""


@dataclass(frozen=True)
class Verb:
    """A stage on the command line.

    Attributes
    ----------
    name, help_text, uses
        Of the command.
    workers_read, workers_write
        Those of its paths that workers open, and not only the process that runs the stage.
    module
        The module that does it, where it has another name.
    in_process
        Whether it runs on threads of this process, and asks for no other workers.
    """

    name: str
    help_text: str
    uses: Uses
    workers_read: tuple[str, ...] = ()
    workers_write: tuple[str, ...] = ()
    module: str = ""
    in_process: bool = False


VERBS = (
    Verb(
        "embed",
        "Turn images into embeddings; only what is new is computed.",
        {"embed": None, "paths": ("images", "manifest", "embeddings", "cache"), "runtime": None},
        workers_read=("images",),
        workers_write=("embeddings",),
    ),
    Verb(
        "import",
        "Take in embeddings that exist already, from Parquet or Zarr.",
        {"import": None, "paths": ("embeddings",), "runtime": ("workers", "memory")},
        module="transfer.importing",
        in_process=True,
    ),
    Verb(
        "export",
        "Write the embeddings as Parquet files that any tool reads.",
        {"export": None, "paths": ("embeddings",), "runtime": ("workers", "memory")},
        module="transfer.exporting",
        in_process=True,
    ),
    Verb(
        "ocr",
        "Read the text off images; only what is new is read.",
        {
            "ocr": None,
            "paths": ("images", "embeddings", "ocr"),
            "embed": ("max_pixels", "decode_timeout_s", "decode_memory"),
            "runtime": None,
        },
        workers_read=("images",),
        workers_write=("ocr",),
    ),
    Verb(
        "text",
        "Turn what banners say into embeddings: titles, landing pages, text in the image.",
        {
            "text": None,
            "paths": ("texts", "embeddings", "ocr", "landing_pages", "text_table", "cache"),
            "runtime": None,
        },
        workers_read=("landing_pages",),
        workers_write=("texts",),
    ),
    Verb(
        "cluster",
        "Fit clusters to the embeddings, for every k in the same passes.",
        {"cluster": None, "paths": ("embeddings", "texts", "models"), "runtime": None},
        workers_read=("embeddings", "texts"),
    ),
    Verb(
        "evaluate",
        "Measure the models, with known labels or without, and choose one.",
        {
            "evaluate": None,
            "paths": ("embeddings", "texts", "models", "evaluation", "labels", "label"),
            "runtime": None,
        },
        workers_read=("embeddings", "texts"),
    ),
    Verb(
        "ablation",
        "Compare clusterings by images, by texts and by both, on the same banners.",
        {
            "ablation": None,
            "cluster": (
                "k",
                "n_init",
                "text_weight",
                "image_components",
                "text_components",
                "max_iter",
            ),
            "paths": ("embeddings", "texts", "evaluation", "labels", "label"),
            "runtime": ("workers", "memory"),
        },
        module="flows.ablation",
        in_process=True,
    ),
    Verb(
        "predict",
        "Write the cluster of every banner; with --images, take in new ones first.",
        {
            "predict": None,
            "paths": (
                "images",
                "manifest",
                "embeddings",
                "texts",
                "ocr",
                "landing_pages",
                "text_table",
                "models",
                "evaluation",
                "assignments",
                "cache",
            ),
            "embed": ("weights", "day"),
            "text": ("model",),
            "runtime": None,
        },
        workers_read=("embeddings", "texts"),
    ),
    Verb(
        "report",
        "Gather what the stages left into one HTML file that opens offline.",
        {
            "report": None,
            "paths": (
                "images",
                "embeddings",
                "texts",
                "models",
                "evaluation",
                "assignments",
                "label",
                "report",
            ),
            "runtime": None,
        },
        workers_read=("images", "embeddings", "texts"),
    ),
)


_NEW_IMAGES = "flows.new_images"


def add_stages(app: typer.Typer, panel: str) -> None:
    """Add the stage verbs to an app."""
    for verb in VERBS:
        add_stage(app, verb, panel)


def add_stage(app: typer.Typer, verb: Verb, panel: str | None = None) -> None:
    """Add one stage verb to an app or a group."""
    add_command(
        app,
        verb.name,
        partial(run_stage, verb),
        help_text=verb.help_text,
        uses=verb.uses,
        panel=panel,
    )


def run_stage(verb: Verb, request: Request) -> int:
    """Run the stage of a verb and return the exit code."""
    settings = request.settings
    stage = cast(Stage, importlib.import_module(f"bannercluster.{_module_of(verb, settings)}"))
    plan = stage.plan(settings)
    named = settings.runtime.scheduler is not None or settings.runtime.scheduler_file is not None
    remote = named and not verb.in_process
    # Workers elsewhere bring their own memory: it is checked when they are known.
    n_workers = 0 if remote else worker_count(settings.runtime)
    if request.dry_run:
        if request.as_json:
            print_json(plan_as_json(plan, n_workers))
        else:
            print_plan(plan, n_workers)
        return DONE
    plan.memory.check(n_workers)
    with (
        _seen_by_workers(verb, settings) if remote else nullcontext(()) as demands,
        _executor(verb, settings, plan, demands) as executor,
    ):
        progress = open_progress(quiet=request.quiet)
        if executor.dashboard_link and not request.quiet:
            say(f"dashboard: {executor.dashboard_link}")
        with stopping(quiet=request.quiet), closing(_Finished(progress)):
            result = stage.run(settings, executor=executor, progress=progress)
    return show_result(result, request)


def _executor(
    verb: Verb, settings: Settings, plan: StagePlan, demands: tuple[Demand, ...]
) -> AbstractContextManager[Executor]:
    if verb.in_process:
        return ThreadExecutor(worker_count(settings.runtime))
    # Here and not above: it imports Dask, which takes a second.
    from bannercluster.runtime.cluster import open_executor

    return open_executor(settings.runtime, prefer=plan.prefer, plan=plan.memory, demands=demands)


def _seen_by_workers(verb: Verb, settings: Settings) -> AbstractContextManager[tuple[Demand, ...]]:
    """Return files that workers elsewhere must see, one for each path that they open."""
    from bannercluster.store.reach import witnesses

    read = [url for path in verb.workers_read if (url := getattr(settings.paths, path)) is not None]
    written = [getattr(settings.paths, path) for path in verb.workers_write]
    if _module_of(verb, settings) == _NEW_IMAGES:
        from bannercluster.flows import new_images

        more_read, more_written = new_images.places(settings)
        read, written = [*more_read, *read], [*more_written, *written]
    return witnesses(read, written)


def _module_of(verb: Verb, settings: Settings) -> str:
    """Return the module that does a verb: images named for predict go through embed first."""
    if verb.name == "predict" and settings.origin("paths", "images").startswith("flag"):
        return _NEW_IMAGES
    return verb.module or verb.name


def show_result(result: StageResult, request: Request) -> int:
    """Print a result and return the exit code that it stands for."""
    if request.as_json:
        print_json(result)
    else:
        print_tables(result.tables())
    return DONE_WITH_REJECTED if getattr(result, "n_rejected", 0) else DONE


class _Finished:
    """Ends the progress bar before anything else is written, whatever happened."""

    def __init__(self, progress: Progress) -> None:
        self.close = progress.finish
