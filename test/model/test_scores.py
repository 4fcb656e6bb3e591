"""Scores of a video: means over frames, then over objects."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sam2s_model.evaluation.scores import ObjectScore, ScoreSheet, VideoScore

LEFT, RIGHT = np.zeros((2, 20, 20), bool)
LEFT[:, :10], RIGHT[:, 10:] = True, True


def test_an_objects_score_is_the_mean_over_its_frames() -> None:
    sheet = ScoreSheet({'1': 'grasper'})
    sheet.add('1', LEFT, LEFT)
    sheet.add('1', LEFT, RIGHT)
    (row,) = sheet.score('video').objects
    assert (row.frames, row.j) == (2, 0.5)


def test_a_videos_score_is_the_mean_over_its_objects() -> None:
    video = VideoScore('video', (ObjectScore('1', 'a', 10, 1.0, 0.8), ObjectScore('2', 'b', 1, 0.5, 0.4)))
    assert (video.j, video.f) == pytest.approx((0.75, 0.6))
    assert video.jf == pytest.approx((0.75 + 0.6) / 2)


def test_an_object_without_frames_has_no_score_and_does_not_count() -> None:
    sheet = ScoreSheet({'1': 'grasper', '2': 'never seen'})
    sheet.add('1', LEFT, LEFT)
    video = sheet.score('video')
    assert math.isnan(video.objects[1].j)
    assert video.jf == 1


def test_pixels_to_ignore_belong_to_neither_mask() -> None:
    sheet = ScoreSheet({'1': 'grasper'})
    sheet.add('1', LEFT | RIGHT, LEFT, ignored=RIGHT)
    assert sheet.score('video').j == 1
