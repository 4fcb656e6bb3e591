"""Notices by the steady clock that work hangs or that no images come, and says so once, and once when it is over."""

from __future__ import annotations

from dataclasses import dataclass

from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.health import InputState, WatchState


@dataclass(frozen=True)
class Pulse:
    """What the watchdog feels.

    Attributes:
        busy_s: Seconds that the image or request in work has taken so far; 0 when there is none.
        work: What it is, for a person.
        publishing_s: Seconds that a publication has taken so far; 0 when there is none.
        is_dead: Whether the tracking thread has ended by itself.
        is_device_lost: Whether the GPU failed.
        has_tracked: Whether any image was tracked since the model was loaded.
    """

    busy_s: float = 0.0
    work: str = ''
    publishing_s: float = 0.0
    is_dead: bool = False
    is_device_lost: bool = False
    has_tracked: bool = True


class Watchdog:
    """Tells ``events`` when work begins to hang and when it goes on."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._state = WatchState.WELL

    def look(self, pulse: Pulse, timeout_s: float, first_timeout_s: float) -> WatchState:
        """Judge by how long things take at this moment."""
        limit_s = timeout_s if pulse.has_tracked else first_timeout_s
        before, self._state = self._state, _judge(pulse, limit_s, timeout_s)
        if self._state != before:
            self._tell_end(before)
            self._tell_begin(self._state, pulse)
        return self._state

    def _tell_begin(self, state: WatchState, pulse: Pulse) -> None:
        if state is WatchState.INFERENCE_STALLED:
            self._events.emit(
                EventCode.INFERENCE_STALLED, f'{pulse.work} has been in work for {pulse.busy_s:.1f} s; tracking hangs'
            )
        elif state is WatchState.PUBLISHER_STALLED:
            self._events.emit(
                EventCode.PUBLISHER_STALLED,
                f'publishing has taken {pulse.publishing_s:.1f} s; look for a subscriber that hangs',
            )

    def _tell_end(self, state: WatchState) -> None:
        if state is WatchState.INFERENCE_STALLED:
            self._events.emit(EventCode.INFERENCE_RESUMED, 'tracking goes on')
        elif state is WatchState.PUBLISHER_STALLED:
            self._events.emit(EventCode.PUBLISHER_RESUMED, 'publishing goes on')


def _judge(pulse: Pulse, limit_s: float, publishing_limit_s: float) -> WatchState:
    if pulse.is_device_lost:
        return WatchState.DEVICE_LOST
    if pulse.is_dead:
        return WatchState.WORKER_DEAD
    if pulse.busy_s > limit_s:
        return WatchState.INFERENCE_STALLED
    if pulse.publishing_s > publishing_limit_s:
        return WatchState.PUBLISHER_STALLED
    return WatchState.WELL


class InputWatch:
    """Tells ``events`` when images stop and when they come again."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._state = InputState.NO_IMAGE
        self._longest_age_s = 0.0

    def look(self, age_s: float | None, timeout_s: float) -> InputState:
        """Judge by the seconds since the last image arrived; None while none has."""
        before = self._state
        if age_s is None:
            self._state = InputState.NO_IMAGE
        else:
            self._state = InputState.STALE if age_s > timeout_s else InputState.FLOWING
        if (before, self._state) == (InputState.FLOWING, InputState.STALE):
            self._events.emit(EventCode.INPUT_LOST, f'no image has arrived for {age_s:.1f} s')
        elif (before, self._state) == (InputState.STALE, InputState.FLOWING):
            self._events.emit(EventCode.INPUT_RECOVERED, f'images arrive again after {self._longest_age_s:.1f} s')
        self._longest_age_s = age_s or 0.0
        return self._state
