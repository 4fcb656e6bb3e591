"""A batch of prompts, checked as a whole before anything is applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sam2s_model import InvalidPrompt, PointPrompt, Prompt, PromptOutsideImage, check_prompt
from sam2s_ros.object_registry import BadObjectId, ObjectRegistry, check_object_id
from sam2s_ros.prompt_codes import PromptCode, PromptMode
from sam2s_ros.tracked_image import TrackedImage

PromptReader: TypeAlias = Callable[[int, int], Prompt]


class MaskSizeMismatch(InvalidPrompt):
    """The mask has another size than the image."""


class PromptRefused(ValueError):
    """A prompt or a whole batch cannot be applied.

    Attributes:
        code: What kind of reason it is.
    """

    def __init__(self, code: PromptCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True)
class PromptRequest:
    """One prompt as it was asked for.

    Attributes:
        object_id: Empty to have one chosen.
        label: Class name; empty leaves it as it is.
        mode: Whether the object is new.
        read: Gives the prompt for an image of (height, width); raises `InvalidPrompt`.
    """

    object_id: str
    label: str
    mode: PromptMode
    read: PromptReader


@dataclass(frozen=True)
class PlannedPrompt:
    """A prompt that passed every check."""

    object_id: str
    label: str
    mode: PromptMode
    prompt: Prompt


@dataclass(frozen=True)
class PromptOutcome:
    """What became of one prompt; fields as in sam2s_msgs/PromptResult."""

    object_id: str
    code: PromptCode
    message: str = ''
    slot: int = 0
    class_id: int = 0
    score: float = 0.0


@dataclass(frozen=True)
class BatchOutcome:
    """What became of a batch.

    Attributes:
        outcomes: One for each prompt, in the same order.
        tracked: All objects on the prompted image; None when nothing was applied.
    """

    outcomes: tuple[PromptOutcome, ...]
    tracked: TrackedImage | None = None

    @property
    def first_refusal(self) -> PromptOutcome | None:
        return next((outcome for outcome in self.outcomes if outcome.code != PromptCode.OK), None)


Plan: TypeAlias = list[PlannedPrompt | PromptOutcome]


def plan_prompts(
    requests: Sequence[PromptRequest], registry: ObjectRegistry, height: int, width: int, max_objects: int
) -> Plan:
    """Check each prompt as if those before it had been applied; give what to apply, or the outcome of a refusal."""
    known = set(registry.object_ids)
    plan: Plan = []
    for request in requests:
        try:
            planned = _plan_one(request, registry, frozenset(known), height, width)
            if planned.object_id not in known and len(known) >= max_objects:
                raise PromptRefused(PromptCode.LIMIT, f'{max_objects} objects are tracked already; remove one first')
        except PromptRefused as refusal:
            plan.append(PromptOutcome(request.object_id, refusal.code, str(refusal)))
            continue
        known.add(planned.object_id)
        plan.append(planned)
    return plan


def refuse_all(requests: Sequence[PromptRequest], code: PromptCode, reason: str) -> BatchOutcome:
    """The outcome when the whole batch cannot be applied for one reason."""
    return BatchOutcome(tuple(PromptOutcome(request.object_id, code, reason) for request in requests))


def refuse_atomic(plan: Plan) -> BatchOutcome:
    """The outcome of an atomic batch with a refusal: the good prompts carry the code of the first bad one."""
    number, refusal = next((n, outcome) for n, outcome in enumerate(plan, 1) if isinstance(outcome, PromptOutcome))
    reason = f'not applied, because prompt {number} was refused: {refusal.message}'
    return BatchOutcome(
        tuple(
            entry if isinstance(entry, PromptOutcome) else PromptOutcome(entry.object_id, refusal.code, reason)
            for entry in plan
        )
    )


def _plan_one(
    request: PromptRequest, registry: ObjectRegistry, known: frozenset[str], height: int, width: int
) -> PlannedPrompt:
    object_id = _object_id(request, registry, known)
    return PlannedPrompt(object_id, request.label, request.mode, _checked_prompt(request, height, width))


def _object_id(request: PromptRequest, registry: ObjectRegistry, known: frozenset[str]) -> str:
    if not request.object_id and request.mode == PromptMode.NEW:
        return registry.choose_id(known)
    try:
        check_object_id(request.object_id)
    except BadObjectId as error:
        raise PromptRefused(PromptCode.INVALID, str(error)) from error
    if request.mode == PromptMode.NEW and request.object_id in known:
        raise PromptRefused(
            PromptCode.DUPLICATE_ID, f'{request.object_id!r} is tracked already; use CORRECT, REPLACE or another id'
        )
    if request.mode == PromptMode.CORRECT and request.object_id not in known:
        raise PromptRefused(PromptCode.UNKNOWN_ID, f'{request.object_id!r} is not tracked; known are {sorted(known)}')
    return request.object_id


def _checked_prompt(request: PromptRequest, height: int, width: int) -> Prompt:
    try:
        prompt = request.read(height, width)
        check_prompt(prompt, height, width)
        if request.mode != PromptMode.CORRECT:
            _check_begins_object(prompt)
    except InvalidPrompt as error:
        raise PromptRefused(code_of(error), str(error)) from error
    return prompt


def _check_begins_object(prompt: Prompt) -> None:
    if isinstance(prompt, PointPrompt) and not any(label == 1 for label in prompt.labels):
        raise InvalidPrompt('a new object needs a point on it (label 1); all points are background (label 0)')


def code_of(error: Exception) -> PromptCode:
    """The code that tells a client what is wrong with a prompt, or with us."""
    if isinstance(error, MemoryError):
        return PromptCode.OOM
    if isinstance(error, PromptOutsideImage):
        return PromptCode.OUT_OF_IMAGE
    if isinstance(error, MaskSizeMismatch):
        return PromptCode.SIZE_MISMATCH
    return PromptCode.INVALID if isinstance(error, InvalidPrompt) else PromptCode.INTERNAL
