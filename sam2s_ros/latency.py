"""Where the time goes between an image and its masks, over the last images."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sam2s_ros.tracked_image import StageTimes

NANOSECONDS = 1_000_000_000
WINDOW_IMAGES = 256


@dataclass(frozen=True)
class StageSeconds:
    """Seconds of each stage; fields as in sam2s_msgs/Timing."""

    receive_age: float = 0.0
    queue: float = 0.0
    preprocess: float = 0.0
    inference: float = 0.0
    postprocess: float = 0.0
    total: float = 0.0


def stage_seconds(times: StageTimes, age_s: float, finished_ns: int) -> StageSeconds:
    """Durations between the moments; ``finished_ns`` is when the result was handed to the publishers.

    ``age_s`` compares two clocks that may disagree; less than nothing counts as nothing.
    """
    return StageSeconds(
        receive_age=max(0.0, age_s),
        queue=(times.begun - times.arrived) / NANOSECONDS,
        preprocess=(times.decoded - times.begun) / NANOSECONDS,
        inference=(times.tracked - times.decoded) / NANOSECONDS,
        postprocess=(finished_ns - times.tracked) / NANOSECONDS,
        total=(finished_ns - times.arrived) / NANOSECONDS,
    )


class LatencyWindow:
    """The stages of the last images. Safe between threads."""

    def __init__(self, images: int = WINDOW_IMAGES) -> None:
        self._rows: deque[tuple[float, ...]] = deque(maxlen=images)
        self._lock = threading.Lock()

    def add(self, seconds: StageSeconds) -> None:
        with self._lock:
            self._rows.append(astuple(seconds))

    def percentiles(self, *percents: float) -> tuple[StageSeconds, ...]:
        """For each percent, that percentile of each stage by itself; zeros while there is no image."""
        with self._lock:
            rows = list(self._rows)
        if not rows:
            return tuple(StageSeconds() for _ in percents)
        return tuple(StageSeconds(*map(float, row)) for row in np.percentile(np.array(rows), percents, axis=0))
