"""True masks that are wrong are found, and sound ones are left in peace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from sam2s_model.data import LabelledFrame, LabelledVideo
from sam2s_model.data.masklet_checks import CheckReport, check_masklets

RGB = np.zeros((40, 60, 3), np.uint8)
Boxes = dict[str, tuple[int, int, int, int]]
LEFT, RIGHT = (2, 2, 12, 12), (30, 20, 45, 35)


def masks_of(boxes: Boxes, size: tuple[int, int] = (40, 60)) -> dict[str, np.ndarray]:
    masks = {object_id: np.zeros(size, bool) for object_id in boxes}
    for object_id, (x0, y0, x1, y1) in boxes.items():
        masks[object_id][y0:y1, x0:x1] = True
    return masks


def check(frames: Sequence[Boxes | None]) -> CheckReport:
    labelled = [LabelledFrame(RGB, n, None if boxes is None else masks_of(boxes)) for n, boxes in enumerate(frames)]
    return check_masklets(LabelledVideo('video', 25.0, {'1': 'hook', '2': 'grasper'}, labelled))


def texts(report: CheckReport) -> list[str]:
    return [f'{finding.severity} {finding.object_id}: {finding.text}' for finding in report.findings]


def test_sound_masks_give_no_finding() -> None:
    report = check([{'1': LEFT, '2': RIGHT}] * 3)
    assert (report.findings, report.sound, report.sizes) == ((), True, ((40, 60),))


def test_facts_count_annotated_frames_gaps_and_pixels() -> None:
    report = check([{'1': LEFT}, None, {}, {'1': LEFT, '2': RIGHT}])
    hook, grasper = report.masklets
    assert (hook.visible, hook.first, hook.last, hook.gaps, hook.longest_gap) == (2, 0, 2, 1, 1)
    assert (grasper.least_area, report.frames, report.annotated) == (225, 4, 3)


@pytest.mark.parametrize(
    ('frames', 'finding'),
    [
        ([{'1': LEFT, '2': RIGHT, '9': RIGHT}], 'error 9: is in the masks of 1 frames, first 0, but not named'),
        ([None, None], 'error : no frame is annotated'),
        ([{'1': LEFT}], 'warning 2: is named but never seen'),
        ([{'1': LEFT, '2': (0, 0, 3, 3)}], 'warning 2: has fewer than 16 pixels on 1 frames'),
        ([{'1': LEFT, '2': (5, 5, 30, 30)}], 'warning 1: overlaps 2 on 1 frames, first 0'),
        ([{'1': LEFT, '2': RIGHT}, {}], 'note : 1 of 2 annotated frames show no object'),
        (
            [{'1': LEFT, '2': RIGHT}, {'1': RIGHT, '2': LEFT}],
            'warning 1: lies where 2 was a frame before, on frame 1 (1 times): exchanged?',
        ),
    ],
)
def test_what_is_wrong_is_named(frames: list[Boxes | None], finding: str) -> None:
    assert finding in texts(check(frames))


def test_masks_of_another_size_are_errors() -> None:
    frame = LabelledFrame(RGB, 0, masks_of({'1': LEFT}, (30, 30)))
    report = check_masklets(LabelledVideo('video', 25.0, {'1': ''}, [frame]))
    assert not report.sound
    assert 'error 1: mask and image differ in size on frame 0' in texts(report)
