"""New images against a saved model: all that the model needs of them, and then their clusters.

What is new is embedded into the model's store. Where the model takes texts, the text in the images
is read as the other images' was, and the new banners get texts as the other banners did. Every
step is its stage, with the settings of what lies there; each is idempotent, and so is the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from bannercluster import embed, ocr, predict, text
from bannercluster.config import Settings
from bannercluster.embed import EmbedResult
from bannercluster.embed.inventory import list_files
from bannercluster.errors import IncompatibleStoreError
from bannercluster.models.inputs import Modality, modality_of, open_images, open_texts
from bannercluster.ocr import OcrResult
from bannercluster.ocr.recorded import as_recorded as ocr_as_recorded
from bannercluster.predict import PredictResult
from bannercluster.predict.stage import choose_model
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import MemoryPart, MemoryPlan, worker_count
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store.aliases import keys_of
from bannercluster.text import TextResult
from bannercluster.text.recorded import as_recorded as text_as_recorded

_KEPT = ("network", "decoders")
"""How parts of a plan begin that a process keeps when the step is over."""


@dataclass(frozen=True)
class NewImagesResult:
    """What each step did; None where the model, or the texts, do without the step.

    Parameters
    ----------
    embed : EmbedResult
    ocr : OcrResult or None
    text : TextResult or None
    predict : PredictResult
    modality : {"image", "text", "both"}
        What the model takes.
    n_banners, n_without_text : int
        Banners of these images that the store has, and those of them that have no text; 0 where
        texts do not count.
    """

    embed: EmbedResult
    ocr: OcrResult | None
    text: TextResult | None
    predict: PredictResult
    modality: Modality
    n_banners: int
    n_without_text: int

    @property
    def n_rejected(self) -> int:
        """Files not embedded, images not read, and texts with something wrong."""
        read = 0 if self.ocr is None else self.ocr.n_rejected
        said = 0 if self.text is None else self.text.n_rejected
        return self.embed.n_rejected + read + said

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables, one step after the other."""
        steps = [self.embed, self.ocr, self.text]
        shown = [table for step in steps if step is not None for table in step.tables()]
        if self.n_without_text:
            fate = (
                "the text that its image lets expect stands in"
                if self.modality == "both"
                else "the model takes texts: no cluster"
            )
            title = f"{self.n_without_text:,} of these {self.n_banners:,} banners have no text"
            shown.append(Table(title, ("a banner without a text",), ((fate,),)))
        return (*shown, *self.predict.tables())


@dataclass(frozen=True)
class _Route:
    """The steps of a run.

    Parameters
    ----------
    modality : {"image", "text", "both"}
    embed : Settings
    ocr, text : Settings or None
        None where the step is left out.
    banners : array of str
        What the banners of these images are called.
    """

    modality: Modality
    embed: Settings
    ocr: Settings | None
    text: Settings | None
    banners: pa.Array

    @classmethod
    def of(cls, settings: Settings) -> _Route:
        model, _ = choose_model(settings)
        modality = modality_of(model.card)
        embedded = _as_embedded(settings)
        read = said = None
        if modality != "image":
            said = text_as_recorded(settings, open_texts(settings.paths))
            if said.text.ocr != "none" and said.paths.text_table is None:
                which = "all" if said.text.ocr == "all" else "missing"
                read = ocr_as_recorded(settings).replace(
                    "ocr", origin="texts", which=which, text_columns=said.text.columns
                )
        paths = settings.paths
        entries = list_files(paths.images, paths.manifest, settings.embed.day).entries
        names = dict.fromkeys(entry.banner_id or entry.file for entry in entries)
        return cls(modality, embedded, read, said, pa.array(names, pa.string()))


