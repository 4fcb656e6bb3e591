"""What happened to an object from one image to the next, as events."""

from __future__ import annotations

from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.track_condition import TrackCondition
from sam2s_ros.track_state import TrackState


def tell_changes(events: EventLog, object_id: str, before: TrackCondition, now: TrackCondition, stamp_ns: int) -> None:
    """Tell of a loss, a return, a doubt about identity, and that a person is asked to point at the object again."""

    def tell(code: EventCode, text: str) -> None:
        events.emit(code, f'{object_id}: {text}', object_id, stamp_ns)

    if now.lasting_doubt and not before.lasting_doubt:
        tell(EventCode.IDENTITY_DOUBTED, now.lasting_doubt)
    if now.state == TrackState.LOST != before.state:
        tell(EventCode.OBJECT_LOST, now.judgement.reason)
    if now.state != TrackState.LOST == before.state:
        tell(EventCode.OBJECT_RECOVERED, 'seen again')
    if now.judgement.needs_reprompt and not before.judgement.needs_reprompt:
        tell(EventCode.REPROMPT_NEEDED, f'point at it again: {now.judgement.reason}')
