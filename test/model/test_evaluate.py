"""Evaluation with trackers whose scores are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from sam2s_model.evaluation.clip import Clip
from sam2s_model.evaluation.evaluate import evaluate
from sam2s_model.masklet import Frame, FrameResult, ObjectMask
from sam2s_model.prompt import MaskPrompt, Prompt

HEIGHT, WIDTH = 48, 64


class FrozenTracker:
    """Gives every object the mask it was prompted with, for ever."""

    def __init__(self) -> None:
        self.masks: dict[str, np.ndarray] = {}
        self.prompted_at: dict[str, int] = {}
        self.frame_index = -1

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]

    def step(self, frame: Frame) -> FrameResult:
        self.frame_index += 1
        return self._result(frame)

    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult:
        assert isinstance(prompt, MaskPrompt)
        self.masks[object_id], self.prompted_at[object_id] = prompt.mask, self.frame_index
        return self._result(frame)

    def _result(self, frame: Frame) -> FrameResult:
        objects = tuple(ObjectMask(object_id, mask, 1.0, 1.0) for object_id, mask in self.masks.items())
        return FrameResult(self.frame_index, frame.stamp_ns, objects)


def clip_of(labels: list[np.ndarray], ignore: tuple[int, ...] = ()) -> Clip:
    frames = [np.zeros((HEIGHT, WIDTH, 3), np.uint8) for _ in labels]
    return Clip('test', 25.0, frames, labels, {1: 'grasper', 2: 'scissors'}, ignore)


def label_image(**rectangles: tuple[int, int, int, int]) -> np.ndarray:
    image = np.zeros((HEIGHT, WIDTH), np.uint8)
    for name, (x0, y0, x1, y1) in rectangles.items():
        image[y0:y1, x0:x1] = int(name[1:])
    return image


def test_a_still_scene_scores_one() -> None:
    score = evaluate(FrozenTracker(), clip_of([label_image(v1=(5, 5, 20, 20), v2=(30, 5, 50, 20))] * 4), 'mask')
    assert (score.j, score.f, score.jf) == (1, 1, 1)
    assert [row.frames for row in score.objects] == [3, 3]


def test_an_object_is_prompted_on_the_first_frame_that_shows_it_and_scored_after_it() -> None:
    empty, there = label_image(v1=(5, 5, 20, 20)), label_image(v1=(5, 5, 20, 20), v2=(30, 5, 50, 20))
    tracker = FrozenTracker()
    score = evaluate(tracker, clip_of([empty, empty, there, there]), 'mask')
    assert tracker.prompted_at == {'1': 0, '2': 2}
    assert {row.label: row.frames for row in score.objects} == {'grasper': 3, 'scissors': 1}


def test_the_prompted_frame_itself_is_not_scored() -> None:
    score = evaluate(
        FrozenTracker(), clip_of([label_image(v1=(0, 0, 10, 10)), label_image(v1=(50, 30, 60, 40))]), 'mask'
    )
    assert score.j == 0


def test_a_mask_where_nothing_is_scores_zero() -> None:
    score = evaluate(FrozenTracker(), clip_of([label_image(v1=(5, 5, 20, 20)), label_image()]), 'mask')
    assert (score.j, score.f) == (0, 0)


def test_ignored_pixels_belong_to_no_mask() -> None:
    first, second = label_image(v1=(0, 0, 20, 20)), label_image(v1=(0, 0, 10, 20), v255=(10, 0, 20, 20))
    assert evaluate(FrozenTracker(), clip_of([first, second], ignore=(255,)), 'mask').j == 1
    assert evaluate(FrozenTracker(), clip_of([first, second]), 'mask').j == pytest.approx(0.5)


def test_an_object_that_is_never_seen_does_not_count() -> None:
    score = evaluate(FrozenTracker(), clip_of([label_image(v1=(5, 5, 20, 20))] * 2), 'mask')
    assert score.j == 1
    assert score.objects[1].frames == 0


def test_progress_is_told_after_each_frame() -> None:
    calls: list[int] = []
    evaluate(FrozenTracker(), clip_of([label_image()] * 3), 'mask', on_frame=lambda: calls.append(1))
    assert len(calls) == 3
