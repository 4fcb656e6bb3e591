"""What goes into the tracker and what comes out: frames and masks, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """One image of the stream.

    Attributes:
        rgb: (H, W, 3) uint8, red first.
        stamp_ns: When it was taken, in nanoseconds of the stream's own clock.
        square: (S, S, 3) uint8, the same image as the network sees it, where `Tracker.prepare` has made it already.
        ahead: What `Tracker.look_ahead` has found out about it; nobody else looks into it.
    """

    rgb: NDArray[np.uint8]
    stamp_ns: int
    square: NDArray[np.uint8] | None = field(default=None, repr=False)
    ahead: object | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Label:
    """What the model takes an object for.

    Attributes:
        name: Class name; empty when two classes are too close, or the object may be none of them.
        probability: Of the likeliest class, in [0, 1].
        margin: By how much it leads the second, in [0, 1].
    """

    name: str
    probability: float
    margin: float


@dataclass(frozen=True)
class ObjectMask:
    """One object on one frame.

    Attributes:
        object_id: The caller's name for the object, for ever.
        mask: (H, W) bool in image pixels; all False when the object is not seen.
        score: Mask quality (IoU) that the model predicts, in [0, 1].
        presence: Probability that the object is in the frame, in [0, 1].
        label: What the model takes it for, from all frames on which it was present; None where the weights tell no
            classes apart.
    """

    object_id: str
    mask: NDArray[np.bool_]
    score: float
    presence: float
    label: Label | None = None


@dataclass(frozen=True)
class FrameResult:
    """All tracked objects on one frame, in the order in which they were added.

    Attributes:
        frame_index: Position of the frame in the stream since the last reset, 0 for the first.
        stamp_ns: The stamp of the frame that was given.
        objects: One entry for each tracked object, also when it is not seen.
    """

    frame_index: int
    stamp_ns: int
    objects: tuple[ObjectMask, ...]

    def __getitem__(self, object_id: str) -> ObjectMask:
        for candidate in self.objects:
            if candidate.object_id == object_id:
                return candidate
        raise KeyError(object_id)


@dataclass(frozen=True)
class Masklet:
    """One object's masks through a video.

    Attributes:
        object_id: The object's name.
        label: Class name, empty when unknown.
        masks: (T, H, W) bool.
        visible: (T,) bool, whether the object can be seen in the frame.
    """

    object_id: str
    label: str
    masks: NDArray[np.bool_]
    visible: NDArray[np.bool_] = field(repr=False)
