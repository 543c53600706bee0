import datetime
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bannercluster.cli import output
from bannercluster.cli.output import as_json, fields_table, print_tables
from bannercluster.cli.progress import BarProgress, open_progress
from bannercluster.cli.tables import cell, cells, pieces
from bannercluster.runtime import SilentProgress, Table


@dataclass(frozen=True)
class _Inner:
    path: Path
    day: datetime.date


@dataclass(frozen=True)
class _Made:
    n_files: int
    duration_s: float
    near_duplicates: float


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


def test_fields_are_named_with_their_units():
    table = fields_table("t", _Made(3, 1.5, 0.25))
    assert table.rows == (("files", "3"), ("duration [s]", "1.5"), ("near duplicates", "0.25"))


def test_tables_show_text_as_it_is(capsys):
    table = Table("[bold]t[/bold] :smile:", ("name", "n"), (("[red]x[/red]", 1), ("y", None)))
    print_tables((table, Table("empty", ("a",), ())))
    out = capsys.readouterr().out
    for text in ("[bold]t[/bold] :smile:", "[red]x[/red]", "empty"):
        assert text in out


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.28, 0.431, 2, None], ["0.280", "0.431", "2.000", "-"]),
        ([1819.6, 13.5], ["1,819.6", "13.5"]),
        ([1, 1000], ["1", "1,000"]),
        ([1e-9, 0.5], ["1e-09", "0.5"]),
        ([0.5, "none", True], ["0.5", "none", "yes"]),
        ([], []),
    ],
)
def test_numbers_of_a_column_have_equal_decimals(values, texts):
    assert cells(values) == texts


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12), st.integers(10, 120))
def test_pieces_hold_every_column_once_beside_the_first(widths, room):
    found = pieces(widths, room)
    assert all(piece[0] == 0 for piece in found)
    assert [column for piece in found for column in piece[1:]] == list(range(1, len(widths)))
    for piece in found:
        least = sum(min(widths[column], 24) if widths[column] > 32 else widths[column]
                    for column in piece) + 3 * (len(piece) - 1)  # fmt: skip
        assert least <= room or len(piece) <= 2


@pytest.mark.parametrize("width", [40, 60, 80, 160])
def test_no_table_loses_a_column_or_a_value(width, capsys, monkeypatch):
    monkeypatch.setattr(output, "_WIDTH_WITHOUT_TERMINAL", width)
    names = ("k", "model", "silhouette", "cosine", "AMI", "purity", "recall", "smallest", "")
    row = (30, "kmeans-k30-5c5ffc97", 0.181, 0.182, 0.559, 0.411, 0.478, 1017, "chosen")
    print_tables((Table("", names, (row,)), Table("", ("what", "how"), (("a" * 9, "long " * 30),))))
    out = capsys.readouterr().out
    for text in (*names, "kmeans-k30-5c5ffc97", "0.181", "0.182", "0.559", "1,017", "chosen"):
        assert text in out
    assert out.split().count("long") == 30
    assert max(len(line.rstrip()) for line in out.splitlines()) <= width


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
    bar.start("nothing to do", 0, "banners")
    bar.advance(0)
    bar.finish()
    bar.finish()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "10/10 banners" in printed.err
    assert "nothing to do" not in printed.err


def test_the_rate_leaves_out_what_came_before_the_first_units():
    bar = BarProgress()
    rate = []
    for done, elapsed_s in ((0, 5.0), (1000, 20.0), (1000, 20.2), (1100, 20.4), (1400, 24.0)):
        bar._done = done
        rate.append(bar._rate(elapsed_s))
    assert rate == ["", "", "", "", "100/s"]
