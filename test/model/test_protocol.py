"""Simulated prompts: where a careful person would click."""

from __future__ import annotations

import numpy as np
import pytest

from sam2s_model.evaluation.protocol import (
    PROMPT_KINDS,
    PromptKind,
    centre_of,
    correcting_click,
    prompt_object,
    tight_box,
)
from sam2s_model.masklet import Frame, FrameResult, ObjectMask
from sam2s_model.prompt import BoxPrompt, MaskPrompt, PointPrompt, Prompt, check_prompt

FRAME = Frame(np.zeros((40, 60, 3), np.uint8), 0)


def rectangle(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros((40, 60), bool)
    mask[y0:y1, x0:x1] = True
    return mask


class RecordingTracker:
    """Answers every prompt with the same mask."""

    def __init__(self, answer: np.ndarray) -> None:
        self.prompts: list[Prompt] = []
        self._answer = answer

    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult:
        check_prompt(prompt, *frame.rgb.shape[:2])
        self.prompts.append(prompt)
        return FrameResult(0, frame.stamp_ns, (ObjectMask(object_id, self._answer, 1.0, 1.0),))


def test_the_first_click_is_the_centre_of_the_mask() -> None:
    assert centre_of(rectangle(10, 10, 21, 21)) == (15, 15)


def test_the_centre_keeps_away_from_the_image_border() -> None:
    x, y = centre_of(np.ones((41, 41), bool))
    assert (x, y) == (20, 20)


@pytest.mark.parametrize('at', [(0, 0), (59, 39), (30, 0), (17, 23)])
def test_the_centre_of_one_pixel_is_the_pixel(at: tuple[int, int]) -> None:
    x, y = at
    assert centre_of(rectangle(x, y, x + 1, y + 1)) == at


def test_the_centre_lies_in_the_mask_even_if_its_middle_does_not() -> None:
    ring = rectangle(5, 5, 35, 35) & ~rectangle(12, 12, 28, 28)
    x, y = centre_of(ring)
    assert ring[int(y), int(x)]


def test_a_box_holds_the_outer_edges_of_the_mask() -> None:
    assert tight_box(rectangle(3, 4, 10, 12)).box == (3, 4, 10, 12)


@pytest.mark.parametrize('mask', [rectangle(59, 39, 60, 40), rectangle(0, 0, 60, 40)], ids=['corner pixel', 'full'])
def test_a_box_is_a_valid_prompt(mask: np.ndarray) -> None:
    check_prompt(tight_box(mask), 40, 60)


@pytest.mark.parametrize('place', [centre_of, tight_box])
def test_an_empty_mask_cannot_be_prompted(place: object) -> None:
    with pytest.raises(ValueError, match='empty mask'):
        place(np.zeros((40, 60), bool))  # type: ignore[operator]


@pytest.mark.parametrize(
    ('predicted', 'inside', 'label'),
    [
        pytest.param(rectangle(10, 10, 20, 21), rectangle(20, 10, 31, 21), 1, id='the right half is missing'),
        pytest.param(rectangle(10, 10, 31, 35), rectangle(10, 21, 31, 35), 0, id='too much below'),
        pytest.param(rectangle(35, 10, 56, 21), rectangle(35, 10, 56, 21), 0, id='a tie takes away'),
    ],
)
def test_a_correction_clicks_into_the_larger_error(predicted: np.ndarray, inside: np.ndarray, label: int) -> None:
    click = correcting_click(rectangle(10, 10, 31, 21), predicted)
    assert click is not None
    ((x, y),) = click.points
    assert click.labels == (label,)
    assert inside[int(y), int(x)]


def test_a_perfect_mask_needs_no_click() -> None:
    assert correcting_click(rectangle(1, 1, 9, 9), rectangle(1, 1, 9, 9)) is None


@pytest.mark.parametrize(
    ('kind', 'types'),
    [
        ('box', [BoxPrompt]),
        ('mask', [MaskPrompt]),
        ('1click', [PointPrompt]),
        ('3click', [PointPrompt] * 3),
        ('5click', [PointPrompt] * 5),
    ],
)
def test_each_kind_gives_its_prompts(kind: PromptKind, types: list[type]) -> None:
    tracker = RecordingTracker(answer=rectangle(0, 0, 5, 5))
    prompt_object(tracker, FRAME, 'tool', rectangle(10, 10, 30, 30), kind)
    assert [type(prompt) for prompt in tracker.prompts] == types


def test_clicking_stops_when_the_mask_is_right() -> None:
    truth = rectangle(10, 10, 30, 30)
    tracker = RecordingTracker(answer=truth)
    prompt_object(tracker, FRAME, 'tool', truth, '5click')
    assert len(tracker.prompts) == 1


def test_every_kind_is_offered() -> None:
    assert PROMPT_KINDS == ('1click', '3click', '5click', 'box', 'mask')
