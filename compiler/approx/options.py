"""What a user can ask of an approximation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatec.errors import UsageError


@dataclass(frozen=True)
class ApproximateOptions:
    """Options of one approximation.

    Attributes
    ----------
    data
        Rows as the net sees them in use: see `gatec sim --data`.
    labels, label_column, threshold
        As for `gatec sim`. Without labels the trained net's own answers are what is right.
    max_drop
        Share of the held-out rows, above 0 and below 1, by which the accuracy may fall.
    drop_votes
        Also drop inputs of the class sums. Only with output `argmax`: counts are others then.
    split_seed
        Decides which rows are held out.
    """

    data: Path
    labels: Path | None = None
    label_column: str | None = None
    threshold: float | None = None
    max_drop: float = 0.001
    drop_votes: bool = True
    split_seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.max_drop < 1:
            raise UsageError(
                f"--max-drop {100 * self.max_drop:g}%", expected="more than 0% and less than 100%"
            )
        if not 0 <= self.split_seed < 1 << 31:
            raise UsageError(f"--split-seed {self.split_seed}", expected=f"0 to {(1 << 31) - 1}")

    def recorded(self) -> dict[str, object]:
        """Return the options that decide the output, for the manifest: no paths."""
        names = ("label_column", "threshold", "max_drop", "drop_votes", "split_seed")
        return {name: getattr(self, name) for name in names}
