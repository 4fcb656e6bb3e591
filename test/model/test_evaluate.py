"""Evaluation with trackers whose scores are known beforehand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from sam2s_model.data import LabelledVideo
from sam2s_model.data.clip import Clip
from sam2s_model.evaluation.evaluate import TrackedVideo, evaluate
from sam2s_model.evaluation.figures import VideoFigures, video_figures
from sam2s_model.evaluation.protocol import PromptKind
from sam2s_model.peers.first_mask import FirstMask
from sam2s_model.peers.mask_carrier import CarryingTracker

HEIGHT, WIDTH = 48, 64
SQUARE, BESIDE = (5, 5, 20, 20), (30, 5, 50, 20)


def label_image(**rectangles: tuple[int, int, int, int]) -> np.ndarray:
    image = np.zeros((HEIGHT, WIDTH), np.uint8)
    for name, (x0, y0, x1, y1) in rectangles.items():
        image[y0:y1, x0:x1] = int(name[1:])
    return image


def video_of(labels: Sequence[np.ndarray], ignore: tuple[int, ...] = (), least_area: int = 1) -> LabelledVideo:
    frames = [np.zeros((HEIGHT, WIDTH, 3), np.uint8) for _ in labels]
    clip = Clip('test', 25.0, frames, labels, {1: 'grasper', 2: 'scissors'}, ignore, least_area=least_area)
    return clip.video()


def track(video: LabelledVideo, kind: PromptKind = 'mask', frames: int | None = None) -> TrackedVideo:
    """Evaluate the tracker that leaves every mask where it was prompted."""
    return evaluate(CarryingTracker(FirstMask()), video, kind, frames)


def score(video: LabelledVideo) -> VideoFigures:
    return video_figures('test', 'set', track(video), 'inner')


def test_a_still_scene_scores_one() -> None:
    found = score(video_of([label_image(v1=SQUARE, v2=BESIDE)] * 4))
    assert (found.figures.accuracy['inner'].j, found.figures.accuracy['all'].jf) == (1, 1)
    assert [row.frames for row in found.objects] == [2, 2]


def test_an_object_is_prompted_on_the_first_frame_that_shows_it_and_watched_from_there_on() -> None:
    alone, both = label_image(v1=SQUARE), label_image(v1=SQUARE, v2=BESIDE)
    tracked = track(video_of([alone, alone, both, both]))
    assert [moment.frame for moment in tracked.moments['2']] == [2, 3]
    assert [moment.prompted for moment in tracked.moments['2']] == [True, False]


def test_an_object_is_not_prompted_before_enough_of_it_is_seen() -> None:
    sliver, whole = label_image(v1=(0, 0, 1, 3)), label_image(v1=SQUARE)
    tracked = track(video_of([sliver, whole, whole], least_area=4))
    assert [moment.frame for moment in tracked.moments['1']] == [1, 2]


def test_a_mask_where_nothing_is_scores_zero() -> None:
    tracked = track(video_of([label_image(v1=SQUARE), label_image()]))
    assert (tracked.moments['1'][1].j, tracked.moments['1'][1].f) == (0, 0)


def test_ignored_pixels_belong_to_no_mask() -> None:
    first, second = label_image(v1=(0, 0, 20, 20)), label_image(v1=(0, 0, 10, 20), v255=(10, 0, 20, 20))
    assert track(video_of([first, second], ignore=(255,))).moments['1'][1].j == 1
    assert track(video_of([first, second])).moments['1'][1].j == pytest.approx(0.5)


def test_an_object_that_is_never_seen_does_not_count() -> None:
    found = score(video_of([label_image(v1=SQUARE)] * 4))
    assert found.figures.accuracy['inner'].j == 1
    assert found.objects[1].figures.accuracy['inner'].j is None


def test_a_run_can_stop_early() -> None:
    assert track(video_of([label_image(v1=SQUARE)] * 5), frames=3).frames == 3


def test_each_frame_is_shown_to_who_looks_on() -> None:
    seen: list[int] = []
    evaluate(
        CarryingTracker(FirstMask()), video_of([label_image()] * 3), 'mask', on_frame=lambda at: seen.append(at.index)
    )
    assert seen == [0, 1, 2]


def test_frames_without_annotation_are_tracked_but_not_scored() -> None:
    video = video_of([label_image(v1=SQUARE)] * 3)
    frames = [frame if n != 1 else type(frame)(frame.rgb, frame.stamp_ns, None) for n, frame in enumerate(video.frames)]
    tracked = track(LabelledVideo('sparse', 25.0, video.objects, frames))
    assert (tracked.frames, tracked.annotated) == (3, (0, 2))
    assert [moment.frame for moment in tracked.moments['1']] == [0, 2]
