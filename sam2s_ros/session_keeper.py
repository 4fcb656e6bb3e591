"""Keeps a session on disk while it goes on, so that a process that dies loses a second of it at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_ros.atomic_file import write_atomically
from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.object_registry import Identity
from sam2s_ros.prompt_script import script_text
from sam2s_ros.run_lengths import MaskRuns, decode_mask
from sam2s_ros.session_file import SUFFIX, SavedObject, SavedSession, write_session
from sam2s_ros.track_state import TrackState
from sam2s_ros.tracked_image import TrackedImage

PERIOD_S = 0.5
LONGEST_S = 10.0  # a session in which nothing happens is written again, to show that it is alive
JPEG_QUALITY = 92
STOP_TIMEOUT_S = 2.0
TRUSTED = (TrackState.TENTATIVE, TrackState.TRACKED)


@dataclass(frozen=True)
class SessionSnapshot:
    """A session at one moment; nothing in it changes.

    Attributes:
        session_id, frame_index: As in ~/tracks; the index of the next image.
        identities: Who is tracked, in the order in which they were added.
        tracked: The newest result; None while there is none.
        prompts: Entries of a prompt script.
    """

    session_id: str
    frame_index: int = 0
    identities: tuple[Identity, ...] = ()
    tracked: TrackedImage | None = None
    prompts: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Sight:
    """Where an object was last trusted."""

    stamp_ns: int
    rgb: NDArray[np.uint8]
    runs: MaskRuns


class SessionKeeper:
    """Writes the session twice a second where it has changed, in a thread of its own.

    Args:
        path: The file; None keeps none.
        snapshot: Gives the session at this moment; from any thread.
        image_topic: Where the images come from.
        settings: All parameters by name, for the record.
        events: Told when the disk fails, and when it no longer does.
    """

    def __init__(
        self,
        path: Path | None,
        snapshot: Callable[[], SessionSnapshot],
        image_topic: str,
        settings: Mapping[str, Any],
        events: EventLog,
    ) -> None:
        self._path = path
        self._snapshot = snapshot
        self._image_topic, self._settings = image_topic, settings
        self._events = events
        self._sights: dict[str, Sight] = {}
        self._jpegs: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self._written: SessionSnapshot | None = None
        self._written_s = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem = ''

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the session is not on the disk; empty when it is."""
        return (self._problem,) if self._problem else ()

    def start(self) -> None:
        """Begin to keep the session."""
        if self._path is not None and self._thread is None:
            self._thread = threading.Thread(target=self._run, name='session keeper', daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Write the session for the last time, as one that has ended."""
        self._stop.set()
        if self._thread is not None and self._path is not None:
            self._thread.join(STOP_TIMEOUT_S)
            if self._written or self._snapshot().identities:
                self._write(self._path, has_ended=True)

    def save_as(self, path: Path) -> None:
        """Write the session as it is now, and its prompts as a script beside it.

        Raises:
            OSError: It cannot be written; what was there before is as it was.
        """
        session = self._session(self._snapshot(), has_ended=True)
        write_session(session, path)
        script = path.with_name(path.name.removesuffix(SUFFIX) + '.prompts.yaml')
        write_atomically(script, script_text(self._image_topic, session.prompts))

    def _run(self) -> None:
        assert self._path is not None
        while not self._stop.wait(PERIOD_S):
            if self._is_due():
                self._write(self._path, has_ended=False)

    def _is_due(self) -> bool:
        snapshot = self._snapshot()
        if self._written is None and not snapshot.identities:
            return False  # a session of before must not give way to one of nothing
        return snapshot is not self._written or time.monotonic() - self._written_s > LONGEST_S

    def _write(self, path: Path, has_ended: bool) -> None:
        """Write, or tell why not; the tracker goes on either way."""
        snapshot = self._snapshot()
        try:
            write_session(self._session(snapshot, has_ended), path)
        except OSError as error:
            if not self._problem:
                self._events.emit(EventCode.STORAGE_FAILED, f'the session cannot be saved: {error}')
            self._problem = f'the session cannot be saved: {error}'
            return
        self._written, self._written_s = snapshot, time.monotonic()
        if self._problem:
            self._events.emit(EventCode.STORAGE_RESTORED, 'the session is saved again')
        self._problem = ''

    def _session(self, snapshot: SessionSnapshot, has_ended: bool) -> SavedSession:
        with self._lock:
            self._see(snapshot)
            known = [identity for identity in snapshot.identities if identity.object_id in self._sights]
            return SavedSession(
                session_id=snapshot.session_id,
                frame_index=snapshot.frame_index,
                saved_ns=time.time_ns(),
                has_ended=has_ended,
                objects=tuple(_saved(identity, self._sights[identity.object_id]) for identity in known),
                images=dict(self._jpegs),
                prompts=snapshot.prompts,
                image_topic=self._image_topic,
                settings=self._settings,
            )

    def _see(self, snapshot: SessionSnapshot) -> None:
        """Take over where objects are trusted now, and encode the images that are needed for that."""
        ids = {identity.object_id for identity in snapshot.identities}
        self._sights = {object_id: sight for object_id, sight in self._sights.items() if object_id in ids}
        if tracked := snapshot.tracked:
            for found in tracked.objects:
                object_id = found.identity.object_id
                is_new = object_id not in self._sights
                if object_id in ids and found.area and (is_new or found.state in TRUSTED):
                    self._sights[object_id] = Sight(tracked.image.stamp_ns, tracked.rgb, found.runs)
        images = {sight.stamp_ns: sight.rgb for sight in self._sights.values()}
        self._jpegs = {stamp: self._jpegs.get(stamp) or _jpeg(rgb) for stamp, rgb in images.items()}


def _saved(identity: Identity, sight: Sight) -> SavedObject:
    height, width, _ = sight.rgb.shape
    return SavedObject(identity, sight.stamp_ns, decode_mask(sight.runs, height, width))


def _jpeg(rgb: NDArray[np.uint8]) -> bytes:
    bgr = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode('.jpg', bgr, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    assert ok
    return data.tobytes()