def plan(settings: Settings) -> StagePlan:
    """Say what each step would do; the memory is that of the step that needs most.

    Raises
    ------
    UsageError, StoreError, WeightsError, EngineError
        As the stages; also if the model takes texts and there are none.
    IncompatibleStoreError
        If the embeddings were imported, or the store of texts does not say how it was made.
    """
    route = _Route.of(settings)
    # First: what the model asks of the stores is refused before anything else is looked at.
    predicted = predict.plan(settings, n_more=len(route.banners))
    steps = [embed.plan(route.embed)]
    if route.ocr is not None:
        steps.append(ocr.plan(route.ocr, route.banners))
    if route.text is not None:
        steps.append(text.plan(route.text, route.banners))
    steps.append(predicted)
    summary = (
        ("steps", ", then ".join(step.stage for step in steps)),
        *((f"{step.stage}: {what}", how) for step in steps for what, how in step.summary),
    )
    n_workers = worker_count(settings.runtime)
    memory = max(_memory(steps), key=lambda one: one.total(n_workers))
    return StagePlan("predict", summary, memory, steps[0].prefer)


def run(settings: Settings, *, executor: Executor, progress: Progress) -> NewImagesResult:
    """Bring the stores up to date with the images, then assign every banner of the store.

    Ended anywhere and run again it leaves what one run leaves.

    Raises
    ------
    UsageError, StoreError, WeightsError, EngineError, IncompatibleStoreError
        As :func:`plan`.
    DataError
        As :func:`bannercluster.predict.run`: a banner has no text and the model cannot do without.
    LeaseHeldError
        If another process writes to one of the stores.
    """
    route = _Route.of(settings)
    embedded = embed.run(route.embed, executor=executor, progress=progress)
    read = said = None
    if route.ocr is not None:
        read = ocr.run(route.ocr, executor=executor, progress=progress, banners=route.banners)
    if route.text is not None:
        said = text.run(route.text, executor=executor, progress=progress, banners=route.banners)
    predicted = predict.run(settings, executor=executor, progress=progress)
    n_banners, n_without = _without_text(settings, route)
    return NewImagesResult(embedded, read, said, predicted, route.modality, n_banners, n_without)


def places(settings: Settings) -> tuple[list[str], list[str]]:
    """Return what workers read and what they write to, beside what :mod:`..predict` reads."""
    route, paths = _Route.of(settings), settings.paths
    read, written = [paths.images], [paths.embeddings]
    if route.ocr is not None:
        written.append(paths.ocr)
    if route.text is not None:
        written.append(paths.texts)
        if route.text.paths.landing_pages is not None:
            read.append(route.text.paths.landing_pages)
    return read, written


def _as_embedded(settings: Settings) -> Settings:
    """Take network, precision and preprocessing from the store: a store has one recipe."""
    recipe = open_images(settings.paths).manifest.recipe
    if recipe["preprocessing"] is None:
        raise IncompatibleStoreError(
            f"the rows of {settings.paths.embeddings} were imported, so new images cannot be "
            f"embedded like them; expected their embeddings: `bc import` them, then `bc predict` "
            f"without --images"
        )
    return settings.replace(
        "embed",
        origin="store",
        model=recipe["model"],
        engine=recipe["engine"],
        precision=recipe["precision"],
        resize=recipe["preprocessing"]["resize"],
        dtype=recipe["dtype"],
    )


def _without_text(settings: Settings, route: _Route) -> tuple[int, int]:
    """Count the banners of these images, and those of them that have no text."""
    names = ["banner_id", "file"]
    called = keys_of(open_images(settings.paths).table("aliases", names))
    called = called.filter(pc.is_in(called, value_set=route.banners))
    if route.modality == "image":
        return len(called), 0
    said = keys_of(open_texts(settings.paths).table("aliases", names))
    return len(called), pc.sum(pc.invert(pc.is_in(called, value_set=said))).as_py() or 0


def _memory(steps: list[StagePlan]) -> list[MemoryPlan]:
    """Plan the memory of each step, with what the steps before it have left in the processes."""
    plans: list[MemoryPlan] = []
    kept: dict[str, MemoryPart] = {}
    for step in steps:
        own = {part.name for part in step.memory.parts}
        left = tuple(part for name, part in kept.items() if name not in own)
        plans.append(replace(step.memory, parts=(*step.memory.parts, *left)))
        for part in step.memory.parts:
            if part.name.startswith(_KEPT):
                name = part.name if part.name == "decoders" else f"{part.name} of {step.stage}"
                kept[name] = replace(part, name=name, phase=None)
    return plans
