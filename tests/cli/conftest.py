import sys
import types
from dataclasses import dataclass, field

import pytest

from bannercluster.config import Settings
from bannercluster.runtime import MemoryPart, MemoryPlan, StagePlan, Table


@pytest.fixture(autouse=True)
def _plain_surroundings(tmp_path, monkeypatch):
    """An empty folder, no dashboard, two workers, an 80 column terminal that is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BC_RUNTIME_DASHBOARD", "off")
    monkeypatch.setenv("BC_RUNTIME_WORKERS", "2")
    monkeypatch.setenv("COLUMNS", "100")


@dataclass(frozen=True)
class FakeResult:
    doubled: tuple[int, ...]
    model: str
    n_rejected: int = 0
    share: float = float("nan")

    def tables(self) -> tuple[Table, ...]:
        rows = tuple((str(item), value) for item, value in enumerate(self.doubled))
        return (Table("What was doubled", ("item", "value"), rows),)


@dataclass
class FakeStage:
    """Stands in for a stage; says what it was given, and does what it is told."""

    raises: BaseException | None = None
    n_rejected: int = 0
    nbytes: int = 2**20
    settings: list[Settings] = field(default_factory=list)

    def plan(self, settings: Settings) -> StagePlan:
        self.settings.append(settings)
        memory = MemoryPlan("embed", (MemoryPart("network", self.nbytes, "worker"),), budget=2**30)
        return StagePlan("embed", (("model", settings.embed.model), ("rows in", "4")), memory)

    def run(self, settings, *, executor, progress) -> FakeResult:
        if self.raises is not None:
            raise self.raises
        progress.start("embed", 4, "banners")
        found = {}
        for index, value in executor.map_unordered(lambda item: 2 * item, range(4)):
            found[index] = value
            progress.advance(1, note=f"item {index}")
        progress.finish()
        doubled = tuple(found[index] for index in range(4))
        return FakeResult(doubled, settings.embed.model, self.n_rejected)


@pytest.fixture
def stage(monkeypatch):
    """Put a fake in the place of the stages embed, cluster and evaluate."""
    fake = FakeStage()
    for name in ("embed", "cluster", "evaluate"):
        module = types.ModuleType(f"bannercluster.{name}")
        module.plan, module.run = fake.plan, fake.run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"bannercluster.{name}", module)
    return fake
