"""Results on stdout: tables for people, JSON for programs."""

import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from bannercluster.cli.tables import cell, cells, columns_of, is_long, is_number, pieces
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
    """Print tables, numbers to the right; one that is too wide goes on below itself."""
    from rich.cells import cell_len
    from rich.text import Text

    console = stdout_console()
    for table in tables:
        if table.title:
            console.print(Text(table.title, style="bold"))
        if not table.columns:
            console.print()
            continue
        columns = [
            _Column(name, cells(values), _is_numeric(values))
            for name, values in zip(table.columns, columns_of(table), strict=True)
        ]
        widths = [max(map(cell_len, (one.name, *one.texts))) for one in columns]
        for shown in pieces(widths, console.width):
            _print_columns(console, [columns[index] for index in shown], len(table.rows))
            console.print()


@dataclass(frozen=True)
class _Column:
    name: str
    texts: Sequence[str]
    numeric: bool


def _print_columns(console: "Console", columns: Sequence[_Column], n_rows: int) -> None:
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for one in columns:
        folds = is_long(max(map(cell_len, (one.name, *one.texts))))
        shown.add_column(
            Text(one.name),
            justify="right" if one.numeric else "left",
            overflow="fold",
            no_wrap=not folds,
        )
    for row in range(n_rows):
        shown.add_row(*(Text(one.texts[row]) for one in columns))
    console.print(shown)


def _is_numeric(values: Sequence[object]) -> bool:
    return bool(values) and all(is_number(value) or value is None for value in values)


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


def _words(name: str) -> str:
    """Return the name of a field as people write it: ``duration_s`` is ``duration [s]``."""
    seconds = name.endswith("_s")
    text = name.removeprefix("n_").removesuffix("_s" if seconds else "").replace("_", " ")
    return f"{text} [s]" if seconds else text


def fields_table(title: str, result: object) -> Table:
    """Return the fields of a dataclass as a table, for a result that has none of its own."""
    rows = tuple(
        (_words(one.name), getattr(result, one.name))
        for one in dataclasses.fields(result)  # type: ignore[arg-type]
    )
    return Table(title, ("what", "value"), tuple((name, cell(value)) for name, value in rows))
