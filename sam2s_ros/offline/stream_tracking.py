"""One image topic of a recording through a tracking session, with the prompts of a script at their stamps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sam2s_model import Frame
from sam2s_ros.class_table import load_class_table
from sam2s_ros.events import Event, EventCode, EventLog
from sam2s_ros.frame_buffer import FrameBuffer, ReceivedImage
from sam2s_ros.image_codec import decode
from sam2s_ros.image_message import BadImage
from sam2s_ros.offline.track_journal import JournalledTracker
from sam2s_ros.package_share import default_labels_file
from sam2s_ros.parameters import Parameters
from sam2s_ros.prompt_codes import PromptCode, PromptMode
from sam2s_ros.prompt_script import PromptScript, ScriptedPrompt, ScriptedRemoval, ScriptEntry
from sam2s_ros.prompting import PromptRequest
from sam2s_ros.track_state import StateLimits
from sam2s_ros.tracked_image import TrackedImage
from sam2s_ros.tracking_session import TrackingSession

BUFFERED = 2  # images; a prompt is always on the one that was just tracked


@dataclass(frozen=True)
class OfflineResult:
    """What became of one image: its tracks, None where it could not be read, and the events that it led to."""

    tracked: TrackedImage | None
    events: tuple[Event, ...]


class OfflineStream:
    """Tracks every image of one topic, in order.

    Args:
        script: The prompts for this topic.
        parameters: Those of the node.
        tracker: A fresh one.
        session_id: What the results carry.

    Attributes:
        failures: One line for each prompt that was refused.
    """

    def __init__(
        self, script: PromptScript, parameters: Parameters, tracker: JournalledTracker, session_id: str
    ) -> None:
        self.tracker = tracker
        self.failures: list[str] = []
        self._waiting = dict(script.by_stamp())
        self._parameters = parameters
        self._session_id = session_id
        self._told: list[Event] = []
        self._events = EventLog(self._told.append)
        self._buffer = FrameBuffer(BUFFERED, max_bytes=2**62)
        self._session = self._begin()
        self._frames = 0

    def track(self, image: ReceivedImage) -> OfflineResult:
        """Track the next image, then play the prompts that were drawn on it."""
        tracked = self._tracked(image)
        events, self._told[:] = tuple(self._told), []
        if tracked is None:
            return OfflineResult(None, events)
        numbered = replace(tracked, frame_index=self._frames, session_id=self._session_id)
        self._frames += 1
        return OfflineResult(numbered, events)

    @property
    def unplayed(self) -> list[str]:
        """One line for each entry of the script whose image has not come."""
        return [
            f'{entry.object_id}: no image has the stamp {stamp}'
            for stamp, entries in self._waiting.items()
            for entry in entries
        ]

    def _begin(self) -> TrackingSession:
        tracking, labels = self._parameters.tracking, self._parameters.labels.file
        return TrackingSession(
            tracker=self.tracker,
            read=self._read,
            buffer=self._buffer,
            classes=load_class_table(Path(labels) if labels else default_labels_file()),
            limits=StateLimits(tracking.uncertain_score, tracking.confirm_after, tracking.lost_after),
            max_objects=tracking.max_objects,
            auto_freeze=tracking.auto_freeze,
            events=self._events,
            catch_up_frames=tracking.catch_up_frames,
        )

    def _read(self, image: ReceivedImage) -> Frame:
        return Frame(decode(image.message, max_side=self._parameters.input.max_side), image.stamp_ns)

    def _tracked(self, image: ReceivedImage) -> TrackedImage | None:
        self._buffer.add(image)
        try:
            tracked = self._session.track(image)
        except BadImage as error:
            self._events.emit(EventCode.IMAGE_REFUSED, f'image skipped: {error}', stamp_ns=image.stamp_ns)
            return None
        for entry in self._waiting.pop(image.stamp_ns, ()):
            tracked = self._play(entry, image.stamp_ns) or tracked
        return tracked

    def _play(self, entry: ScriptEntry, stamp_ns: int) -> TrackedImage | None:
        if isinstance(entry, ScriptedRemoval):
            self._remove(entry)
            return None
        mode = _mode(entry, entry.object_id in self._session.object_ids)
        request = PromptRequest(entry.object_id, entry.label, mode, lambda height, width: entry.prompt)
        batch = self._session.add_prompts([request], stamp_ns, atomic=False)
        refused = batch.first_refusal
        if refused is not None:
            self.failures.append(f'{entry.object_id} at {stamp_ns}: {PromptCode(refused.code).name}: {refused.message}')
        return batch.tracked

    def _remove(self, entry: ScriptedRemoval) -> None:
        known = self._session.object_ids
        if entry.object_id not in known:
            tracked = ', '.join(known) or 'none'
            self.failures.append(f'{entry.object_id} at {entry.stamp_ns}: expected one of {tracked} to remove')
            return
        self._session.remove([entry.object_id], entry.stamp_ns)


def _mode(prompt: ScriptedPrompt, is_known: bool) -> PromptMode:
    if not is_known:
        return PromptMode.NEW
    return PromptMode.REPLACE if prompt.replaces else PromptMode.CORRECT


def main_topic(script: PromptScript, topics: Sequence[str]) -> str:
    """Which of the topics the entries are for that name none: that of the script, or else the first."""
    return script.image_topic if script.image_topic in topics else topics[0]
