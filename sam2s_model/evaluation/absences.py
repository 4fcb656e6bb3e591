"""Objects that leave and return: how often and how soon the tracker has them again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sam2s_model.evaluation.moments import SAME_OBJECT, Moment

IN_TIME_S = 2.0
LONG_FRAMES = 200  # an absence of more frames than this is a long one


@dataclass(frozen=True)
class Absence:
    """One return of an object after it could not be seen.

    Attributes:
        object_id: The object.
        frames: Length of the absence: frames of the video between its last and its first sight.
        returned_at: Frame of its return.
        delay_s: Seconds from the return to the first frame with J ≥ 0.5; None if there is none before it leaves again.
        in_view_s: Seconds that it stays in view.
    """

    object_id: str
    frames: int
    returned_at: int
    delay_s: float | None
    in_view_s: float

    @property
    def decided(self) -> bool:
        """Whether the tracker had its time: an object that leaves before that, not found, says nothing."""
        return self.delay_s is not None or self.in_view_s >= IN_TIME_S

    @property
    def in_time(self) -> bool:
        """Whether it was found again within two seconds."""
        return self.delay_s is not None and self.delay_s <= IN_TIME_S


@dataclass(frozen=True)
class Reacquisition:
    """Returns in numbers: how many were decided, the share found within two seconds, and the median delay."""

    returns: int
    rate: float | None
    median_delay_s: float | None


def find_absences(object_id: str, moments: Sequence[Moment]) -> list[Absence]:
    """The returns of one object, from its moments after the prompt."""
    views = _views(moments)
    found = []
    for before, view in pairwise(views):
        start = view[0].stamp_ns
        delay = next(((moment.stamp_ns - start) / 1e9 for moment in view if moment.j >= SAME_OBJECT), None)
        frames = view[0].frame - before[-1].frame - 1
        found.append(Absence(object_id, frames, view[0].frame, delay, (view[-1].stamp_ns - start) / 1e9))
    return found


def reacquisition(absences: Iterable[Absence], longer_than: int = 0) -> Reacquisition:
    """Sum up the absences of more than some frames."""
    decided = [absence for absence in absences if absence.frames > longer_than and absence.decided]
    delays = [absence.delay_s for absence in decided if absence.delay_s is not None]
    rate = sum(absence.in_time for absence in decided) / len(decided) if decided else None
    return Reacquisition(len(decided), rate, float(np.median(delays)) if delays else None)


def _views(moments: Sequence[Moment]) -> list[list[Moment]]:
    """Runs of neighbouring annotated frames that show the object."""
    views: list[list[Moment]] = []
    seen = False
    for moment in moments:
        if moment.area and not seen:
            views.append([])
        seen = moment.area > 0
        if seen:
            views[-1].append(moment)
    return views
