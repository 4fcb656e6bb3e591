"""All that is known of the tracked objects: who they are, what they are called, how they are, who pointed at them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from sam2s_model import ObjectMask
from sam2s_ros.class_table import ClassTable
from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.object_classes import ObjectClasses
from sam2s_ros.object_conditions import ObjectConditions
from sam2s_ros.object_registry import Identity, ObjectRegistry
from sam2s_ros.prompt_codes import PromptCode, PromptMode
from sam2s_ros.prompt_history import PromptHistory
from sam2s_ros.prompting import PlannedPrompt, PromptOutcome, PromptRefused
from sam2s_ros.run_lengths import MaskRuns
from sam2s_ros.track_state import StateLimits
from sam2s_ros.tracked_image import TrackedObject

RESTORED = 'restored from a saved session, not yet seen well again'


class ObjectBook:
    """Keeps registry, classes, conditions and history of the objects together, and tells ``events`` of changes.

    Args:
        classes: Numbers of the class names; unknown names are added.
        limits: When an object counts as uncertain or lost.
        events: Told what happens to the objects.
    """

    def __init__(self, classes: ClassTable, limits: StateLimits, events: EventLog) -> None:
        self._events = events
        self.registry = ObjectRegistry()
        self.classes = ObjectClasses(classes, self.registry)
        self.conditions = ObjectConditions(limits, events)
        self.history = PromptHistory()

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the tracked objects, in the order in which they were added."""
        return self.registry.object_ids

    def __contains__(self, object_id: str) -> bool:
        return object_id in self.registry

    def check_known(self, object_id: str) -> None:
        """Refuse an id that names no object.

        Raises:
            PromptRefused: It does not.
        """
        if object_id not in self.registry:
            known = sorted(self.ids)
            raise PromptRefused(PromptCode.UNKNOWN_ID, f'{object_id!r} is not tracked; known are {known}')

    def note_prompt(self, planned: PlannedPrompt, stamp_ns: int) -> None:
        """A prompt on the image of a stamp was applied."""
        object_id, label = planned.object_id, planned.label
        self.classes.number(label)
        if object_id not in self.registry:
            self.registry.add(object_id, label)
            self._tell(EventCode.OBJECT_ADDED, object_id, f'is tracked now {label}'.rstrip(), stamp_ns)
        else:
            if label:
                self.registry.relabel(object_id, label)
            self._tell(EventCode.OBJECT_CORRECTED, object_id, 'was prompted again', stamp_ns)
        self.conditions.begin(object_id, stamp_ns)
        replaces = planned.mode == PromptMode.REPLACE
        self.history.add_prompt(stamp_ns, object_id, label, planned.prompt, replaces)

    def restore(self, identity: Identity, stamp_ns: int) -> None:
        """An object of a saved session, last seen on the image of a stamp, is tracked again."""
        self.classes.number(identity.label)
        self.registry.restore(identity)
        self.conditions.begin(identity.object_id, stamp_ns)

    def relabel(self, object_id: str, label: str) -> int:
        """Give an object another class name; gives the number of the class.

        Raises:
            PromptRefused: It is not tracked.
        """
        self.check_known(object_id)
        number = self.classes.number(label)
        self.registry.relabel(object_id, label)
        self.history.relabel(object_id, label)
        self._tell(EventCode.OBJECT_RELABELED, object_id, f'is called {label!r} now')
        return number

    def remove(self, object_id: str, stamp_ns: int) -> None:
        """An object is tracked no more, by request, after the image of a stamp (0: the newest)."""
        self.forget(object_id)
        self.history.add_removal(stamp_ns, object_id)
        self._tell(EventCode.OBJECT_REMOVED, object_id, 'is tracked no more, by request', stamp_ns)

    def forget(self, object_id: str) -> None:
        """An object is tracked no more, and nobody asked for that."""
        self.registry.remove(object_id)
        self.conditions.forget(object_id)

    def clear(self) -> None:
        """Nothing is tracked any more."""
        self.registry.clear()
        self.conditions.clear()
        self.history.clear()

    @contextmanager
    def off_the_record(self) -> Iterator[None]:
        """Neither tell what happens meanwhile nor remember who pointed where."""
        events, history = self._events, self.history.entries
        self._events = EventLog()
        try:
            yield
        finally:
            self._events = events
            self.history.go_back_to(history)

    def outcome(self, found: ObjectMask) -> PromptOutcome:
        """What a person hears who has prompted the object."""
        slot, number = self.registry[found.object_id].slot, self.classes.of(found).number
        return PromptOutcome(found.object_id, PromptCode.OK, '', slot, number, found.score)

    def describe(self, found: ObjectMask, runs: MaskRuns) -> TrackedObject:
        """All that is known of an object on an image where it was found."""
        condition = self.conditions[found.object_id]
        return TrackedObject(
            identity=self.registry[found.object_id],
            object_class=self.classes.of(found),
            mask=found.mask,
            runs=runs,
            score=_finite(found.score),
            presence=_finite(found.presence),
            judgement=condition.judgement,
            sighting=condition.sighting,
        )

    def _tell(self, code: EventCode, object_id: str, what: str, stamp_ns: int = 0) -> None:
        self._events.emit(code, f'{object_id}: {what}', object_id, stamp_ns)


def _finite(reading: float) -> float:
    """0 for a network's NaN; that it was one, the object's condition tells."""
    return reading if math.isfinite(reading) else 0.0
