import datetime
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bannercluster.cli.output import as_json, cell, print_tables
from bannercluster.cli.progress import BarProgress, open_progress
from bannercluster.runtime import SilentProgress, Table


@dataclass(frozen=True)
class _Inner:
    path: Path
    day: datetime.date


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (_Inner(Path("a/b"), datetime.date(2025, 3, 31)), {"path": "a/b", "day": "2025-03-31"}),
        ({1: (2, 3.5)}, {"1": [2, 3.5]}),
        (np.float32(0.5), 0.5),
        (np.arange(3), [0, 1, 2]),
        ([math.inf, math.nan, None, True], [None, None, None, True]),
    ],
)
def test_as_json(value, expected):
    assert as_json(value) == expected


def test_no_json_for_what_has_no_form():
    with pytest.raises(TypeError, match="no JSON for object"):
        as_json(object())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (12345, "12,345"),
        (0.123456, "0.1235"),
        (123456.7, "123,457"),
        ("[red]text", "[red]text"),
    ],
)
def test_cell(value, text):
    assert cell(value) == text


def test_tables_show_text_as_it_is(capsys):
    table = Table("[bold]t[/bold] :smile:", ("name", "n"), (("[red]x[/red]", 1), ("y", None)))
    print_tables((table, Table("empty", ("a",), ())))
    out = capsys.readouterr().out
    for text in ("[bold]t[/bold] :smile:", "[red]x[/red]", "empty"):
        assert text in out


def test_progress_is_silent_without_a_terminal():
    assert isinstance(open_progress(quiet=False), SilentProgress)


def test_progress_bar_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert isinstance(open_progress(quiet=True), SilentProgress)
    bar = open_progress(quiet=False)
    assert isinstance(bar, BarProgress)
    bar.advance(1)
    for stage in ("embed", "embed again"):
        bar.start(stage, 10, "banners")
        bar.advance(4, "first")
        bar.advance(6)
    bar.finish()
    bar.finish()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "10/10 banners" in printed.err
