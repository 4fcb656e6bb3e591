"""Whether memory takes an image: not while a person holds it, and not while the video shows nothing worth it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.video_health import VideoHealth


@dataclass(frozen=True)
class Hold:
    """Why memory does not take an image.

    Attributes:
        reason: For a person.
        is_blind: Whether nothing at all can be seen, so that there is nothing to look for either.
        is_fault: Whether the video is the reason, and not a request.
    """

    reason: str
    is_blind: bool
    is_fault: bool


BY_REQUEST = Hold('memory is held by request', is_blind=False, is_fault=False)


class MemoryHold:
    """Holds memory by request and, with ``auto``, by the look of the video; tells ``events`` when that changes."""

    def __init__(self, auto: bool, events: EventLog) -> None:
        self._health = VideoHealth() if auto else None
        self._events = events
        self._is_requested = False
        self._hold: Hold | None = None

    def request(self, is_held: bool) -> None:
        """Hold memory, or let it go on where the video allows it."""
        self._is_requested = is_held

    def watch_video(self, is_watched: bool) -> None:
        """Hold memory by the look of the video from now on, or by request alone."""
        if is_watched != bool(self._health):
            self._health = VideoHealth() if is_watched else None

    def trust_video(self) -> None:
        """Take what comes next for what the video usually shows: it is another one, or a person pointed at it."""
        if self._health:
            self._health.forget()

    def look(self, rgb: NDArray[np.uint8], elapsed_s: float, stamp_ns: int) -> Hold | None:
        """Look at the next image (H, W, 3), ``elapsed_s`` after the one before; None when memory takes it."""
        health = self._health
        fault = health.judge(rgb, elapsed_s) if health else None
        by_request = BY_REQUEST if self._is_requested else None
        before, self._hold = self._hold, Hold(fault.value, fault.blinds, is_fault=True) if fault else by_request
        if self._hold != before:
            self._tell(before, self._hold, stamp_ns)
        return self._hold

    def _tell(self, before: Hold | None, now: Hold | None, stamp_ns: int) -> None:
        if before and before.is_fault:
            self._events.emit(EventCode.VIDEO_USABLE, f'no longer so: {before.reason}', stamp_ns=stamp_ns)
        if now and now.is_fault:
            self._events.emit(EventCode.VIDEO_UNUSABLE, now.reason, stamp_ns=stamp_ns)
        if now and not before:
            self._events.emit(EventCode.MEMORY_FROZEN, f'nothing new is remembered: {now.reason}', stamp_ns=stamp_ns)
        if before and not now:
            self._events.emit(EventCode.MEMORY_RESUMED, 'memory takes new images again', stamp_ns=stamp_ns)
