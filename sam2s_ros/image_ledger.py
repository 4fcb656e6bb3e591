"""What became of every image that arrived: tracked, or dropped for a reason. Safe between threads."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

NANOSECONDS = 1_000_000_000
RATE_WINDOW_S = 2.0


class DropReason(Enum):
    """Why an image was not tracked; the values are the fields of sam2s_msgs/DropCounts."""

    SUPERSEDED = 'superseded'
    QUEUE_FULL = 'queue_full'
    UNREADABLE = 'unreadable'
    FAILED = 'failed'
    OUT_OF_ORDER = 'out_of_order'
    DUPLICATE = 'duplicate'
    OTHER_SOURCE = 'other_source'
    PAUSED = 'paused'
    STOPPED = 'stopped'


@dataclass(frozen=True)
class ImageCounts:
    """received = tracked + all dropped, but for images that wait or are in work."""

    received: int = 0
    tracked: int = 0
    dropped: Mapping[DropReason, int] = field(default_factory=dict)

    @property
    def all_dropped(self) -> int:
        return sum(self.dropped.values())


class ImageLedger:
    """Counts images and tells how many come and go in a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received = self._tracked = 0
        self._dropped: Counter[DropReason] = Counter()
        self._arrivals, self._results = RateMeter(), RateMeter()
        self._last_arrival_ns: int | None = None

    def expect_images(self) -> None:
        """Begin anew with rates and age, not with the counts: images will come from now on."""
        with self._lock:
            self._arrivals, self._results = RateMeter(), RateMeter()
            self._last_arrival_ns = None

    def receive(self) -> None:
        """An image has arrived."""
        with self._lock:
            self._received += 1
            self._last_arrival_ns = time.monotonic_ns()
            self._arrivals.note(self._last_arrival_ns)

    def track(self) -> None:
        """An image has been tracked and its result handed on."""
        with self._lock:
            self._tracked += 1
            self._results.note(time.monotonic_ns())

    def drop(self, reason: DropReason, count: int = 1) -> None:
        """Images will not be tracked."""
        with self._lock:
            self._dropped[reason] += count

    @property
    def counts(self) -> ImageCounts:
        with self._lock:
            return ImageCounts(self._received, self._tracked, dict(self._dropped))

    @property
    def input_rate(self) -> float:
        """Images that arrive in a second."""
        with self._lock:
            return self._arrivals.per_second(time.monotonic_ns())

    @property
    def processed_rate(self) -> float:
        """Images that are tracked in a second."""
        with self._lock:
            return self._results.per_second(time.monotonic_ns())

    @property
    def image_age_s(self) -> float | None:
        """Seconds of the steady clock since the last image arrived; None while none has."""
        with self._lock:
            arrival_ns = self._last_arrival_ns
        return None if arrival_ns is None else (time.monotonic_ns() - arrival_ns) / NANOSECONDS


class RateMeter:
    """How often something happened in the last seconds."""

    def __init__(self, window_s: float = RATE_WINDOW_S) -> None:
        self._window_ns = int(window_s * NANOSECONDS)
        self._moments: deque[int] = deque()

    def note(self, now_ns: int) -> None:
        self._moments.append(now_ns)
        self._forget_before(now_ns - self._window_ns)

    def per_second(self, now_ns: int) -> float:
        """The mean rate between the oldest moment in the window and now; 0 for fewer than two moments."""
        self._forget_before(now_ns - self._window_ns)
        if len(self._moments) < 2:
            return 0.0
        intervals = (self._moments[-1] - self._moments[0]) / NANOSECONDS
        # A stream that has stopped slows down with every second that passes, instead of keeping its rate to the end.
        waiting = max(0.0, (now_ns - self._moments[-1]) / NANOSECONDS - intervals / (len(self._moments) - 1))
        return (len(self._moments) - 1) / max(intervals + waiting, 1e-9)

    def _forget_before(self, oldest_ns: int) -> None:
        while self._moments and self._moments[0] < oldest_ns:
            self._moments.popleft()
