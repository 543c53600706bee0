"""What a stage will do, and what it shows of a result: plain data for whoever prints it."""

from dataclasses import dataclass
from typing import Literal

from bannercluster.runtime.memory import MemoryPlan


@dataclass(frozen=True)
class Table:
    """A table of results.

    Attributes
    ----------
    title
        One line; may be empty.
    columns
        Names, with the unit where there is one.
    rows
        Values: text, numbers, bool, None. How a number is written is up to the printer.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


@dataclass(frozen=True)
class StagePlan:
    """What a stage is about to do.

    Attributes
    ----------
    stage
        Name of the stage.
    summary
        Pairs of what and how much: rows in, already done, model, engine and why.
    memory
        What it needs in memory.
    prefer
        The kind of worker that suits it, for ``--pool auto``.
    """

    stage: str
    summary: tuple[tuple[str, str], ...]
    memory: MemoryPlan
    prefer: Literal["threads", "processes"] = "threads"
