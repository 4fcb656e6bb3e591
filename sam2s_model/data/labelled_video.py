"""What a reader gives: a video with the true masks of its objects, and a way to open it later or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class UnreadableData(ValueError):
    """The data cannot be read; the message says what was expected, what is there and what to do."""


@dataclass(frozen=True)
class LabelledFrame:
    """One image and what is true of it.

    Attributes:
        rgb: (H, W, 3) uint8, red first.
        stamp_ns: When it was taken, in nanoseconds of the video's own clock.
        masks: Object id to mask (H, W) bool, for each object that is seen; masks may overlap if the data says so. None
            where nobody has annotated the frame.
        ignored: (H, W) bool, pixels that are not scored; None for none.
    """

    rgb: Image
    stamp_ns: int
    masks: Mapping[str, Mask] | None
    ignored: Mask | None = None

    def truth(self, object_id: str) -> Mask:
        """The object's mask (H, W), all False where it is not seen."""
        seen = (self.masks or {}).get(object_id)
        return np.zeros(self.rgb.shape[:2], np.bool_) if seen is None else seen


@dataclass(frozen=True)
class LabelledVideo:
    """A video with true masks.

    Attributes:
        name: What to call it in tables.
        fps: Frames a second.
        objects: Object id to class name, empty when unknown. Ids that masks use beyond these are not meant to be
            tracked.
        frames: All frames in order. Nothing of them is held; those from image files are a `Sequence` and can be read
            in any order, those from recordings can only be read from the start.
        instruments: Ids of the objects that are surgical instruments, where that is known.
        least_area: Pixels of an object that have to be seen before anybody could point at it.
    """

    name: str
    fps: float
    objects: dict[str, str]
    frames: Collection[LabelledFrame]
    instruments: frozenset[str] = frozenset()
    least_area: int = 1


@dataclass(frozen=True)
class VideoSource:
    """A video that can be opened, in this process or another one.

    Attributes:
        name: The video's name, different from all others of the dataset.
        dataset: The set it belongs to.
        open: Reads it; can be pickled. Raises UnreadableData.
    """

    name: str
    dataset: str
    open: Callable[[], LabelledVideo]


def stamps(count: int, fps: float) -> list[int]:
    """Stamps of frames at equal distances, in nanoseconds, beginning with 0."""
    return [round(index * 1e9 / fps) for index in range(count)]
