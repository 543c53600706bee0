"""``python -m benchmarks.heatmap_blocks``: see the package."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

import benchmarks.heatmap_blocks as package
from bannercluster.bench.results import record, save
from bannercluster.heatmap.statistics.scores import SCORE_NAMES
from benchmarks.heatmap_blocks.features import (
    BACKBONES,
    Make,
    backbones,
    described,
    engine,
    main_variants,
    of_backbone,
    of_variant,
    short_variants,
    smoothed_counts,
    untrained,
)
from benchmarks.heatmap_blocks.gate import PLAIN, Array, Lessons
from benchmarks.heatmap_blocks.material import CLICKS, REPEATS, config_of, make_material
from benchmarks.heatmap_blocks.scoring import N_NEAREST, SCORES
from benchmarks.heatmap_blocks.showing import table
from benchmarks.results import keep

DEFAULTS = {"grids": (24, 0, 20), "seed": 21, "healthy": 15, "steps": 300, "short_steps": 100}
BACKBONE, SMOOTHED = "efficientnet_lite0-pooled-counts", "smoothed_counts"
"""Blocks that others are compared with."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.heatmap_blocks",
        description=package.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", help="keeps the trained networks")
    parser.add_argument("--grids", type=int, nargs=3, help="to train on, to choose by, held out")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--healthy", type=int, help="domains of a grid")
    parser.add_argument("--steps", type=int, help="of each training that is held to the gate")
    parser.add_argument("--short-steps", type=int, help="of each training of the table")
    parser.add_argument("--weights", nargs="*", default=[], metavar="resnet50=FILE, vit=FILE")
    parser.add_argument("--output", help="JSON to write instead of results/heatmap_blocks.json")
    parser.set_defaults(**DEFAULTS)
    given = parser.parse_args(arguments)
    if given.output is None and any(_plain(getattr(given, k)) != v for k, v in DEFAULTS.items()):
        parser.error("results/heatmap_blocks.json is of the whole run: give --output for another")
    weights = dict(one.split("=", 1) for one in given.weights if "=" in one)
    if len(weights) < len(given.weights) or not set(weights) <= set(BACKBONES):
        parser.error(f"--weights got {given.weights}; expected resnet50=FILE or vit=FILE")
    torch.set_num_threads(1)
    with threadpool_limits(1):
        result = run(given, weights)
    print(table(result))
    if given.output is None:
        keep("heatmap_blocks", result)
    else:
        save(given.output, record("heatmap_blocks", result))


def run(given: argparse.Namespace, weights: dict[str, str]) -> dict[str, Any]:
    """Simulate, train, score and measure."""
    n_found = len(list(Path(given.folder).glob("*/card.json")))
    config = config_of(tuple(given.grids), given.seed, given.healthy)
    n_taught, n_held_out = given.grids[0], given.grids[2]
    lessons = Lessons(
        make_material(config, list(range(n_taught))),
        make_material(config, list(range(config.n_grids - n_held_out, config.n_grids))),
    )
    _say("heatmaps simulated, and scored by the statistics")
    statistics = lessons.statistics()
    references = lessons.taught.references
    makes: dict[str, Make] = {SMOOTHED: smoothed_counts, "untrained_encoder": untrained()}
    pretrained = backbones(weights)
    for name, backbone in pretrained.items():
        makes[name] = of_backbone(backbone, given.folder)
    variants = main_variants(given.steps)
    for name, variant in variants.items():
        makes[name] = of_variant(variant, references, given.folder)
        _say(f"{name} trained")
    z = {name: _block(lessons, name, make) for name, make in makes.items()}
    own = {name: lessons.own(one) for name, one in z.items()}
    z["noise"] = lessons.noise(given.seed)
    own["noise"] = lessons.own(z["noise"])
    held = lessons.held_out
    plain = held.statistics[:, [SCORE_NAMES.index(name) for name in PLAIN]]
    return {
        "seed": given.seed,
        "grids": {"taught": n_taught, "held_out": n_held_out},
        "heatmaps": {
            name: {"healthy": int((~part.maps.broken).sum()), "broken": int(part.maps.broken.sum())}
            for name, part in (("taught", lessons.taught), ("held_out", held))
        },
        "clicks": CLICKS,
        "thinnings_of_a_reference": REPEATS,
        "nearest": N_NEAREST,
        "statistics": {
            "combination": {
                **lessons.ranking(statistics),
                "by_clicks": lessons.by_clicks(statistics),
            },
            "single": lessons.single(plain, PLAIN),
        },
        "blocks": {name: _figures(lessons, name, z, own, statistics) for name in z},
        "noise_gains": lessons.noise_gains(given.seed, statistics),
        "no_local_weights": [
            config.name
            for name, configs in BACKBONES.items()
            if name not in weights
            for config in configs
        ],
        "engines": {name: engine(one) for name, one in pretrained.items()},
        "training": {name: described(one) for name, one in variants.items()},
        "short_trainings": _short(lessons, given.short_steps, given.folder),
        "networks_found_trained": n_found,
        "cpu_s": round(time.process_time()),
    }


def _block(lessons: Lessons, name: str, make: Make) -> tuple[Array, Array]:
    found = lessons.block(make)
    _say(f"{name} scored")
    return found


def _figures(
    lessons: Lessons,
    name: str,
    z: dict[str, tuple[Array, Array]],
    own: dict[str, Array],
    statistics: Array,
) -> dict[str, Any]:
    """Return what a block can do alone, beside other blocks, and with the statistics."""
    both = lessons.with_statistics(z[name])
    added = lessons.gain(both, statistics)
    _say(f"{name} held to the gate")
    return {
        "single": lessons.single(z[name][1], SCORES),
        "own_combination": {
            **lessons.ranking(own[name]),
            "by_clicks": lessons.by_clicks(own[name]),
        },
        "with_statistics": lessons.ranking(both),
        "gain": added,
        "passes": added["low"] > 0,
        "own_less_backbone": lessons.gain(own[name], own[BACKBONE]),
        "own_less_smoothed_counts": lessons.gain(own[name], own[SMOOTHED]),
    }


def _short(lessons: Lessons, n_steps: int, folder: str) -> dict[str, Any]:
    """Return what each change of the training does to a block of few steps."""
    found: dict[str, Any] = {}
    base: Array | None = None
    for name, variant in short_variants(n_steps).items():
        z = lessons.block(of_variant(variant, lessons.taught.references, folder))
        own = lessons.own(z)
        base = own if base is None else base
        found[name] = {
            **described(variant),
            "single": lessons.single(z[1], SCORES),
            "own_combination": lessons.ranking(own),
            "own_less_base": lessons.gain(own, base),
        }
        _say(f"{name}, {n_steps} steps")
    return found


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _say(what: str) -> None:
    print(f"{time.process_time():6.0f} s  {what}", flush=True)


if __name__ == "__main__":
    main()
