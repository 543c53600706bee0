"""What is known of a run -> the page."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from bannercluster.config import Settings
from bannercluster.models.card import ModelCard
from bannercluster.models.evaluations import ModelMetrics
from bannercluster.render.text import figure
from bannercluster.render.views import Fact, Picture, ReportPage
from bannercluster.report.findings import Findings
from bannercluster.report.galleries import map_of, models_of, rejected_of
from bannercluster.report.measured import sweep_of, times_of


def page_of(found: Findings, settings: Settings) -> ReportPage:
    """Return the page."""
    evaluation = found.evaluation
    chosen = next(m for m in evaluation.models if m.name == evaluation.chosen)
    aliases = found.store.table("aliases", ["content_id"])
    rejected = found.store.table("rejected")
    return ReportPage(
        title=settings.report.title or f"Banners of {settings.paths.images}",
        headline=f"k = {chosen.k} is chosen{_scores(chosen)}",
        rule=evaluation.rule,
        reason=evaluation.reason and f"{evaluation.reason.rstrip('.')}.",
        tiles=_tiles(found, aliases["content_id"], len(rejected)),
        run_card=_run_card(found),
        sweep=sweep_of(found),
        labels=found.labels,
        ablation=found.ablation,
        times=times_of(found),
        models=models_of(found),
        map=map_of(found),
        rejected=rejected_of(rejected),
        pictures=tuple(Picture(key, made) for key, made in found.pictures.items()),
        commands=_commands(settings, found),
        versions=_versions(found.cards[0]),
        notes=_notes(found),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _scores(chosen: ModelMetrics) -> str:
    """Of the chosen model, what the rule goes by."""
    names = (("silhouette_sq_euclidean", "silhouette"), ("stability_ari", "stability"))
    scores = [
        f"{name} {figure(chosen.metrics[key])}" for key, name in names if key in chosen.metrics
    ]
    return f": {', '.join(scores)}" if scores else ""


def _tiles(found: Findings, contents: pa.ChunkedArray, n_rejected: int) -> tuple[Fact, ...]:
    n_rows, n_ok = found.store.n_rows, len(contents)
    # Not of the rows: the store may hold contents to which no banner points any more.
    n_duplicate = n_ok - len(contents.unique())
    total = n_ok + n_rejected
    recipe = found.store.manifest.recipe
    return (
        Fact("Banners in", f"{total:,}"),
        Fact("Distinct images", f"{n_rows:,}", "rows that were clustered"),
        Fact("Duplicates", f"{n_duplicate:,}", f"{n_duplicate / max(n_ok, 1):.1%} of the readable"),
        Fact("Rejected", f"{n_rejected:,}", f"{n_rejected / max(total, 1):.1%} of all"),
        Fact("Features", f"{found.store.n_features:,}", str(recipe["model"])),
    )


def _run_card(found: Findings) -> tuple[Fact, ...]:
    manifest = found.store.manifest
    recipe, card = manifest.recipe, found.cards[0]
    return (
        Fact("Network", str(recipe["model"])),
        *_made_by(recipe, str(manifest.info.get("source"))),
        Fact("Stored as", f"{manifest.dtype}, generation {manifest.generation}"),
        Fact("Clustering", _clustering(card)),
        *(() if card.engine == "sweep" else (Fact("Fitted by", card.engine),)),
        *_predecessor(found),
        Fact("Seed", str(card.seed)),
        Fact("Fitted", card.created.replace("T", " ")[:16] + " UTC"),
        Fact("Machine", f"{card.versions.get('cpu')}, {card.versions.get('n_cores')} cores"),
    )


def _made_by(recipe: dict[str, Any], source: str) -> tuple[Fact, ...]:
    if recipe.get("modality") == "both":
        images, texts = recipe["images"], recipe["texts"]
        return (
            *_made_by(images, source),
            Fact("Texts", str(texts["model"]), f"weight {recipe['text_weight']:g} beside 1"),
        )
    if recipe.get("modality") == "text":
        return (
            Fact("Weights (SHA-256)", str(recipe["weights_sha256"])[:16]),
            Fact("Engine", f"{recipe['engine']}, {recipe['precision']}"),
        )
    preprocessing = recipe["preprocessing"]
    if preprocessing is None:  # imported: nothing but the name of the network is known
        return (Fact("Vectors", f"imported from {source}"),)
    size = preprocessing["input_size"]
    return (
        Fact("Weights (SHA-256)", str(recipe["weights_sha256"])[:16]),
        Fact("Engine", f"{recipe['engine']}, {recipe['precision']}"),
        Fact("Preprocessing", f"{preprocessing['resize']} aspect, area of {size} x {size}"),
    )


def _predecessor(found: Findings) -> tuple[Fact, ...]:
    """Whose cluster numbers the chosen model has taken over, and how many clusters are the same."""
    card = next(card for card in found.cards if card.name == found.evaluation.chosen)
    before = card.predecessor
    if before is None:
        return ()
    return (
        Fact("Numbers from", before.name, f"{before.n_same} of {card.k} clusters are the same"),
    )


def _clustering(card: ModelCard) -> str:
    kind = "spherical k-means" if card.spherical else "k-means"
    scaled = "rows of length one" if card.normalize == "l2" else "rows as stored"
    n = len(card.restarts)
    return f"{kind}, {scaled}, {'one run' if n == 1 else f'best of {n} restarts'}"


def _commands(settings: Settings, found: Findings) -> tuple[str, ...]:
    recipe = found.store.manifest.recipe
    modality = recipe.get("modality", "image")

    def options(*names: str) -> str:
        given = ((name, getattr(settings.paths, name)) for name in names)
        return "".join(f" --{name} {shlex.quote(str(path))}" for name, path in given if path)

    rows = ("embeddings",) if modality == "image" else ("embeddings", "texts")
    ks = " ".join(str(card.k) for card in found.cards)
    asked = "" if modality == "image" else f" --modality {modality}"
    if modality == "both":
        asked += f" --text-weight {recipe['text_weight']:g}"
    lines = []
    if modality != "text":
        lines.append(_made_again(settings, found, recipe["images"] if asked else recipe))
    if modality != "image":
        lines += [f"bc ocr{options('images', 'embeddings')}", f"bc text{options(*rows)}"]
    return (
        *lines,
        f"bc cluster{options(*rows, 'models')} --k {ks}{asked}",
        f"bc evaluate{options(*rows, 'models', 'evaluation', 'label')}",
        f"bc predict{options(*rows, 'models', 'evaluation', 'assignments')}",
        f"bc report{options('images', *rows, 'models', 'evaluation', 'report', 'label')}",
    )


def _made_again(settings: Settings, found: Findings, recipe: dict[str, Any]) -> str:
    """Return the line that makes the rows of the images."""
    paths, model = settings.paths, recipe["model"]
    store = f"--embeddings {shlex.quote(paths.embeddings)} --model {model}"
    if recipe["preprocessing"] is None:
        info = found.store.manifest.info
        source = info.get("images", info).get("source")
        return f"bc import --source {shlex.quote(str(source))} {store}"
    return f"bc embed --images {shlex.quote(paths.images)} {store}"


def _versions(card: ModelCard) -> tuple[Fact, ...]:
    libraries = card.versions.get("libraries", {})
    shown = [("Python", card.versions.get("python")), *sorted(libraries.items())]
    return tuple(Fact(name, str(version)) for name, version in shown if version is not None)


def _notes(found: Findings) -> tuple[str, ...]:
    notes = []
    if found.evaluation.store_key != found.store.key:
        notes.append(
            f"The evaluation was made on {found.evaluation.n_rows:,} rows of an earlier state "
            f"of the store, which "
            f"has {found.store.n_rows:,} now: run `bc evaluate` again."
        )
    if found.evaluation.label_metrics_key and found.evaluation.labels and found.labels is None:
        notes.append(
            "The table of labels is left out: it is gone from beside the evaluation. Run "
            "`bc evaluate` again."
        )
    unsettled = [card for card in found.cards if not card.converged]
    if unsettled:
        ks = ", ".join(str(card.k) for card in unsettled)
        notes.append(f"The best run had not converged for k = {ks}: raise --max-iter.")
    if found.n_no_picture:
        notes.append(
            f"{found.n_no_picture:,} banners are shown without a picture: their files are gone "
            f"from the folder of images, have changed, or no longer decode."
        )
    return tuple(notes)
