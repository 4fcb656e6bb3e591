"""The moments of a run that a person should look at: what the tracker warned of, and where it was least sure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_ros.events import Event, EventCode, Severity
from sam2s_ros.image_codec import encode_jpeg
from sam2s_ros.tracked_image import TrackedImage, TrackedObject

MOST = 60  # warnings with a picture; more would make nobody look
APART_NS = 2 * 10**9  # the same warning for the same object within this time is one moment
WIDTH, JPEG_QUALITY = 320, 80


@dataclass(frozen=True)
class Moment:
    """One moment: the image's number and stamp, the object (empty for all), what is to be seen, and a small JPEG."""

    frame: int
    stamp_ns: int
    object_id: str
    reason: str
    jpeg: bytes


class HumanLook:
    """Looks at each result and keeps the moments; what it holds does not grow with the recording.

    Attributes:
        missed: Warnings beyond `MOST`, which have no picture.
    """

    def __init__(self) -> None:
        self.missed = 0
        self._warned: list[Moment] = []
        self._last_ns: dict[tuple[EventCode, str], int] = {}
        self._least: dict[str, tuple[float, Moment]] = {}

    def look(self, tracked: TrackedImage, events: Sequence[Event], overlay: NDArray[np.uint8]) -> None:
        """Take the pictures that an image is worth; `overlay` (h, w, 3) shows its masks."""
        stamp = tracked.image.stamp_ns
        for event in self._new(events, stamp):
            if len(self._warned) >= MOST:
                self.missed += 1
                continue
            reason = f'{event.code.name}: {event.text}'
            self._warned.append(Moment(tracked.frame_index, stamp, event.object_id, reason, _small(overlay)))
        for found in tracked.objects:
            if found.area and found.score < self._least_score(found.identity.object_id):
                self._least[found.identity.object_id] = (found.score, _unsure(tracked, found, overlay))

    @property
    def moments(self) -> tuple[Moment, ...]:
        """In the order of the recording."""
        least = [moment for _, moment in self._least.values()]
        return tuple(sorted(self._warned + least, key=lambda moment: moment.frame))

    def _least_score(self, object_id: str) -> float:
        return self._least[object_id][0] if object_id in self._least else 1.0

    def _new(self, events: Iterable[Event], stamp_ns: int) -> list[Event]:
        """Warnings that were not given a moment ago."""
        new = []
        for event in events:
            before = self._last_ns.get((event.code, event.object_id))
            if event.severity >= Severity.WARNING:
                self._last_ns[event.code, event.object_id] = stamp_ns
                if before is None or abs(stamp_ns - before) > APART_NS:
                    new.append(event)
        return new


def _unsure(tracked: TrackedImage, found: TrackedObject, overlay: NDArray[np.uint8]) -> Moment:
    name = found.identity.object_id
    reason = f'{name}: least predicted quality, {found.score:.2f}'
    return Moment(tracked.frame_index, tracked.image.stamp_ns, name, reason, _small(overlay))


def _small(overlay: NDArray[np.uint8]) -> bytes:
    height, width = overlay.shape[:2]
    size = (WIDTH, max(1, round(height * WIDTH / width)))
    return bytes(encode_jpeg(np.asarray(cv2.resize(overlay, size, interpolation=cv2.INTER_AREA)), JPEG_QUALITY))
