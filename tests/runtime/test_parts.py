"""Parts on workers: what is there is not computed, and progress counts every content once."""

from itertools import pairwise

import pytest

from bannercluster.config import RuntimeConfig
from bannercluster.runtime import ThreadExecutor, networks
from bannercluster.runtime.networks import NetworkPlan, inference_threads
from bannercluster.runtime.parts import compute_parts


class Heard:
    """Notes what a stage says of its progress."""

    def __init__(self) -> None:
        self.said: list[tuple] = []

    def start(self, *words):
        self.said.append(("start", *words))

    def advance(self, n=1, note=""):
        self.said.append((n, note))

    def finish(self):
        self.said.append(("finish",))


def task(shared, part):
    assert part not in shared.get()["done"]
    if part == "broken":
        raise OSError("disk full")
    shared.get()["done"].append(part)
    return float(len(part))


def compute(parts, missing, n_workers=1):
    heard, job = Heard(), {"done": []}
    with ThreadExecutor(n_workers) as executor:
        done = compute_parts(
            task, job, parts, missing, executor, heard, stage="embed", unit="images"
        )
    return done, job["done"], heard.said


def test_only_what_is_missing_is_computed():
    done, computed, said = compute(["abc", "d", "ef", "ghij"], ["d", "ghij"])
    assert computed == ["d", "ghij"]
    assert (done.n_contents, done.load_s) == (5, 4.0)
    assert said == [
        ("start", "embed", 10, "images"), (5, "loading the network"),
        (1, "part 3 of 4"), (4, "part 4 of 4"), ("finish",),
    ]  # fmt: skip


def test_progress_counts_all_on_several_workers():
    parts = ["x" * (1 + i % 7) + str(i) for i in range(40)]
    done, computed, said = compute(parts, parts[3:], n_workers=4)
    assert sorted(computed) == sorted(parts[3:])
    assert sum(n for n, *_ in said[1:-1]) == sum(map(len, parts))
    assert said[-2][1] == "part 40 of 40"
    assert done.n_contents == sum(map(len, parts[3:]))


def test_nothing_missing_asks_no_worker():
    class Nobody:
        def share(self, value):
            pytest.fail("shared")

    heard = Heard()
    done = compute_parts(task, {}, ["ab"], [], Nobody(), heard, stage="ocr", unit="images")
    assert (done.n_contents, done.load_s) == (0, 0.0)
    assert heard.said == [("start", "ocr", 2, "images"), (2, ""), ("finish",)]


def test_a_failure_ends_the_round():
    heard = Heard()
    with ThreadExecutor(1) as executor, pytest.raises(OSError, match="disk full"):
        compute_parts(
            task, {"done": []}, ["broken"], ["broken"], executor, heard, stage="s", unit="u"
        )
    assert heard.said[-1] == ("finish",)


@pytest.mark.parametrize(
    ("workers", "pool", "expected"),
    [
        (1, "auto", ("threads", "process", 8)),
        (4, "auto", ("threads", "process", 8)),
        (5, "auto", ("processes", "worker", 1)),
        (3, "processes", ("threads", "worker", 2)),
        (16, "threads", ("processes", "process", 8)),
        (16, "auto", ("processes", "worker", 1)),
    ],
)
def test_networks_of_a_run(monkeypatch, workers, pool, expected):
    monkeypatch.setattr(networks, "n_cores", lambda: 8)
    plan = NetworkPlan.of(RuntimeConfig(workers=workers, pool=pool))
    assert (plan.prefer, plan.per, plan.threads) == expected


def test_processes_share_out_the_cores(monkeypatch):
    monkeypatch.setattr(networks, "n_cores", lambda: 8)

    class Workers:
        def __init__(self, kind, n_workers):
            self.kind, self.n_workers = kind, n_workers

    counts = [inference_threads(Workers("processes", n)) for n in (1, 2, 3, 8, 9)]
    assert counts == [8, 4, 2, 1, 1]
    assert all(more >= less for more, less in pairwise(counts))
    assert inference_threads(Workers("threads", 9)) == 8
