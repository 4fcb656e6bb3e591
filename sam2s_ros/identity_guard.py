"""Doubts whether a mask still belongs to its object: it jumped, or two objects of one class came to share a place.

Two graspers look the same to a network that follows appearance. What it cannot hide is where the masks go: two objects
never cover the same pixels of an image, and none changes its place from one image to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from sam2s_ros.run_lengths import MaskRuns

SAME_PLACE = 0.5  # overlap (IoU) of two masks from which one is where the other was
MERGED = 0.7  # overlap of two objects on one image from which they are one
ELSEWHERE = 0.1  # overlap of an object's neighbouring masks below which it has left its place
MERGED_FOR = 0.2  # seconds after which objects that were one cannot be told apart by themselves
FASTEST = 3.0  # image diagonals a second; a tool that is swept across the whole view takes longer than a third of one
SAMPLE_SIDE = 40  # side of a square of as many pixels as decide how far two masks overlap
LONGEST_STEP = 0.25  # seconds between images beyond which nothing is concluded from a change of place


@dataclass(frozen=True)
class Place:
    """Where one object is on one image.

    Attributes:
        object_id: Its name.
        class_name: Its class, empty while it is not known.
        mask: (H, W) bool.
        runs: The same mask; its box is the box of the object.
    """

    object_id: str
    class_name: str
    mask: NDArray[np.bool_]
    runs: MaskRuns

    @property
    def middle(self) -> tuple[float, float]:
        """Middle of the box, (x, y) pixels."""
        return self.runs.x + self.runs.width / 2, self.runs.y + self.runs.height / 2


@dataclass(frozen=True)
class Doubts:
    """Object id to the reason for a person. What passes ends by itself, what lasts only by a prompt."""

    passing: dict[str, str] = field(default_factory=dict)
    lasting: dict[str, str] = field(default_factory=dict)


class IdentityGuard:
    """Compares the places of all objects with each other and with those on the image before."""

    def __init__(self) -> None:
        self._before: dict[str, Place] = {}
        self._merged_for: dict[frozenset[str], float] = {}

    def look(self, places: Sequence[Place], elapsed_s: float) -> Doubts:
        """Look at all objects that are seen on the next image, ``elapsed_s`` after the one before."""
        doubts = Doubts()
        merged_before, self._merged_for = self._merged_for, {}
        if elapsed_s <= LONGEST_STEP:
            for place in places:
                self._look_at_jump(place, elapsed_s, doubts)
        for one, other in combinations(places, 2):
            if may_be_alike(one, other):
                self._look_at_merging(one, other, merged_before, elapsed_s, doubts)
        if elapsed_s <= LONGEST_STEP:
            self._look_at_exchange(places, doubts)
        self._before = {place.object_id: place for place in places}
        return doubts

    def forget(self) -> None:
        """Draw no conclusion from the images up to now."""
        self._before = {}
        self._merged_for = {}

    def _look_at_jump(self, place: Place, elapsed_s: float, doubts: Doubts) -> None:
        before = self._before.get(place.object_id)
        if before is None or before.mask.shape != place.mask.shape:
            return
        reach = FASTEST * elapsed_s * float(np.hypot(*place.mask.shape))
        leap = float(np.hypot(*np.subtract(place.middle, before.middle)))
        if leap > reach and overlap(before, place) < ELSEWHERE:
            doubts.passing[place.object_id] = f'jumped {leap:.0f} pixels in {elapsed_s:.2f} s'

    def _look_at_merging(
        self, one: Place, other: Place, merged_before: Mapping[frozenset[str], float], elapsed_s: float, doubts: Doubts
    ) -> None:
        if overlap(one, other) < MERGED:
            return
        pair = frozenset((one.object_id, other.object_id))
        merged_for = merged_before[pair] + elapsed_s if pair in merged_before else 0.0
        self._merged_for[pair] = merged_for
        kind = doubts.lasting if merged_for >= MERGED_FOR else doubts.passing
        kind[one.object_id] = f'covers the same pixels as {other.object_id!r}'
        kind[other.object_id] = f'covers the same pixels as {one.object_id!r}'

    def _look_at_exchange(self, places: Sequence[Place], doubts: Doubts) -> None:
        """Doubt every object that is where another was, and that other; it may be out of sight by now."""
        for place in places:
            own = self._before.get(place.object_id)
            if own is None or overlap(place, own) >= ELSEWHERE:
                continue
            for other in self._before.values():
                if other is not own and may_be_alike(place, other) and _took_place(place, own, other):
                    doubts.lasting[place.object_id] = f'may have changed places with {other.object_id!r}'
                    doubts.lasting[other.object_id] = f'may have changed places with {place.object_id!r}'


def _took_place(now: Place, own: Place, other: Place) -> bool:
    """Whether an object is now where the other was, and the two were apart before."""
    return overlap(now, other) >= SAME_PLACE and overlap(own, other) < ELSEWHERE


def may_be_alike(one: Place, other: Place) -> bool:
    """Whether two objects may be of one class: an unknown class may be any."""
    return not one.class_name or not other.class_name or one.class_name == other.class_name


def overlap(one: Place, other: Place) -> float:
    """Intersection over union of two masks in [0, 1]; 0 where the images have different sizes.

    Of large masks only every n-th pixel is compared, some thousand in all.
    """
    if one.mask.shape != other.mask.shape:
        return 0.0
    x0, x1 = max(one.runs.x, other.runs.x), min(one.runs.x + one.runs.width, other.runs.x + other.runs.width)
    y0, y1 = max(one.runs.y, other.runs.y), min(one.runs.y + one.runs.height, other.runs.y + other.runs.height)
    if x0 >= x1 or y0 >= y1:
        return 0.0
    area, others_area = one.runs.area, other.runs.area
    step = max(1, isqrt(min(area, others_area)) // SAMPLE_SIDE)
    grid = slice(y0, y1, step), slice(x0, x1, step)
    shared = min(int(np.count_nonzero(one.mask[grid] & other.mask[grid])) * step * step, area, others_area)
    return shared / (area + others_area - shared)
