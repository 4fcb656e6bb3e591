"""A batch of prompts is checked as a whole before anything is applied."""

from __future__ import annotations

import pytest

from sam2s_model import BoxPrompt, InvalidPrompt, PointPrompt, Prompt
from sam2s_ros.object_registry import ObjectRegistry
from sam2s_ros.prompt_codes import PromptCode, PromptMode
from sam2s_ros.prompting import (
    MaskSizeMismatch,
    PlannedPrompt,
    PromptOutcome,
    PromptRequest,
    plan_prompts,
    refuse_atomic,
)

INSIDE = PointPrompt(((5.0, 5.0),), (1,))
OUTSIDE = PointPrompt(((500.0, 5.0),), (1,))


def request(
    object_id: str = 'a', mode: PromptMode = PromptMode.NEW, prompt: Prompt | InvalidPrompt = INSIDE
) -> PromptRequest:
    def read(height: int, width: int) -> Prompt:
        if isinstance(prompt, InvalidPrompt):
            raise prompt
        return prompt

    return PromptRequest(object_id, '', mode, read)


def codes(*requests: PromptRequest, known: str = 'k', max_objects: int = 9) -> list[PromptCode]:
    registry = ObjectRegistry()
    for object_id in known:
        registry.add(object_id, '')
    plan = plan_prompts(requests, registry, 60, 80, max_objects)
    return [entry.code if isinstance(entry, PromptOutcome) else PromptCode.OK for entry in plan]


@pytest.mark.parametrize(
    ('bad', 'code'),
    [
        (request(prompt=OUTSIDE), PromptCode.OUT_OF_IMAGE),
        (request(prompt=PointPrompt(((float('nan'), 1.0),), (1,))), PromptCode.OUT_OF_IMAGE),
        (request(prompt=BoxPrompt((10, 10, 5, 5))), PromptCode.INVALID),
        (request(prompt=PointPrompt((), ())), PromptCode.INVALID),
        (request(prompt=MaskSizeMismatch('another size')), PromptCode.SIZE_MISMATCH),
        (request(prompt=InvalidPrompt('contradiction')), PromptCode.INVALID),
        (request('k'), PromptCode.DUPLICATE_ID),
        (request('unknown', PromptMode.CORRECT), PromptCode.UNKNOWN_ID),
        (request('', PromptMode.CORRECT), PromptCode.INVALID),
        (request('a\n'), PromptCode.INVALID),
    ],
)
def test_each_fault_has_its_code(bad: PromptRequest, code: PromptCode) -> None:
    assert codes(bad) == [code]


@pytest.mark.parametrize('good', [request('k', PromptMode.CORRECT), request('k', PromptMode.REPLACE), request('')])
def test_prompts_that_fit_are_planned(good: PromptRequest) -> None:
    assert codes(good) == [PromptCode.OK]


def test_replacing_an_unknown_object_adds_it() -> None:
    assert codes(request('new', PromptMode.REPLACE)) == [PromptCode.OK]


def test_a_batch_may_add_an_object_and_correct_it_but_not_add_it_twice() -> None:
    assert codes(request('a'), request('a', PromptMode.CORRECT)) == [PromptCode.OK, PromptCode.OK]
    assert codes(request('a'), request('a')) == [PromptCode.OK, PromptCode.DUPLICATE_ID]


def test_chosen_ids_differ_within_a_batch() -> None:
    plan = plan_prompts([request(''), request('')], ObjectRegistry(), 60, 80, 9)
    assert [entry.object_id for entry in plan] == ['1', '2']


def test_objects_beyond_the_limit_are_refused_corrections_are_not() -> None:
    batch = (request('a'), request('b'), request('k', PromptMode.CORRECT))
    assert codes(*batch, max_objects=2) == [PromptCode.OK, PromptCode.LIMIT, PromptCode.OK]


def test_an_atomic_refusal_tells_the_good_prompts_which_one_was_bad() -> None:
    planned = PlannedPrompt('a', '', PromptMode.NEW, INSIDE)
    outcomes = refuse_atomic([planned, PromptOutcome('b', PromptCode.OUT_OF_IMAGE, 'too far right')]).outcomes
    assert [outcome.code for outcome in outcomes] == [PromptCode.OUT_OF_IMAGE] * 2
    assert outcomes[0].message == 'not applied, because prompt 2 was refused: too far right'
