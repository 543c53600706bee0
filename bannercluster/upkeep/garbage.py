"""``bc gc``: what runs left over that were killed is removed."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from bannercluster.config import Settings, format_size
from bannercluster.runtime.plan import Table
from bannercluster.store import files
from bannercluster.store.embeddings import journal_url, staging_url
from bannercluster.store.lease import hold
from bannercluster.store.points import GARBAGE
from bannercluster.upkeep.places import Find, in_models, in_results, in_store, in_texts_of_images

PURPOSE = "bc gc"


@dataclass(frozen=True)
class Removed:
    """Files of one kind."""

    what: str
    n_files: int
    nbytes: int


@dataclass(frozen=True)
class Collected:
    """What was removed, or would be.

    Parameters
    ----------
    removed : tuple of Removed
    kept : tuple of Removed
        Finished work of runs that have not ended; ``--staged`` removes it too.
    dry_run : bool
    """

    removed: tuple[Removed, ...]
    kept: tuple[Removed, ...]
    dry_run: bool

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        title = "What would be removed" if self.dry_run else "What was removed"
        none = Table(f"{title}: nothing", (), ())
        shown = [sizes_table(title, self.removed) if self.removed else none]
        if self.kept:
            shown.append(sizes_table("What is kept: the same command goes on from it", self.kept))
        return tuple(shown)


def sizes_table(title: str, counted: Iterable[Removed]) -> Table:
    """Return counted files as a table."""
    rows = tuple((one.what, one.n_files, format_size(one.nbytes)) for one in counted)
    return Table(title, ("what", "files", "size"), rows)


def collect_garbage(
    settings: Settings, *, staged: bool = False, dry_run: bool = False
) -> Collected:
    """Remove what nobody needs: temporary files, chunks and tables of no generation, half models.

    Whoever writes holds a lease, so what is found under the lease belongs to no one.

    Parameters
    ----------
    settings : Settings
    staged : bool
        Also remove finished work of runs that have not ended.
    dry_run : bool
        Remove nothing.

    Raises
    ------
    LeaseHeldError
        If a process writes to one of the places.
    StoreError
        If a file cannot be removed.
    """
    paths = settings.paths
    with contextlib.ExitStack() as leases:
        for url in (
            paths.embeddings,
            paths.texts,
            paths.models,
            paths.evaluation,
            paths.assignments,
            paths.ocr,
            paths.heatmaps,
            paths.heatmap_model,
        ):
            if not dry_run and _is_there(url):
                leases.enter_context(hold(url, PURPOSE))
        finds = [
            *in_store(paths.embeddings),
            *in_store(paths.texts),
            *in_models(paths),
            *in_results(paths.evaluation),
            *in_results(paths.assignments),
            *in_texts_of_images(paths),
            *in_results(paths.heatmaps),
            *in_results(paths.heatmap_model),
        ]
        unneeded = [find for find in finds if staged or find.kind == "leftover"]
        if not dry_run:
            for find in unneeded:
                _remove(find.url)
    kept = [find for find in finds if find not in unneeded]
    return Collected(counted(unneeded), counted(kept), dry_run)


def counted(finds: Iterable[Find]) -> tuple[Removed, ...]:
    """Count finds of the same words together."""
    groups: dict[str, list[int]] = defaultdict(list)
    for find in finds:
        groups[find.what].append(find.nbytes)
    return tuple(Removed(what, len(sizes), sum(sizes)) for what, sizes in groups.items())


def _is_there(url: str) -> bool:
    """Whether there is anything to look through: the store may not be made yet, only staged."""
    return any(files.exists(where) for where in (url, staging_url(url), journal_url(url)))


def _remove(url: str) -> None:
    files.remove(url, GARBAGE)
    # The folders of a chunk or a model go with their last file.
    parent = url.rsplit("/", 1)[0]
    for _ in range(2):
        files.remove_if_empty(parent)
        parent = parent.rsplit("/", 1)[0]
