"""All that is known of one stream: the tracker, who is tracked, and when each object was seen. For one thread."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import numpy as np

from sam2s_model import Frame, FrameNotTracked, FrameResult, InvalidPrompt, MaskPrompt, NotFinite, ObjectMask, Prompt
from sam2s_ros.class_table import ClassTable
from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.frame_buffer import FrameBuffer, FrameNotBuffered, NoImage, ReceivedImage
from sam2s_ros.image_format import ImageFormat, SizeChange
from sam2s_ros.image_message import BadImage
from sam2s_ros.memory_hold import Hold, MemoryHold
from sam2s_ros.memory_shortage import MemoryShortage
from sam2s_ros.object_book import RESTORED, ObjectBook
from sam2s_ros.passed_frames import PassedFrames
from sam2s_ros.prompt_codes import PromptCode, PromptMode
from sam2s_ros.prompting import (
    BatchOutcome,
    Plan,
    PlannedPrompt,
    PromptOutcome,
    PromptRequest,
    code_of,
    plan_prompts,
    refuse_all,
    refuse_atomic,
)
from sam2s_ros.run_lengths import MaskRuns, encode_mask
from sam2s_ros.session_file import SavedSession
from sam2s_ros.session_keeper import SessionSnapshot
from sam2s_ros.stream_seconds import StreamSeconds
from sam2s_ros.track_state import StateLimits
from sam2s_ros.tracked_image import StageTimes, TrackedImage, TrackedObject


class StreamTracker(Protocol):
    """What is asked of a tracker; `sam2s_model.Tracker` is one."""

    def step(self, frame: Frame) -> FrameResult: ...
    def look(self, frame: Frame) -> FrameResult: ...
    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult: ...
    def catch_up(self, frame: Frame, object_ids: Iterable[str]) -> FrameResult: ...
    def remove(self, object_id: str) -> None: ...
    def reset(self) -> None: ...


class TrackingSession:
    """Track one stream of image messages.

    Args:
        tracker: The model with its memory.
        read: Makes the frame of an image; raises `BadImage`.
        buffer: The images that prompts may refer to.
        classes: Numbers of the class names; unknown names are added.
        limits: When an object counts as uncertain or lost.
        max_objects: More are refused.
        auto_freeze: Hold memory while the video shows nothing worth remembering.
        events: Told what happens to the objects and the video.
        catch_up_frames: Images on which an object is tracked again, at most, after a prompt on one that has passed.
        refuse_new_aspect: Skip images of another aspect ratio instead of beginning anew with them.
    """

    def __init__(
        self,
        tracker: StreamTracker,
        read: Callable[[ReceivedImage], Frame],
        buffer: FrameBuffer,
        classes: ClassTable,
        limits: StateLimits,
        max_objects: int,
        auto_freeze: bool = True,
        events: EventLog | None = None,
        catch_up_frames: int = 8,
        refuse_new_aspect: bool = False,
    ) -> None:
        self._tracker = tracker
        self._read = read
        self._buffer = buffer
        self._max_objects = max_objects
        self._events = events or EventLog()
        self._book = ObjectBook(classes, limits, self._events)
        self._seconds = StreamSeconds()
        self._format, self._refuses_new_aspect = ImageFormat(self._events), refuse_new_aspect
        self._epoch = 0
        self._memory_hold = MemoryHold(auto_freeze, self._events)
        self._shortage = MemoryShortage(self._events)
        self._newest: tuple[ReceivedImage, Frame] | None = None
        self._passed = PassedFrames(catch_up_frames)
        self._frame_index = 0
        self.session_id = _new_session_id()
        self.snapshot = SessionSnapshot(self.session_id)

    def track(self, image: ReceivedImage) -> TrackedImage:
        """Process the next image of the stream.

        Raises:
            BadImage: It cannot be decoded, or has another aspect ratio and is to be refused; nothing has changed.
        """
        begun = time.monotonic_ns()
        frame = self._frame_of(image)
        decoded = time.monotonic_ns()
        self._follow_format(image, frame)
        elapsed_s = self._seconds.pass_to(image)
        hold = self._memory_hold.look(frame.rgb, elapsed_s, image.stamp_ns)
        result = self._find(frame, hold)
        self._newest = (image, frame)
        if hold is None:
            self._passed.note(image.stamp_ns)
        times = StageTimes(image.arrival_ns, begun, decoded, time.monotonic_ns())
        self._book.classes.number_all(result)
        runs = {found.object_id: encode_mask(found.mask) for found in result.objects}
        if hold:
            self._book.conditions.hold(result, hold.reason)
        else:
            self._book.conditions.follow(result, runs, self._book.classes.names(result), elapsed_s)
        tracked = self._describe(image, frame, result.objects, runs, times, hold)
        self._frame_index += 1
        self._note(tracked)
        return tracked

    def hold_memory(self, is_held: bool) -> None:
        """Follow the objects without remembering anything new of them, until called again with False."""
        self._memory_hold.request(is_held)

    def remembered(self, stamp_ns: int) -> ReceivedImage | None:
        """The image of a stamp, while it is remembered; from any thread."""
        with suppress(NoImage, FrameNotBuffered):
            return self._buffer.at(stamp_ns)
        return None

    def add_prompts(
        self, requests: Sequence[PromptRequest], stamp_ns: int, atomic: bool, held: ReceivedImage | None = None
    ) -> BatchOutcome:
        """Apply prompts that were drawn on the image of a stamp; 0 means the newest image that was processed.

        With ``atomic`` one bad prompt leaves everything as it was. `held` is what was `remembered` of the stamp when
        the prompts came: they may have waited for longer than the image is.
        """
        try:
            image = self._prompted_image(stamp_ns, held)
            begun = time.monotonic_ns()
            frame = self._frame_of(image)
        except (NoImage, BadImage) as error:
            return refuse_all(requests, PromptCode.NO_IMAGE, str(error))
        except FrameNotBuffered as error:
            return refuse_all(requests, PromptCode.STALE_STAMP, str(error))
        decoded = time.monotonic_ns()
        height, width, _ = frame.rgb.shape
        plan = plan_prompts(requests, self._book.registry, height, width, self._max_objects)
        if atomic and any(isinstance(entry, PromptOutcome) for entry in plan):
            return refuse_atomic(plan)
        outcomes, found = self._apply(frame, plan, atomic)
        if not found:
            return BatchOutcome(outcomes)
        times = StageTimes(image.arrival_ns, begun, decoded, time.monotonic_ns())
        runs = {mask.object_id: encode_mask(mask.mask) for mask in found}
        tracked = self._describe(image, frame, found, runs, times)
        self._catch_up(image.stamp_ns, [outcome.object_id for outcome in outcomes if outcome.code == PromptCode.OK])
        self._note(tracked)
        return BatchOutcome(outcomes, tracked)

    def preview(
        self, requests: Sequence[PromptRequest], stamp_ns: int, held: ReceivedImage | None = None
    ) -> BatchOutcome:
        """What new objects would look like; nothing of it stays. Ids are the tracker's choice."""
        before = self._book.ids
        if any(request.mode != PromptMode.NEW for request in requests):
            return refuse_all(requests, PromptCode.INVALID, 'only new objects can be previewed; use mode NEW')
        with self._book.off_the_record():  # what is not going to be there is no news
            try:
                return self.add_prompts(requests, stamp_ns, atomic=True, held=held)
            finally:
                self._remove_all_but(before)

    def remove(self, object_ids: Sequence[str], stamp_ns: int = 0) -> tuple[str, ...]:
        """Track these objects no more, or none at all, after the image of a stamp (0: the newest); gives the ids.

        Raises:
            PromptRefused: One of them is not tracked; nothing has changed.
        """
        chosen = tuple(dict.fromkeys(object_ids)) or self._book.ids
        for object_id in chosen:
            self._book.check_known(object_id)
        for object_id in chosen:
            self._tracker.remove(object_id)
            self._book.remove(object_id, stamp_ns or self._newest_stamp_ns)
        self._note()
        return chosen

    def restore(self, saved: SavedSession, frames: Mapping[int, Frame]) -> tuple[str, ...]:
        """Go on with a saved session: each object is shown to the tracker where it was last trusted; gives the ids.

        Args:
            saved: The session.
            frames: Its images by stamp.
        """
        self.reset()
        for known in sorted(saved.objects, key=lambda known: known.stamp_ns):
            self._tracker.prompt(frames[known.stamp_ns], known.identity.object_id, MaskPrompt(known.mask))
            self._book.restore(known.identity, known.stamp_ns)
        self._book.conditions.doubt_all(RESTORED)
        self._book.history.go_back_to(saved.prompts)
        self.session_id, self._frame_index = saved.session_id, saved.frame_index
        self._note()
        text = f'session {self.session_id} goes on with {", ".join(self._book.ids)}'
        self._events.emit(EventCode.SESSION_RESTORED, text)
        return self._book.ids

    def relabel(self, object_id: str, label: str) -> int:
        """Give an object another class name; gives the number of the class.

        Raises:
            PromptRefused: It is not tracked.
        """
        number = self._book.relabel(object_id, label)
        self._note()
        return number

    def objects(self) -> tuple[TrackedObject, ...]:
        """All objects as they were on the last image, without masks."""
        nothing = np.zeros((1, 1), np.bool_)
        known = (ObjectMask(object_id, nothing, 0.0, 0.0) for object_id in self._book.ids)
        return tuple(self._book.describe(found, encode_mask(nothing)) for found in known)

    @property
    def object_ids(self) -> tuple[str, ...]:
        """Ids of the tracked objects, in the order in which they were added."""
        return self._book.ids

    @property
    def object_count(self) -> int:
        return len(self._book.ids)

    @property
    def degradations(self) -> tuple[str, ...]:
        """Why less is tracked than was asked for, one sentence each."""
        return self._shortage.degradations

    def adjust(self, limits: StateLimits, max_objects: int, auto_freeze: bool, refuse_new_aspect: bool) -> None:
        """Take over other limits from the next image on; from any thread."""
        self._book.conditions.limits = limits
        self._max_objects = max_objects
        self._memory_hold.watch_video(auto_freeze)
        self._refuses_new_aspect = refuse_new_aspect

    def reset(self) -> None:
        """Forget all objects and begin a new session, with images of any shape."""
        self._begin_anew()
        self._format = ImageFormat(self._events)

    def _begin_anew(self) -> None:
        self._tracker.reset()
        self._book.clear()
        self._memory_hold.trust_video()
        self._shortage.clear()
        self._passed.clear()
        self._frame_index = 0
        self.session_id = _new_session_id()
        self._note()
        self._events.emit(EventCode.SESSION_RESET, f'all objects are forgotten; the session is {self.session_id} now')

    def _note(self, tracked: TrackedImage | None = None) -> None:
        """Have what is known now at hand for other threads."""
        identities = tuple(self._book.registry[object_id] for object_id in self._book.ids)
        entries = self._book.history.entries
        self.snapshot = SessionSnapshot(self.session_id, self._frame_index, identities, tracked, entries)

    def _follow_format(self, image: ReceivedImage, frame: Frame) -> None:
        """Begin anew where time did, or where the picture has another shape; doubt all objects at another scale."""
        change = self._format.size_change(frame.rgb)
        if change is SizeChange.RESHAPED and self._refuses_new_aspect and image.epoch == self._epoch:
            height, width, _ = frame.rgb.shape
            raise BadImage(
                'the aspect ratio of the images before',
                f'{width}×{height}',
                'call ~/reset or set input.on_new_aspect to reset',
            )
        self._format.follow(image, frame.rgb)
        if image.epoch != self._epoch or change is SizeChange.RESHAPED:
            self._epoch = image.epoch
            self._buffer.forget_before(image.arrival_ns)
            self._begin_anew()
        if change is SizeChange.SCALED:
            self._book.conditions.doubt_all('the images have another size')

    @property
    def _newest_stamp_ns(self) -> int:
        return self._newest[0].stamp_ns if self._newest else 0

    def _prompted_image(self, stamp_ns: int, held: ReceivedImage | None) -> ReceivedImage:
        if self._newest and self._newest[0].stamp_ns == stamp_ns:
            return self._newest[0]  # what a person sees now, also where tracking is so slow that the buffer has lost it
        if stamp_ns and held and held.epoch == self._epoch:
            return held
        if stamp_ns:
            return self._buffer.at(stamp_ns)
        return self._newest[0] if self._newest else self._buffer.newest()

    def _frame_of(self, image: ReceivedImage) -> Frame:
        if self._newest and self._newest[0] is image:
            return self._newest[1]
        return self._read(image)

    def _find(self, frame: Frame, hold: Hold | None) -> FrameResult:
        """The objects on a frame. Where nothing can be seen, no mask is given: an old one would be a lie."""
        if hold is None:
            return self._shortage.track(lambda: self._tracker.step(frame), self._give_up_newest)
        if not hold.is_blind:
            return self._shortage.track(lambda: self._tracker.look(frame), self._give_up_newest)
        nothing = np.zeros(frame.rgb.shape[:2], np.bool_)
        unseen = tuple(ObjectMask(object_id, nothing, 0.0, 0.0) for object_id in self._book.ids)
        return FrameResult(self._frame_index, frame.stamp_ns, unseen)

    def _give_up_newest(self) -> str | None:
        object_ids = self._book.ids
        if not object_ids:
            return None
        self._tracker.remove(object_ids[-1])
        self._book.forget(object_ids[-1])
        return object_ids[-1]

    def _catch_up(self, stamp_ns: int, object_ids: Sequence[str]) -> None:
        """Track objects again on what was tracked since the image they were prompted on, so that they are right now."""
        for passed_ns in self._passed.since(stamp_ns) if object_ids else ():
            with suppress(FrameNotBuffered, FrameNotTracked):  # any of the images may be missing
                self._tracker.catch_up(self._frame_of(self._buffer.at(passed_ns)), object_ids)

    def _apply(self, frame: Frame, plan: Plan, atomic: bool) -> tuple[tuple[PromptOutcome, ...], list[ObjectMask]]:
        """Apply what passed the checks; give the outcomes and all objects that were found on the frame.

        A prompt that only the tracker itself refuses undoes the additions of an atomic batch.
        """
        outcomes: Plan = list(plan)
        before, history = self._book.ids, self._book.history.entries
        found: dict[str, ObjectMask] = {}
        for number, entry in enumerate(plan):
            if isinstance(entry, PromptOutcome):
                continue
            try:
                result = self._prompt(frame, entry)
            except (InvalidPrompt, MemoryError, NotFinite) as error:
                refusal = PromptOutcome(entry.object_id, code_of(error), str(error))
                if atomic:
                    self._remove_all_but(before)
                    self._book.history.go_back_to(history)
                    return refuse_atomic([*plan[:number], refusal, *plan[number + 1 :]]).outcomes, []
                outcomes[number] = refusal
                continue
            found |= {mask.object_id: mask for mask in result.objects}
            outcomes[number] = self._book.outcome(result[entry.object_id])
        return tuple(entry for entry in outcomes if isinstance(entry, PromptOutcome)), list(found.values())

    def _prompt(self, frame: Frame, planned: PlannedPrompt) -> FrameResult:
        object_id = planned.object_id
        if planned.mode == PromptMode.REPLACE and object_id in self._book:
            self._tracker.remove(object_id)
        try:
            result = self._tracker.prompt(frame, object_id, planned.prompt)
        except Exception:
            if planned.mode == PromptMode.REPLACE and object_id in self._book:
                self._book.forget(object_id)  # the tracker does not know it any more
            raise
        self._book.note_prompt(planned, frame.stamp_ns)
        self._shortage.regain(object_id)
        self._memory_hold.trust_video()  # what a person points at is worth remembering
        self._book.classes.number_all(result)
        return result

    def _remove_all_but(self, kept: Sequence[str]) -> None:
        for object_id in set(self._book.ids) - set(kept):
            self._tracker.remove(object_id)
            self._book.forget(object_id)

    def _describe(
        self,
        image: ReceivedImage,
        frame: Frame,
        found: Sequence[ObjectMask],
        runs: Mapping[str, MaskRuns],
        times: StageTimes,
        hold: Hold | None = None,
    ) -> TrackedImage:
        objects = tuple(self._book.describe(mask, runs[mask.object_id]) for mask in found)
        reason = hold.reason if hold else ''
        return TrackedImage(image, frame.rgb, self._frame_index, self.session_id, objects, times, reason)


def _new_session_id() -> str:
    return uuid.uuid4().hex[:12]
