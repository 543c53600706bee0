"""Options of many values, in every way in which people write them."""

import re
from collections.abc import Collection, Sequence

_NEGATIVE_NUMBER = re.compile(r"-\.?\d")


def join_values(arguments: Sequence[str], flags: Collection[str]) -> list[str]:
    """Write every option of many values once, with its values joined by commas.

    ``--k 5 10 15``, ``--k 5,10,15``, ``--k=5 10,15`` and ``--k 5 --k 10 --k 15`` all become
    ``--k 5,10,15``. A value ends where the next option begins.

    Parameters
    ----------
    arguments
        What was typed after the command.
    flags
        The options that take many values.
    """
    out: list[str] = []
    place: dict[str, int] = {}
    values: dict[str, list[str]] = {}
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            out += [word, *waiting]
            break
        flag, equals, first = word.partition("=")
        if flag not in flags:
            out.append(word)
            continue
        taken = [first] if equals else []
        while waiting and not _is_option(waiting[0]):
            taken.append(waiting.pop(0))
        if flag not in place:
            place[flag] = len(out) + 1
            values[flag] = []
            out += [flag, ""]
        values[flag] += taken
    for flag, position in place.items():
        out[position] = ",".join(values[flag])
    return _without_missing(out, place)


def _without_missing(arguments: list[str], place: dict[str, int]) -> list[str]:
    """Drop the empty value of an option that got none, so that the parser misses it."""
    missing = {position for position in place.values() if arguments[position] == ""}
    return [word for index, word in enumerate(arguments) if index not in missing]


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1 and not _NEGATIVE_NUMBER.match(word)
