"""Watches over the parts of the node and describes how they are."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sam2s_ros.connections import Connections
from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.health import Health, InputHealth, InputState, ModelSource, NodeState, WatchState, WorkHealth
from sam2s_ros.parameters import Parameters
from sam2s_ros.watchdog import InputWatch, Pulse, Watchdog

if TYPE_CHECKING:
    from sam2s_ros.image_subscription import ImageSubscription
    from sam2s_ros.tracking_pipeline import TrackingPipeline

NANOSECONDS = 1_000_000_000
HUNG = 75  # exit code: "temporary failure" of sysexits.h, for whoever starts the process again
MEMORY_PAGES = Path('/proc/self/statm')
WATCH_PROBLEMS = {
    WatchState.INFERENCE_STALLED: 'tracking hangs',
    WatchState.PUBLISHER_STALLED: 'publishing hangs',
    WatchState.WORKER_DEAD: 'the tracking thread has died; clean up and configure the node again',
    WatchState.DEVICE_LOST: 'the GPU has failed; the process ends, so that another one can go on',
}
NO_CLOCK = 'use_sim_time is set, but nothing comes on /clock; images are tracked by their own stamps'


@dataclass(frozen=True)
class Parts:
    """What the node is made of at this moment; None while it is not there."""

    state: NodeState
    pipeline: TrackingPipeline | None = None
    images: ImageSubscription | None = None
    model: ModelSource = field(default_factory=ModelSource)


class Vitals:
    """Notices what goes wrong with the parts, and gives their health.

    Args:
        parts: Gives the parts at this moment.
        settings: Gives the parameters at this moment.
        events: Told of what goes wrong.
        connections: Who cannot be connected to us.
        end_process: Called with an exit code when tracking hangs and ``watchdog.exit`` is set.
        waits_for_clock: Whether simulated time is asked for and nobody has published it yet.
    """

    def __init__(
        self,
        parts: Callable[[], Parts],
        settings: Callable[[], Parameters],
        events: EventLog,
        connections: Connections,
        end_process: Callable[[int], None],
        waits_for_clock: Callable[[], bool],
    ) -> None:
        self._parts = parts
        self._settings = settings
        self._events = events
        self._connections = connections
        self._end_process = end_process
        self._waits_for_clock = waits_for_clock
        self._watchdog, self._input_watch = Watchdog(events), InputWatch(events)
        self._watch, self._input = WatchState.WELL, InputState.NO_IMAGE

    def watch(self) -> None:
        """Notice what hangs or has died; called at every beat."""
        parts, settings = self._parts(), self._settings()
        pipeline = parts.pipeline
        before = self._watch
        pulse = pipeline.pulse if pipeline is not None else Pulse()
        if pulse.is_dead and pipeline is not None and not pipeline.revivals:
            self._revive(pipeline)
            pulse = replace(pulse, is_dead=False)
        self._watch = self._watchdog.look(pulse, settings.watchdog.timeout, settings.watchdog.first_timeout)
        age_s = pipeline.image_age_s if pipeline is not None and parts.state is NodeState.ACTIVE else None
        self._input = self._input_watch.look(age_s, settings.input.timeout)
        if settings.watchdog.exit and self._watch is not before and self._watch in WATCH_PROBLEMS:
            self._end_process(HUNG)
        # One beat later, so that the heartbeat has told why.
        if self._watch is before is WatchState.DEVICE_LOST:
            self._end_process(HUNG)

    def health(self) -> Health:
        """How all is at this moment."""
        parts, error = self._parts(), self._events.last_error
        work = replace(parts.pipeline.health, watch=self._watch) if parts.pipeline else WorkHealth()
        return Health(
            state=parts.state,
            input=self._input_health(parts),
            work=work,
            model=parts.model,
            problems=(*self._problems(), *work.degradations, *self._connections.problems),
            process_memory=process_memory(),
            errors=self._events.errors,
            last_error=error.text if error else '',
            last_error_age_s=(time.monotonic_ns() - error.happened_ns) / NANOSECONDS if error else None,
        )

    def _revive(self, pipeline: TrackingPipeline) -> None:
        pipeline.revive()
        self._events.emit(EventCode.WORKER_RESTARTED, 'the tracking thread had died and was started again, once')

    def _problems(self) -> list[str]:
        problems = [WATCH_PROBLEMS[self._watch]] if self._watch in WATCH_PROBLEMS else []
        problems += ['no images arrive'] if self._input is InputState.STALE else []
        return problems + ([NO_CLOCK] if self._waits_for_clock() else [])

    def _input_health(self, parts: Parts) -> InputHealth:
        source = parts.images.source if parts.images else None
        health = InputHealth(state=self._input)
        if source is not None:
            health = replace(
                health, topic=source.topic, is_compressed=source.is_compressed, is_reliable=source.is_reliable
            )
        if parts.pipeline is None:
            return health
        return replace(health, age_s=parts.pipeline.image_age_s, rate=parts.pipeline.input_rate)


def process_memory() -> int:
    """Bytes of RAM that this process holds; where /proc is missing, the most that it ever held."""
    if MEMORY_PAGES.is_file():
        return int(MEMORY_PAGES.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
