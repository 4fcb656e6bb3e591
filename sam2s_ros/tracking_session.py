"""All that is known of one stream: the tracker, who is tracked, and when each object was seen. For one thread."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sam2s_model import Frame, FrameResult, InvalidPrompt, ObjectMask, Prompt
from sam2s_ros.class_table import ClassTable
from sam2s_ros.frame_buffer import FrameBuffer, FrameNotBuffered, NoImage, ReceivedImage
from sam2s_ros.image_message import BadImage
from sam2s_ros.object_registry import ObjectRegistry
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
from sam2s_ros.run_lengths import encode_mask
from sam2s_ros.track_state import Sighting, StateLimits, seen_after, state_of
from sam2s_ros.tracked_image import ObjectClass, StageTimes, TrackedImage, TrackedObject


class StreamTracker(Protocol):
    """What is asked of a tracker; `sam2s_model.Tracker` is one."""

    def step(self, frame: Frame) -> FrameResult: ...
    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult: ...
    def remove(self, object_id: str) -> None: ...
    def reset(self) -> None: ...


class TrackingSession:
    """Track one stream of image messages.

    Args:
        tracker: The model with its memory.
        decode: Reads an image message as RGB; raises `BadImage`.
        buffer: The images that prompts may refer to.
        classes: Numbers of the class names; unknown names are added.
        limits: When an object counts as uncertain or lost.
        max_objects: More are refused.
    """

    def __init__(
        self,
        tracker: StreamTracker,
        decode: Callable[[Any], NDArray[np.uint8]],
        buffer: FrameBuffer,
        classes: ClassTable,
        limits: StateLimits,
        max_objects: int,
    ) -> None:
        self._tracker = tracker
        self._decode = decode
        self._buffer = buffer
        self._classes = classes
        self._limits = limits
        self._max_objects = max_objects
        self._registry = ObjectRegistry()
        self._sightings: dict[str, Sighting] = {}
        self._newest: tuple[ReceivedImage, Frame] | None = None
        self._frame_index = 0
        self.session_id = _new_session_id()

    def track(self, image: ReceivedImage) -> TrackedImage:
        """Process the next image of the stream.

        Raises:
            BadImage: It cannot be decoded; nothing has changed.
        """
        begun = time.monotonic_ns()
        frame = self._frame_of(image)
        decoded = time.monotonic_ns()
        result = self._tracker.step(frame)
        self._newest = (image, frame)
        times = StageTimes(image.arrival_ns, begun, decoded, time.monotonic_ns())
        self._number_classes(result)
        self._note_sightings(result)
        tracked = self._describe(image, frame, result.objects, times)
        self._frame_index += 1
        return tracked

    def add_prompts(self, requests: Sequence[PromptRequest], stamp_ns: int, atomic: bool) -> BatchOutcome:
        """Apply prompts that were drawn on the image of a stamp; 0 means the newest image that was processed.

        With ``atomic`` one bad prompt leaves everything as it was.
        """
        try:
            image = self._prompted_image(stamp_ns)
            begun = time.monotonic_ns()
            frame = self._frame_of(image)
        except (NoImage, BadImage) as error:
            return refuse_all(requests, PromptCode.NO_IMAGE, str(error))
        except FrameNotBuffered as error:
            return refuse_all(requests, PromptCode.STALE_STAMP, str(error))
        decoded = time.monotonic_ns()
        height, width, _ = frame.rgb.shape
        plan = plan_prompts(requests, self._registry, height, width, self._max_objects)
        if atomic and any(isinstance(entry, PromptOutcome) for entry in plan):
            return refuse_atomic(plan)
        outcomes, found = self._apply(frame, plan, atomic)
        if not found:
            return BatchOutcome(outcomes)
        times = StageTimes(image.arrival_ns, begun, decoded, time.monotonic_ns())
        return BatchOutcome(outcomes, self._describe(image, frame, found, times))

    def reset(self) -> None:
        """Forget all objects and begin a new session."""
        self._tracker.reset()
        self._registry.clear()
        self._sightings.clear()
        self._frame_index = 0
        self.session_id = _new_session_id()

    def _prompted_image(self, stamp_ns: int) -> ReceivedImage:
        if stamp_ns:
            return self._buffer.at(stamp_ns)
        return self._newest[0] if self._newest else self._buffer.newest()

    def _frame_of(self, image: ReceivedImage) -> Frame:
        if self._newest and self._newest[0] is image:
            return self._newest[1]
        return Frame(self._decode(image.message), image.stamp_ns)

    def _apply(self, frame: Frame, plan: Plan, atomic: bool) -> tuple[tuple[PromptOutcome, ...], list[ObjectMask]]:
        """Apply what passed the checks; give the outcomes and all objects that were found on the frame.

        A prompt that only the tracker itself refuses undoes the additions of an atomic batch.
        """
        outcomes: Plan = list(plan)
        before = self._registry.object_ids
        found: dict[str, ObjectMask] = {}
        for number, entry in enumerate(plan):
            if isinstance(entry, PromptOutcome):
                continue
            try:
                result = self._prompt(frame, entry)
            except InvalidPrompt as error:
                refusal = PromptOutcome(entry.object_id, code_of(error), str(error))
                if atomic:
                    self._remove_all_but(before)
                    return refuse_atomic([*plan[:number], refusal, *plan[number + 1 :]]).outcomes, []
                outcomes[number] = refusal
                continue
            found |= {mask.object_id: mask for mask in result.objects}
            outcomes[number] = self._outcome(result[entry.object_id])
        return tuple(entry for entry in outcomes if isinstance(entry, PromptOutcome)), list(found.values())

    def _prompt(self, frame: Frame, planned: PlannedPrompt) -> FrameResult:
        object_id = planned.object_id
        if planned.mode == PromptMode.REPLACE and object_id in self._registry:
            self._tracker.remove(object_id)
        try:
            result = self._tracker.prompt(frame, object_id, planned.prompt)
        except Exception:
            if planned.mode == PromptMode.REPLACE and object_id in self._registry:
                self._forget(object_id)  # the tracker does not know it any more
            raise
        self._remember(planned, frame.stamp_ns)
        self._number_classes(result)
        return result

    def _remember(self, planned: PlannedPrompt, stamp_ns: int) -> None:
        self._classes.add(planned.label)
        if planned.object_id not in self._registry:
            self._registry.add(planned.object_id, planned.label)
        elif planned.label:
            self._registry.relabel(planned.object_id, planned.label)
        self._sightings[planned.object_id] = Sighting(last_seen_ns=stamp_ns)

    def _remove_all_but(self, kept: Sequence[str]) -> None:
        for object_id in set(self._registry.object_ids) - set(kept):
            self._tracker.remove(object_id)
            self._forget(object_id)

    def _forget(self, object_id: str) -> None:
        self._registry.remove(object_id)
        self._sightings.pop(object_id, None)

    def _outcome(self, found: ObjectMask) -> PromptOutcome:
        slot, number = self._registry[found.object_id].slot, self._class_of(found).number
        return PromptOutcome(found.object_id, PromptCode.OK, '', slot, number, found.score)

    def _class_of(self, found: ObjectMask) -> ObjectClass:
        """What a person called the object; where nobody did, what the model takes it for."""
        given = self._registry[found.object_id].label
        if given:
            return ObjectClass(given, self._classes.id_of(given), 1.0)
        if found.label is None or not found.label.name:
            return ObjectClass()
        return ObjectClass(found.label.name, self._classes.id_of(found.label.name), found.label.probability)

    def _number_classes(self, result: FrameResult) -> None:
        for found in result.objects:
            if found.label is not None:
                self._classes.add(found.label.name)

    def _note_sightings(self, result: FrameResult) -> None:
        for found in result.objects:
            sighting = self._sightings[found.object_id]
            self._sightings[found.object_id] = seen_after(sighting, found, result.stamp_ns)

    def _describe(
        self, image: ReceivedImage, frame: Frame, found: Sequence[ObjectMask], times: StageTimes
    ) -> TrackedImage:
        objects = tuple(self._describe_object(mask) for mask in found)
        return TrackedImage(image, frame.rgb, self._frame_index, self.session_id, objects, times)

    def _describe_object(self, found: ObjectMask) -> TrackedObject:
        identity = self._registry[found.object_id]
        sighting = self._sightings[found.object_id]
        state, reason = state_of(sighting, found, self._limits)
        return TrackedObject(
            identity=identity,
            object_class=self._class_of(found),
            mask=found.mask,
            runs=encode_mask(found.mask),
            score=found.score,
            presence=found.presence,
            state=state,
            reason=reason,
            sighting=sighting,
        )


def _new_session_id() -> str:
    return uuid.uuid4().hex[:12]
