"""What happened when: every part of the node tells one log, and the log tells whoever listens. Knows no ROS."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

NANOSECONDS = 1_000_000_000
MOST_REMEMBERED = 256  # events that may not be repeated soon, by code and object


class EventCode(IntEnum):
    """As in sam2s_msgs/TrackEvent."""

    OBJECT_ADDED = 1
    OBJECT_CORRECTED = 2
    OBJECT_REMOVED = 3
    OBJECT_LOST = 4
    OBJECT_RECOVERED = 5
    OBJECT_RELABELED = 6
    REPROMPT_NEEDED = 7
    IDENTITY_DOUBTED = 8

    SESSION_RESET = 20
    TRACKING_PAUSED = 21
    TRACKING_RESUMED = 22
    MEMORY_FROZEN = 23
    MEMORY_RESUMED = 24
    SESSION_RESTORED = 25

    INPUT_LOST = 40
    INPUT_RECOVERED = 41
    VIDEO_UNUSABLE = 42
    VIDEO_USABLE = 43
    TIME_JUMPED = 44
    STAMP_DOUBTED = 45
    RESOLUTION_CHANGED = 46
    ENCODING_CHANGED = 47
    IMAGE_REFUSED = 48
    SOURCES_MIXED = 49
    INTERLACED = 50

    STATE_CHANGED = 60
    TRANSITION_FAILED = 61
    PARAMETERS_CHANGED = 62
    QOS_MISMATCHED = 63
    TYPE_MISMATCHED = 64
    INFERENCE_STALLED = 65
    INFERENCE_RESUMED = 66
    PUBLISHER_STALLED = 67
    PUBLISHER_RESUMED = 68
    WORKER_RESTARTED = 69
    TRACKING_FAILED = 70
    OUT_OF_MEMORY = 71
    DEGRADED = 72
    RESTORED = 73
    DEVICE_LOST = 74
    CALLBACK_FAILED = 75
    STORAGE_FAILED = 76
    STORAGE_RESTORED = 77


class Severity(IntEnum):
    """As in sam2s_msgs/TrackEvent."""

    INFO = 0
    WARNING = 1
    ERROR = 2


SEVERITIES = {
    EventCode.OBJECT_LOST: Severity.WARNING,
    EventCode.REPROMPT_NEEDED: Severity.WARNING,
    EventCode.IDENTITY_DOUBTED: Severity.WARNING,
    EventCode.MEMORY_FROZEN: Severity.WARNING,
    EventCode.INPUT_LOST: Severity.WARNING,
    EventCode.VIDEO_UNUSABLE: Severity.WARNING,
    EventCode.TIME_JUMPED: Severity.WARNING,
    EventCode.STAMP_DOUBTED: Severity.WARNING,
    EventCode.RESOLUTION_CHANGED: Severity.WARNING,
    EventCode.IMAGE_REFUSED: Severity.WARNING,
    EventCode.SOURCES_MIXED: Severity.WARNING,
    EventCode.INTERLACED: Severity.WARNING,
    EventCode.TRANSITION_FAILED: Severity.ERROR,
    EventCode.QOS_MISMATCHED: Severity.WARNING,
    EventCode.TYPE_MISMATCHED: Severity.ERROR,
    EventCode.INFERENCE_STALLED: Severity.ERROR,
    EventCode.PUBLISHER_STALLED: Severity.ERROR,
    EventCode.WORKER_RESTARTED: Severity.ERROR,
    EventCode.TRACKING_FAILED: Severity.ERROR,
    EventCode.OUT_OF_MEMORY: Severity.ERROR,
    EventCode.DEGRADED: Severity.WARNING,
    EventCode.DEVICE_LOST: Severity.ERROR,
    EventCode.CALLBACK_FAILED: Severity.ERROR,
    EventCode.STORAGE_FAILED: Severity.ERROR,
}


@dataclass(frozen=True)
class Event:
    """Something that happened; fields as in sam2s_msgs/TrackEvent.

    Attributes:
        stamp_ns: Stamp of the image it concerns, nanoseconds; None where it concerns none.
        happened_ns: When it was told, nanoseconds of the steady clock.
    """

    number: int
    code: EventCode
    severity: Severity
    text: str
    object_id: str
    stamp_ns: int | None
    happened_ns: int


class EventLog:
    """Takes events from any thread, numbers them and hands each to ``listener`` in the thread that told it.

    A listener that fails takes nobody with it: to tell of something must never break it.
    """

    def __init__(self, listener: Callable[[Event], None] = lambda event: None) -> None:
        self._listener = listener
        # Held while the listener runs, so that it hears of events in their order.
        self._lock = threading.RLock()
        self._told = self._errors = 0
        self._counts: Counter[EventCode] = Counter()
        self._told_ns: dict[tuple[EventCode, str], int] = {}
        self._last_error: Event | None = None

    @property
    def last_error(self) -> Event | None:
        """The newest event of severity ERROR."""
        return self._last_error

    @property
    def errors(self) -> int:
        """How many events of severity ERROR were told."""
        return self._errors

    def count(self, code: EventCode) -> int:
        """How often an event was told, silenced repetitions included."""
        with self._lock:
            return self._counts[code]

    def emit(
        self,
        code: EventCode,
        text: str,
        object_id: str = '',
        stamp_ns: int | None = None,
        severity: Severity | None = None,
        at_most_every_s: float = 0.0,
    ) -> None:
        """Tell what happened.

        Args:
            code: What.
            text: The same for a person, one sentence.
            object_id: The object it concerns.
            stamp_ns: Stamp of the image it concerns.
            severity: None takes the usual one of this code.
            at_most_every_s: The same code for the same object within so many seconds is counted, but not told again.
        """
        now_ns = time.monotonic_ns()
        severity = SEVERITIES.get(code, Severity.INFO) if severity is None else severity
        with self._lock:
            self._counts[code] += 1
            if at_most_every_s and self._was_told(code, object_id, now_ns, at_most_every_s):
                return
            self._told += 1
            event = Event(self._told, code, severity, text, object_id, stamp_ns, now_ns)
            if severity == Severity.ERROR:
                self._last_error = event
                self._errors += 1
            with suppress(Exception):
                self._listener(event)

    def _was_told(self, code: EventCode, object_id: str, now_ns: int, within_s: float) -> bool:
        """Whether it was told already within that time; if not, it is now."""
        before_ns = self._told_ns.pop((code, object_id), None)
        is_repeated = before_ns is not None and now_ns - before_ns < within_s * NANOSECONDS
        self._told_ns[code, object_id] = before_ns if is_repeated and before_ns is not None else now_ns
        if len(self._told_ns) > MOST_REMEMBERED:
            del self._told_ns[next(iter(self._told_ns))]
        return is_repeated
