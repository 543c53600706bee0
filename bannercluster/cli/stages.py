"""The stage verbs: settings -> plan -> check -> workers -> run -> print."""

import importlib
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol, cast

import typer

from bannercluster.cli.failures import DONE, DONE_WITH_REJECTED, say
from bannercluster.cli.options import Request, Uses, add_command
from bannercluster.cli.output import plan_as_json, print_json, print_plan, print_tables
from bannercluster.cli.progress import open_progress
from bannercluster.config import Settings
from bannercluster.runtime.executor import Executor
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
    """A stage on the command line."""

    name: str
    help_text: str
    uses: Uses


VERBS = (
    Verb(
        "embed",
        "Turn images into embeddings; only what is new is computed.",
        {"embed": None, "paths": ("images", "manifest", "embeddings", "cache"), "runtime": None},
    ),
    Verb(
        "cluster",
        "Fit clusters to the embeddings, for every k in the same passes.",
        {"cluster": None, "paths": ("embeddings", "models"), "runtime": None},
    ),
    Verb(
        "evaluate",
        "Measure the models, with known labels or without, and choose one.",
        {
            "evaluate": None,
            "paths": ("embeddings", "models", "evaluation", "labels", "label"),
            "runtime": None,
        },
    ),
    Verb(
        "predict",
        "Write the cluster of every banner; with --images, embed new ones first.",
        {
            "predict": None,
            "paths": (
                "images",
                "manifest",
                "embeddings",
                "models",
                "evaluation",
                "assignments",
                "cache",
            ),
            "embed": ("weights", "day"),
            "runtime": None,
        },
    ),
    Verb(
        "report",
        "Gather what the stages left into one HTML file that opens offline.",
        {
            "report": None,
            "paths": (
                "images",
                "embeddings",
                "models",
                "evaluation",
                "assignments",
                "label",
                "report",
            ),
            "runtime": None,
        },
    ),
)


def add_stages(app: typer.Typer, panel: str) -> None:
    """Add the stage verbs to an app."""
    for verb in VERBS:

        def runner(request: Request, name: str = verb.name) -> int:
            return run_stage(name, request)

        add_command(app, verb.name, runner, help_text=verb.help_text, uses=verb.uses, panel=panel)


def run_stage(name: str, request: Request) -> int:
    """Run a stage by its name and return the exit code."""
    settings = request.settings
    stage = cast(Stage, importlib.import_module(f"bannercluster.{_module_of(name, settings)}"))
    plan = stage.plan(settings)
    remote = settings.runtime.scheduler is not None or settings.runtime.scheduler_file is not None
    # Workers elsewhere bring their own memory: it is checked when they are known.
    n_workers = 0 if remote else worker_count(settings.runtime)
    if request.dry_run:
        if request.as_json:
            print_json(plan_as_json(plan, n_workers))
        else:
            print_plan(plan, n_workers)
        return DONE
    plan.memory.check(n_workers)
    # Here and not above: it imports Dask, which takes a second.
    from bannercluster.runtime.cluster import open_executor

    with open_executor(settings.runtime, prefer=plan.prefer, plan=plan.memory) as executor:
        progress = open_progress(quiet=request.quiet)
        if executor.dashboard_link and not request.quiet:
            say(f"dashboard: {executor.dashboard_link}")
        with closing(_Finished(progress)):
            result = stage.run(settings, executor=executor, progress=progress)
    return show_result(result, request)


def _module_of(name: str, settings: Settings) -> str:
    """Return the module that does a verb: images named for predict go through embed first."""
    if name == "predict" and settings.origin("paths", "images").startswith("flag"):
        return "flows.new_images"
    return name


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
