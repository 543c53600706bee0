"""How a stage says how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Listens to a stage. A stage may start several rounds, one after the other."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """Begin a round of ``total`` units (``"banners"``)."""

    def advance(self, n: int = 1, note: str = "") -> None:
        """Report ``n`` more units as done, with a remark on where things stand."""

    def finish(self) -> None:
        """End the round."""


class SilentProgress:
    """Says nothing."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """Begin a round."""

    def advance(self, n: int = 1, note: str = "") -> None:
        """Report units as done."""

    def finish(self) -> None:
        """End the round."""
