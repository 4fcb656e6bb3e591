"""What a tracker knows of its video, whatever the objects."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sam2s_model.frame_memory import Recall
from sam2s_model.network import Calibration, FrameFeatures, MemoryContent


@dataclass(frozen=True)
class EncodedFrame:
    """A frame that was encoded: its place, its pixels (S, S, 3) as the network saw them, and its features."""

    place: tuple[int, int]
    square: NDArray[np.uint8]
    features: FrameFeatures


@dataclass(frozen=True)
class Expectation:
    """What is known of the next frame but one: all but what the next will leave behind."""

    calibration: Calibration
    groups: list[list[Recall[MemoryContent]]]


@dataclass(frozen=True)
class Ahead:
    """What was found out about a frame before its turn, and with which calibration."""

    calibration: Calibration
    features: FrameFeatures


@dataclass
class Stream:
    """What is known of the video so far, whatever the objects."""

    calibration: Calibration | None = None
    calibrated: bool = False
    next_index: int = 0
    stamps: OrderedDict[int, int] = field(default_factory=OrderedDict)
    newest: EncodedFrame | None = None
    looked_ahead: bool = False  # somebody did, and will want to know what to expect
    expected: Expectation | None = None
