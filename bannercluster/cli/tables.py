"""Tables for people: numbers of a column have equal decimals, and no column gets lost."""

from collections.abc import Sequence

from bannercluster.runtime.plan import Table

GAP = 3  # characters between two columns
_LONG = 32  # characters; a column of longer texts may be folded ...
_FOLDED = 24  # ... to this width


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


def cells(values: Sequence[object]) -> list[str]:
    """Return a column's values; if there are fractions, all numbers get the same decimals.

    >>> cells([0.28, 0.431, 2, None])
    ['0.280', '0.431', '2.000', '-']
    """
    texts = [cell(value) for value in values]
    fractions = [
        text for text, value in zip(texts, values, strict=True) if isinstance(value, float)
    ]
    if not fractions or any("e" in text for text in fractions):
        return texts
    decimals = max(len(text.partition(".")[2]) for text in fractions)
    return [
        f"{value:,.{decimals}f}" if is_number(value) else text
        for text, value in zip(texts, values, strict=True)
    ]


def is_number(value: object) -> bool:
    """Whether a value is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def pieces(widths: Sequence[int], room: int) -> list[list[int]]:
    """Say which columns stand beside each other where not all of them fit.

    Every piece begins with the first column, which names the row.

    Parameters
    ----------
    widths
        Characters that each column wants.
    room
        Characters in a line.

    >>> pieces([2, 10, 10, 6], 28)
    [[0, 1, 2], [0, 3]]
    """
    least = [width if width <= _LONG else _FOLDED for width in widths]
    found = [[0]]
    used = least[0]
    for column, width in enumerate(least[1:], 1):
        if used + GAP + width > room and found[-1] != [0]:
            found.append([0])
            used = least[0]
        found[-1].append(column)
        used += GAP + width
    return found


def is_long(width: int) -> bool:
    """Whether a column of this width may be folded."""
    return width > _LONG


def columns_of(table: Table) -> list[list[object]]:
    """Return the values of a table by column."""
    return [[row[index] for row in table.rows] for index in range(len(table.columns))]
