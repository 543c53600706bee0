"""Results on stdout: tables for people, JSON for programs."""

import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from bannercluster.runtime.plan import StagePlan, Table

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_WITHOUT_TERMINAL = 160


def stdout_console() -> "Console":
    """Return a console on stdout; into a file or a pipe it writes wide, plain lines."""
    from rich.console import Console

    return Console(
        width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL,
        highlight=False,
        emoji=False,
        markup=False,
    )


def print_tables(tables: Iterable[Table]) -> None:
    """Print tables, numbers to the right."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    console = stdout_console()
    for table in tables:
        if table.title:
            console.print(Text(table.title, style="bold"))
        columns = [[row[index] for row in table.rows] for index in range(len(table.columns))]
        shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name, values in zip(table.columns, columns, strict=True):
            numeric = bool(values) and all(_is_number(value) or value is None for value in values)
            shown.add_column(
                Text(name), justify="right" if numeric else "left", overflow="fold", no_wrap=numeric
            )
        for row in table.rows:
            shown.add_row(*(Text(cell(value)) for value in row))
        console.print(shown)
        console.print()


def print_plan(plan: StagePlan, n_workers: int) -> None:
    """Print what a stage would do, and what memory it takes."""
    from bannercluster.config import format_size

    memory = plan.memory
    verdict = "fits" if memory.total(n_workers) <= memory.budget else "DOES NOT FIT"
    print_tables(
        (
            Table(f"{plan.stage}: what would be done", ("what", "how"), plan.summary),
            Table(
                f"memory: {verdict} into {format_size(memory.budget)}",
                ("part", "size", "times", "sum"),
                memory.rows(n_workers),
            ),
        )
    )


def plan_as_json(plan: StagePlan, n_workers: int) -> dict[str, Any]:
    """Return a plan as JSON has it, with the sum for the workers that would run."""
    memory = plan.memory
    total = memory.total(n_workers)
    return {
        "stage": plan.stage,
        "summary": dict(plan.summary),
        "memory": {
            "parts": [dataclasses.asdict(part) for part in memory.parts],
            "budget_bytes": memory.budget,
            "total_bytes": total,
            "n_workers": n_workers,
            "fits": total <= memory.budget,
        },
        "prefer": plan.prefer,
    }


def print_json(value: object) -> None:
    """Print a value as JSON: a dataclass by its fields, what is no number as null."""
    json.dump(as_json(value), sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


def as_json(value: object) -> Any:
    """Return plain JSON data.

    Raises
    ------
    TypeError
        If a value is of a type that has no form in JSON.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: as_json(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(one) for one in value]
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return as_json(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")


def cell(value: object) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return str(value)


def fields_table(title: str, result: object) -> Table:
    """Return the fields of a dataclass as a table, for a result that has none of its own."""
    rows = tuple(
        (one.name.removeprefix("n_").replace("_", " "), getattr(result, one.name))
        for one in dataclasses.fields(result)  # type: ignore[arg-type]
    )
    return Table(title, ("what", "value"), tuple((name, cell(value)) for name, value in rows))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
