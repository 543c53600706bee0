"""What images and texts each add on the real banners: embed, read, encode, compare."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from bannercluster.models.ablations import Ablation
from benchmarks.results import keep

BC = "import sys; from bannercluster.cli.main import main; sys.exit(main())"
K, SEEDS, LEAST_BANNERS = 5, 50, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", default="../shared/data/banners_mit")
    asked = parser.parse_args()
    images = Path(asked.images).resolve()
    if not images.is_dir():
        sys.exit(f"the real banners are not at {asked.images}: name their folder with --images")
    found: dict[str, object] = {"k": K, "seeds": SEEDS, "least_banners": LEAST_BANNERS}
    with tempfile.TemporaryDirectory(prefix="bc-bench-") as work:
        bc(work, f"embed --model efficientnet_lite0 --images {images}")
        bc(work, f"ocr --images {images}")
        bc(work, "text")
        for restarts in (1, 10):
            bc(
                work,
                f"ablation --label advertiser --k {K} --seeds {SEEDS} --n-init {restarts} "
                f"--min-banners {LEAST_BANNERS}",
            )
            told = Ablation.load_if_any(str(Path(work) / "data" / "evaluation"))
            assert told is not None
            found[f"{restarts} restarts"] = asdict(told)
    keep("ablation", found)


def bc(folder: str, line: str) -> None:
    """Run a command in a folder; ends with its message where it fails."""
    done = subprocess.run(
        [sys.executable, "-c", BC, *line.split(), "--quiet"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 3):
        sys.exit(done.stderr)


if __name__ == "__main__":
    main()
