"""What is done when memory does not suffice for all objects: the newest are given up, the process goes on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from sam2s_model import FrameResult, release_memory
from sam2s_ros.events import EventCode, EventLog

REPEAT_AFTER_S = 5.0


class MemoryShortage:
    """Knows which objects were given up; tells ``events`` of each."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._given_up: list[str] = []

    @property
    def degradations(self) -> tuple[str, ...]:
        """What is missing of what was asked for, one sentence; empty when nothing is."""
        if not self._given_up:
            return ()
        return (f'memory ran out and these objects were given up: {", ".join(self._given_up)}',)

    def track(self, track: Callable[[], FrameResult], give_up_newest: Callable[[], str | None]) -> FrameResult:
        """Track, and when memory runs out try again: with all that is free, then with one object less each time.

        Args:
            track: Tracks all objects on an image.
            give_up_newest: Forgets the object that was added last and gives its id; None when there is none left.

        Raises:
            MemoryError: It does not even suffice without objects.
        """
        with suppress(MemoryError):
            return track()
        self._events.emit(EventCode.OUT_OF_MEMORY, 'memory ran out on an image', at_most_every_s=REPEAT_AFTER_S)
        while True:
            release_memory()
            with suppress(MemoryError):
                return track()
            object_id = give_up_newest()
            if object_id is None:
                raise MemoryError('memory does not suffice for an image without objects')
            self._given_up.append(object_id)
            text = f'{object_id} was given up: memory does not suffice for all objects'
            self._events.emit(EventCode.DEGRADED, text, object_id)

    def regain(self, object_id: str) -> None:
        """An object is tracked by request: if it had been given up, it no longer is."""
        if object_id in self._given_up:
            self._given_up.remove(object_id)
            self._tell_if_restored()

    def clear(self) -> None:
        """Nobody asks for the objects any more."""
        if self._given_up:
            self._given_up.clear()
            self._tell_if_restored()

    def _tell_if_restored(self) -> None:
        if not self._given_up:
            self._events.emit(EventCode.RESTORED, 'all objects that were asked for are tracked again')
