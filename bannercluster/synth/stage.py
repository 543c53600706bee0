"""The stage: refuses what it must, hands out the jobs, writes the manifest last."""

import hashlib
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from bannercluster.errors import BannerclusterError, StoreError, UsageError
from bannercluster.synth.brands import Campaign, Creative, make_campaign, make_creative
from bannercluster.synth.compose import Workshop, compose
from bannercluster.synth.encode import EXTENSIONS, Encoded, encode, reencode, steps_of
from bannercluster.synth.faults import FAULTS, make_faulty
from bannercluster.synth.manifest import Row, put, with_duplicates, write_manifest
from bannercluster.synth.plan import Item, Job, make_plan

Progress = Callable[[int, int], None]

MANIFEST = "manifest.csv"
MARKER = ".synth.json"
_RECIPE = 1  # raise it when the same config draws other pictures
_FIRST_DAY = date(2026, 1, 5)
_FILE = 5


@dataclass(frozen=True)
class SynthBannersConfig:
    """What to draw, and where.

    Parameters
    ----------
    images
        Output folder (a local path); it is created.
    n_banners
        Files in all, duplicates and faulty ones included.
    n_advertisers
        Brands; with fewer banners than brands some show nothing.
    duplicates, near_duplicates
        Shares of files that repeat the bytes of another, or its picture in other bytes.
    broken
        Share of files with a fault (see ``faults.FAULTS``; some of them still decode).
    seed
        Not negative. The same config gives the same bytes.
    workers
        Processes. Does not change the result.
    """

    images: str
    n_banners: int = 1500
    n_advertisers: int = 32
    duplicates: float = 0.05
    near_duplicates: float = 0.02
    broken: float = 0.0
    seed: int = 0
    workers: int = 2


@dataclass(frozen=True)
class SynthBannersResult:
    """What was drawn. ``n_files`` = ``n_contents`` + ``n_duplicates``; times in seconds."""

    images: str
    manifest: str
    n_files: int
    n_contents: int
    n_duplicates: int
    n_broken: int
    n_advertisers: int
    duration_s: float


def synth_banners(
    config: SynthBannersConfig, progress: Progress | None = None
) -> SynthBannersResult:
    """Draw display ads with a manifest that holds the truth about them.

    Files go to ``<images>/<advertiser>/<file>``, each under a temporary name first; the manifest is
    written last. A run that was killed is repeated by running it again with the same config.

    Parameters
    ----------
    config
        What to draw.
    progress
        Called with (files done, files in all).

    Raises
    ------
    UsageError
        A value is out of range, or the folder holds something else.
    StoreError
        The folder could not be written.
    """
    started = time.perf_counter()
    _validate(config)
    if "://" in config.images:
        raise UsageError(
            f"--images {config.images} is a URL; expected a folder on this machine to draw into"
        )
    root = Path(config.images)
    _claim(root, config)
    jobs = make_plan(
        config.seed, config.n_banners, config.n_advertisers,
        config.duplicates, config.near_duplicates, config.broken,
    )  # fmt: skip
    found: list[tuple[Row, str]] = []
    try:
        for slug in sorted({job.brand.slug for job in jobs}):
            (root / slug).mkdir(exist_ok=True)
        for rows in _run(jobs, root, config.workers):
            found += rows
            if progress is not None:
                progress(len(found), config.n_banners)
        rows_out = with_duplicates(found)
        write_manifest(root / MANIFEST, rows_out)
    except OSError as error:
        raise StoreError(
            f"cannot write banners to {root}: {error}. Free some space or choose another folder; "
            "running again with the same config repairs what is there"
        ) from error
    n_duplicates = sum(bool(row.duplicate_of) for row in rows_out)
    return SynthBannersResult(
        images=str(root),
        manifest=str(root / MANIFEST),
        n_files=len(rows_out),
        n_contents=len(rows_out) - n_duplicates,
        n_duplicates=n_duplicates,
        n_broken=sum(bool(row.fault) for row in rows_out),
        n_advertisers=len({row.advertiser for row in rows_out}),
        duration_s=time.perf_counter() - started,
    )


def _validate(config: SynthBannersConfig) -> None:
    for name in ("n_banners", "n_advertisers", "workers"):
        if getattr(config, name) < 1:
            raise UsageError(f"{name} is {getattr(config, name)}: it must be at least 1")
    if config.seed < 0:
        raise UsageError(f"seed is {config.seed}: it must not be negative")
    for name in ("duplicates", "near_duplicates", "broken"):
        if not 0 <= getattr(config, name) <= 1:
            raise UsageError(f"{name} is {getattr(config, name)}: it is a share, from 0 to 1")
    copies = config.duplicates + config.near_duplicates
    if copies > 0.9 or copies + config.broken > 1:
        raise UsageError(
            f"duplicates + near_duplicates is {copies:g} and broken {config.broken:g}: copies may "
            "be 0.9 of the files at most, and all three together 1; lower one of them"
        )


