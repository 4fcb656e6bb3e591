"""Does the tracker say when an object is there? Every frame after the prompt is one question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sam2s_model.evaluation.moments import Moment

# A sliver at the image border is neither there nor away: below this share of the image (13 of 256×256 pixels) a true
# mask asks no question.
UNDECIDED_SHARE = 0.0002


@dataclass(frozen=True)
class PresenceCounts:
    """Frames by what is true and what was said; an object is said to be there when its mask has a pixel."""

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0
    rejections: int = 0

    def __add__(self, other: PresenceCounts) -> PresenceCounts:
        return PresenceCounts(
            self.hits + other.hits,
            self.false_alarms + other.false_alarms,
            self.misses + other.misses,
            self.rejections + other.rejections,
        )

    @property
    def precision(self) -> float | None:
        """Share of true ones among the frames on which the object was said to be there; None if there are none."""
        said = self.hits + self.false_alarms
        return self.hits / said if said else None

    @property
    def recall(self) -> float | None:
        """Share of the frames with the object on which it was said to be there; None if there are none."""
        there = self.hits + self.misses
        return self.hits / there if there else None


def count_presence(moments: Iterable[Moment]) -> PresenceCounts:
    """Count the frames of one object after its prompt."""
    total = PresenceCounts()
    for moment in moments:
        if moment.prompted or 0 < moment.area < UNDECIDED_SHARE * moment.image_area:
            continue
        there, said = moment.area > 0, moment.claimed > 0
        total += PresenceCounts(there and said, said and not there, there and not said, not there and not said)
    return total
