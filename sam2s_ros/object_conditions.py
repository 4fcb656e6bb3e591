"""The conditions of all tracked objects of one stream, followed image by image."""

from __future__ import annotations

from collections.abc import Mapping

from sam2s_model import FrameResult, ObjectMask
from sam2s_ros.condition_events import tell_changes
from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.identity_guard import Doubts, IdentityGuard, Place
from sam2s_ros.run_lengths import MaskRuns
from sam2s_ros.track_condition import Observation, TrackCondition, after, doubted, frozen, prompted
from sam2s_ros.track_state import StateLimits

REPEAT_AFTER_S = 5.0


class ObjectConditions:
    """Knows of every object how far it can be trusted.

    Args:
        limits: When an object is trusted, doubted and lost.
        events: Told of losses, returns and doubts.
    """

    def __init__(self, limits: StateLimits, events: EventLog) -> None:
        self.limits = limits
        self._events = events
        self._guard = IdentityGuard()
        self._conditions: dict[str, TrackCondition] = {}
        self._now = 0.0

    def __getitem__(self, object_id: str) -> TrackCondition:
        return self._conditions[object_id]

    def begin(self, object_id: str, stamp_ns: int) -> None:
        """A person has pointed at the object: whatever was doubted is answered."""
        self._conditions[object_id] = prompted(stamp_ns)

    def doubt_all(self, reason: str) -> None:
        """Trust no object until it has been seen well again."""
        self._guard.forget()
        self._conditions = {object_id: doubted(condition, reason) for object_id, condition in self._conditions.items()}

    def forget(self, object_id: str) -> None:
        self._conditions.pop(object_id, None)

    def clear(self) -> None:
        self._conditions.clear()
        self._guard.forget()

    def follow(
        self, result: FrameResult, runs: Mapping[str, MaskRuns], classes: Mapping[str, str], elapsed_s: float
    ) -> None:
        """Judge all objects on the next image.

        Args:
            result: What the tracker found.
            runs: The same masks as run lengths, by object id.
            classes: Class names by object id, empty where unknown.
            elapsed_s: Seconds of the stream since the image before.
        """
        self._now += elapsed_s
        seen = [
            Place(found.object_id, classes[found.object_id], found.mask, runs[found.object_id])
            for found in result.objects
            if runs[found.object_id].counts.size
        ]
        doubts = self._guard.look(seen, elapsed_s)
        for found in result.objects:
            observation = _observe(found, runs[found.object_id], result.stamp_ns, doubts)
            if not observation.is_number:
                self._tell_no_number(found.object_id, result.stamp_ns)
            self._replace(found, after(self[found.object_id], observation, self._now, self.limits), result.stamp_ns)

    def hold(self, result: FrameResult, reason: str) -> None:
        """Let an image pass on which memory was held, without a judgement. Time stands still for the objects."""
        self._guard.forget()
        for found in result.objects:
            is_seen = bool(found.mask.any())
            self._replace(found, frozen(self[found.object_id], reason, is_seen, result.stamp_ns), result.stamp_ns)

    def _tell_no_number(self, object_id: str, stamp_ns: int) -> None:
        text = f'{object_id}: the network returned no number; nothing of the image is remembered of it'
        self._events.emit(EventCode.TRACKING_FAILED, text, object_id, stamp_ns, at_most_every_s=REPEAT_AFTER_S)

    def _replace(self, found: ObjectMask, condition: TrackCondition, stamp_ns: int) -> None:
        before, self._conditions[found.object_id] = self._conditions[found.object_id], condition
        tell_changes(self._events, found.object_id, before, condition, stamp_ns)


def _observe(found: ObjectMask, runs: MaskRuns, stamp_ns: int, doubts: Doubts) -> Observation:
    height, width = found.mask.shape
    right, lower = runs.x + runs.width, runs.y + runs.height
    return Observation(
        stamp_ns=stamp_ns,
        area=runs.area,
        score=found.score,
        presence=found.presence,
        at_border=not (0 < runs.x < right < width and 0 < runs.y < lower < height),
        passing_doubt=doubts.passing.get(found.object_id, ''),
        lasting_doubt=doubts.lasting.get(found.object_id, ''),
    )
