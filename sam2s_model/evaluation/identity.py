"""Does a mask stay on its object? And what class does the tracker say that it is?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sam2s_model.evaluation.moments import Moment


@dataclass(frozen=True)
class LabelCounts:
    """Named frames, those named rightly, and the same for objects, each by the name it got most often."""

    frames: int = 0
    right_frames: int = 0
    objects: int = 0
    right_objects: int = 0

    def __add__(self, other: LabelCounts) -> LabelCounts:
        return LabelCounts(
            self.frames + other.frames,
            self.right_frames + other.right_frames,
            self.objects + other.objects,
            self.right_objects + other.right_objects,
        )

    @property
    def frame_accuracy(self) -> float | None:
        """Share of the named frames with the right name; None if the tracker names nothing."""
        return self.right_frames / self.frames if self.frames else None

    @property
    def object_accuracy(self) -> float | None:
        """Share of the named objects with the right name; None if the tracker names nothing."""
        return self.right_objects / self.objects if self.objects else None


def count_switches(object_id: str, moments: Iterable[Moment]) -> int:
    """How often the object's mask moves over to another object.

    A mask follows the object whose true mask it overlaps best, with an IoU of 0.5 or more. A switch is a frame on which
    it follows another object than the one it has followed last; frames on which it follows none change nothing, and
    returning to its own object is no switch.
    """
    switches, last = 0, object_id
    for moment in moments:
        if moment.follows is None or moment.follows == last:
            continue
        last = moment.follows
        switches += last != object_id
    return switches


def count_labels(true_label: str, moments: Sequence[Moment]) -> LabelCounts:
    """Compare the tracker's names for an object with its true one, on frames that show it and have a mask for it."""
    said = Counter(moment.label for moment in moments if moment.area and moment.claimed and moment.label)
    if not said or not true_label:
        return LabelCounts()
    (most_often, _), *_ = said.most_common(1)
    return LabelCounts(said.total(), said[true_label], 1, int(most_often == true_label))
