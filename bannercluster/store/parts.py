"""How large the parts are that a stage computes and stages one by one."""

from __future__ import annotations

_LEAST_PART_ROWS = 32


def part_rows(most: int, n_fresh: int, parts_of_a_small_job: int = 8) -> int:
    """Return the rows of a part: fewer in a small job, so that all workers have some.

    Not by the number of workers: a run with another number must find the parts of the one before.

    Parameters
    ----------
    most : int
        Rows of a part in a large job.
    n_fresh : int
        Rows to compute.
    parts_of_a_small_job : int
        About how many parts a small job has.
    """
    share = -(-n_fresh // parts_of_a_small_job)
    return min(most, max(_LEAST_PART_ROWS, 1 << max(share - 1, 0).bit_length()))