def _claim(root: Path, config: SynthBannersConfig) -> None:
    """Take the folder for this config, or refuse."""
    wish = {
        "recipe": _RECIPE,
        **{k: getattr(config, k) for k in ("n_banners", "n_advertisers", "duplicates")},
        **{k: getattr(config, k) for k in ("near_duplicates", "broken", "seed")},
    }
    marker = root / MARKER
    ways_out = f"choose another folder, or delete {root}"
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is a file: the images need a folder; {ways_out}")
    if marker.exists():
        try:
            held = json.loads(marker.read_text())
        except ValueError:
            held = None
        if held != wish:
            raise UsageError(
                f"{root} holds synthetic banners of another config ({held}): {ways_out}"
            )
        return
    # A run that was killed while it took the folder may leave its unfinished marker.
    if root.exists() and any(path.name != f".{MARKER}.part" for path in root.iterdir()):
        raise UsageError(f"{root} is not empty and was not made by synth: {ways_out}")
    try:
        root.mkdir(parents=True, exist_ok=True)
        put(marker, (json.dumps(wish) + "\n").encode())
    except OSError as error:
        raise StoreError(f"cannot create {root}: {error}; choose another folder") from error


def _run(jobs: list[Job], root: Path, workers: int) -> Iterator[list[tuple[Row, str]]]:
    """Rows of each job, in the order of the jobs, whoever draws them."""
    workers = min(workers, len(jobs))
    if workers == 1:
        for job in jobs:
            yield run_job(job, root)
        return
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            chunk = max(1, min(4, len(jobs) // (4 * workers)))
            yield from pool.map(run_job, jobs, [root] * len(jobs), chunksize=chunk)
    except BrokenProcessPool as error:
        raise BannerclusterError(
            "a drawing process died (out of memory, or killed): run again with the same config, or "
            "with workers=1. In a script, call synth_banners under `if __name__ == '__main__':`"
        ) from error


def run_job(job: Job, root: Path) -> list[tuple[Row, str]]:
    """Draw and write the files of one campaign; rows come with the SHA-256 of their bytes."""
    brand = job.brand
    campaign = make_campaign(job.seed, brand, job.campaign)
    shop = Workshop(brand, campaign)
    made: list[Encoded] = []
    extensions: list[str] = []
    rows = []
    for place, item in enumerate(job.items):
        creative = make_creative(job.seed, brand, campaign, (job.campaign, item.creative))
        rng = np.random.default_rng([job.seed, _FILE, brand.index, job.campaign, place])
        if item.copy_of >= 0:
            done, extension = made[item.copy_of], extensions[item.copy_of]
        elif item.like >= 0:
            done, extension = reencode(made[item.like], rng)
        else:
            done, extension = _drawn(shop, job, item, rng)
        made.append(done)
        extensions.append(extension)
        name = f"{item.size[0]}x{item.size[1]}_{item.banner_id}.{extension}"
        put(root / brand.slug / name, done.data)
        row = Row(
            banner_id=item.banner_id,
            file=f"{brand.slug}/{name}",
            advertiser=brand.slug,
            vertical=brand.vertical,
            campaign=campaign.slug,
            creative=creative.key,
            width=done.width,
            height=done.height,
            format=done.format,
            day=(_FIRST_DAY + timedelta(days=item.day)).isoformat(),
            title=f"{creative.headline} | {brand.name} {brand.suffix}",
            description=_description(job, campaign, creative),
            landing_url=f"https://{brand.slug}.example/{campaign.slug}?c={creative.key}",
            duplicate_of=job.items[item.copy_of].banner_id if item.copy_of >= 0 else "",
            near_duplicate_of=job.items[item.like].banner_id if item.like >= 0 else "",
            fault=item.fault,
            decodable=FAULTS[item.fault] if item.fault else True,
        )
        rows.append((row, hashlib.sha256(done.data).hexdigest()))
    return rows


def _description(job: Job, campaign: Campaign, creative: Creative) -> str:
    offer = f" {creative.offer}." if creative.offer else ""
    product = campaign.product.replace("_", " ")
    maker = f"{job.brand.name} {job.brand.suffix}"
    end = "" if creative.subline.endswith(".") else "."
    return f"{creative.subline}{end}{offer} {creative.action}: {product} by {maker}."


def _drawn(shop: Workshop, job: Job, item: Item, rng: np.random.Generator) -> tuple[Encoded, str]:
    creative = make_creative(job.seed, shop.brand, shop.campaign, (job.campaign, item.creative))
    frames = compose(shop, creative, item.size, steps_of(item.variant))
    if item.fault:
        bad = make_faulty(frames[-1], item.fault, rng)
        return Encoded(bad.data, bad.format, bad.width, bad.height), bad.extension
    done = encode(frames, item.variant, rng)
    return done, EXTENSIONS[done.format]
