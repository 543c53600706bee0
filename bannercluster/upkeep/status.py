"""``bc status``: what is committed, staged and left over, and who is writing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bannercluster.config import PathsConfig, Settings, format_size
from bannercluster.models.evaluations import Evaluation
from bannercluster.models.folder import load_model, model_names
from bannercluster.models.sweeps import SweepFile
from bannercluster.runtime.plan import Table
from bannercluster.store import files, ocr
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.lease import held_by
from bannercluster.upkeep.garbage import Removed, counted, sizes_table
from bannercluster.upkeep.places import Find, in_models, in_results, in_store, in_texts_of_images


@dataclass(frozen=True)
class Left:
    """What a stage left.

    Parameters
    ----------
    what, state, where : str
    """

    what: str
    state: str
    where: str


@dataclass(frozen=True)
class Writer:
    """Who holds the lease of a place.

    Parameters
    ----------
    place : str
    holder : str
        In words.
    ended : bool or None
        Whether its process has ended; None where that cannot be seen from this machine.
    """

    place: str
    holder: str
    ended: bool | None


@dataclass(frozen=True)
class Status:
    """What is where.

    Parameters
    ----------
    results : tuple of Left
    writers : tuple of Writer
    staged, leftover : tuple of Removed
        Finished work of runs that have not ended; what ``bc gc`` would remove.
    """

    results: tuple[Left, ...]
    writers: tuple[Writer, ...]
    staged: tuple[Removed, ...]
    leftover: tuple[Removed, ...]

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        left = tuple((one.what, one.state, one.where) for one in self.results)
        shown = [Table("What the stages left", ("what", "state", "where"), left)]
        if self.writers:
            rows = tuple((one.place, one.holder, _state(one.ended)) for one in self.writers)
            shown.append(Table("Who is writing", ("place", "who", "state"), rows))
        for title, found in (
            ("Staged: the same command goes on from it", self.staged),
            ("Left over: `bc gc` removes it", self.leftover),
        ):
            if found:
                shown.append(sizes_table(title, found))
        return tuple(shown)


def _state(ended: bool | None) -> str:
    if ended is None:
        return "on another machine"
    return "ended: the next run takes over" if ended else "at work"


def read_status(settings: Settings) -> Status:
    """Look at everything that the stages leave; changes nothing and reads no row.

    Raises
    ------
    StoreError, FormatVersionError
        If something is damaged, or newer than this code.
    """
    paths = settings.paths
    finds: list[Find] = [
        *in_store(paths.embeddings),
        *in_store(paths.texts),
        *in_models(paths),
    ]
    folders = (paths.evaluation, paths.assignments, paths.heatmaps, paths.heatmap_model)
    for folder in folders:
        finds += in_results(folder)
    finds += in_texts_of_images(paths)
    return Status(
        tuple(_results(paths)),
        tuple(_writers(paths)),
        counted(find for find in finds if find.kind == "staged"),
        counted(find for find in finds if find.kind == "leftover"),
    )


def _results(paths: PathsConfig) -> Iterator[Left]:
    store = EmbeddingStore.open_if_any(paths.embeddings)
    yield Left("embeddings", "none" if store is None else _of_store(store), paths.embeddings)
    texts = ocr.load_record_if_any(paths.ocr)
    state = "none"
    if texts is not None:
        state = f"{texts.counts['with_text']:,} of {_number(texts.counts['contents'], 'image')}"
    yield Left("texts of images", state, paths.ocr)
    said = EmbeddingStore.open_if_any(paths.texts)
    yield Left("texts", "none" if said is None else _of_store(said), paths.texts)
    yield Left("models", _of_models(paths, store), paths.models)
    evaluation = Evaluation.load_if_any(paths.evaluation)
    state = "none"
    if evaluation is not None:
        state = f"{len(evaluation.models)} models, chosen {evaluation.chosen}"
        stores = [one for one in (store, said) if one is not None]
        # The key of fused rows begins with that of the images.
        if stores and not any(evaluation.store_key.startswith(one.key) for one in stores):
            same = evaluation.embeddings in [one.url for one in stores]
            state += f", of {'an earlier state of the' if same else 'other'} embeddings"
    yield Left("evaluation", state, paths.evaluation)
    tables = [name for name in files.names(paths.assignments) if name.endswith(".parquet")]
    yield Left("assignments", _number(len(tables), "table"), paths.assignments)
    page = files.exists(paths.report)
    yield Left("report", "there" if page else "none", paths.report)


def _of_store(store: EmbeddingStore) -> str:
    nbytes = sum(files.sizes(store.url).values())
    manifest = store.manifest
    return (
        f"{store.n_rows:,} rows x {store.n_features:,} {manifest.dtype}, {format_size(nbytes)}, "
        f"generation {manifest.generation}, {manifest.recipe.get('model')}"
    )


def _of_models(paths: PathsConfig, store: EmbeddingStore | None) -> str:
    names = model_names(paths.models)
    if not names:
        return "none"
    state = _number(len(names), "model")
    if files.exists(files.join(paths.models, "sweep.json")):
        sweep = SweepFile.load(paths.models)
        ks = ", ".join(str(load_model(paths.models, name).card.k) for name in sweep.models)
        state += f", the latest sweep: k = {ks}"
        if store is not None and sweep.data.get("n_rows") != store.n_rows:
            state += f" on {sweep.data.get('n_rows'):,} rows"
    return state


def _number(n: int, word: str) -> str:
    return f"{n:,} {word}" + ("" if n == 1 else "s") if n else "none"


def _writers(paths: PathsConfig) -> Iterator[Writer]:
    places = (paths.embeddings, paths.ocr, paths.models, paths.assignments, paths.heatmaps)
    for place in places:
        held = held_by(place)
        if held is not None:
            who = "a process that is just taking it" if held.holder is None else str(held.holder)
            yield Writer(place, who, None if held.holder is None else held.holder.ended)
