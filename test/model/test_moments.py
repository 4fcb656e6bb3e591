"""What is made of moments: which count, presence, returns, switches, names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sam2s_model.data import LabelledFrame
from sam2s_model.evaluation.absences import find_absences, reacquisition
from sam2s_model.evaluation.conventions import Convention, counted
from sam2s_model.evaluation.identity import count_labels, count_switches
from sam2s_model.evaluation.moments import Moment, observe
from sam2s_model.evaluation.presence import PresenceCounts, count_presence
from sam2s_model.masklet import FrameResult, Label, ObjectMask

SECOND = 1_000_000_000
SEEN, AWAY = 500, 0


def moment(frame: int, area: int = SEEN, claimed: int = SEEN, j: float = 1.0, **changes: object) -> Moment:
    """A moment at 10 frames a second of a 256×256 video."""
    usual = Moment(frame, frame * SECOND // 10, False, area, 65536, claimed, j, j, 1.0, '', None)
    return replace(usual, **changes)  # type: ignore[arg-type]


def seen_in(*views: range, last: int, found_from: dict[int, int] | None = None) -> list[Moment]:
    """Moments of an object in view during `views`; the tracker finds it as many frames late as `found_from` says."""
    delays = found_from or {}
    late = {frame for view in views for frame in view if frame - view.start < delays.get(view.start, 0)}
    there = {frame for view in views for frame in view}
    return [moment(n, SEEN if n in there else AWAY, j=0.0 if n in late else 1.0) for n in range(last)]


@pytest.mark.parametrize(('convention', 'frames'), [('inner', [1, 2]), ('all', [0, 1, 2, 3])])
def test_a_convention_says_whether_the_first_and_the_last_frame_count(
    convention: Convention, frames: list[int]
) -> None:
    moments = [moment(n) for n in range(4)]
    assert [found.frame for found in counted(moments, range(4), convention)] == frames


def test_frames_before_the_object_is_there_or_predicted_do_not_count() -> None:
    moments = [moment(1, AWAY, 0), moment(2, AWAY, 7), moment(3)]
    assert [found.frame for found in counted(moments, range(5), 'inner')] == [2, 3]


def test_presence_is_asked_on_every_frame_after_the_prompt() -> None:
    moments = [
        moment(0, prompted=True), moment(1), moment(2, AWAY), moment(3, AWAY, 0), moment(4, SEEN, 0), moment(5, 3, 0),
    ]  # fmt: skip
    counts = count_presence(moments)
    assert counts == PresenceCounts(hits=1, false_alarms=1, misses=1, rejections=1)
    assert (counts.precision, counts.recall) == (0.5, 0.5)


def test_presence_of_nothing_is_unknown() -> None:
    assert (PresenceCounts().precision, PresenceCounts().recall) == (None, None)


def test_an_absence_ends_when_the_object_returns_and_its_delay_when_it_is_found() -> None:
    (absence,) = find_absences('1', seen_in(range(5), range(30, 60), last=60, found_from={30: 7}))
    assert (absence.frames, absence.returned_at, absence.delay_s) == (25, 30, pytest.approx(0.7))
    assert absence.in_time


def test_being_found_later_than_two_seconds_is_too_late() -> None:
    (absence,) = find_absences('1', seen_in(range(5), range(30, 60), last=60, found_from={30: 21}))
    assert (absence.decided, absence.in_time) == (True, False)


def test_an_object_that_leaves_again_too_soon_decides_nothing() -> None:
    (absence,) = find_absences('1', seen_in(range(5), range(30, 40), last=60, found_from={30: 10}))
    assert (absence.delay_s, absence.decided) == (None, False)
    assert reacquisition([absence]).rate is None


def test_only_long_absences_can_be_counted() -> None:
    moments = seen_in(range(5), range(10, 15), range(300, 330), last=330, found_from={300: 30})
    absences = find_absences('1', moments)
    assert (reacquisition(absences).returns, reacquisition(absences).rate) == (2, 0.5)
    assert (reacquisition(absences, 200).returns, reacquisition(absences, 200).rate) == (1, 0)


@pytest.mark.parametrize(
    ('follows', 'switches'),
    [
        (['1', '1', None, '1'], 0),
        (['1', '2', '2', None, '2'], 1),
        (['1', '2', '1', '2'], 2),
        (['1', '2', '3'], 2),
    ],
)
def test_a_switch_is_a_move_to_another_object(follows: list[str | None], switches: int) -> None:
    assert count_switches('1', [moment(n, follows=to) for n, to in enumerate(follows)]) == switches


def test_names_count_where_the_object_is_seen_and_named() -> None:
    names = [(SEEN, 'hook'), (SEEN, 'hook'), (SEEN, 'grasper'), (SEEN, ''), (AWAY, 'grasper')]
    counts = count_labels('hook', [moment(n, area, label=name) for n, (area, name) in enumerate(names)])
    assert counts.frame_accuracy == pytest.approx(2 / 3)
    assert counts.object_accuracy == 1


def test_a_tracker_without_names_has_no_label_accuracy() -> None:
    assert count_labels('hook', [moment(0)]).frame_accuracy is None


def test_a_mask_follows_the_object_that_it_lies_on() -> None:
    left, right = np.zeros((2, 20, 40), bool)
    left[5:15, 5:15], right[5:15, 25:35] = True, True
    frame = LabelledFrame(np.zeros((20, 40, 3), np.uint8), 0, {'1': left, '2': right})
    found = (ObjectMask('1', right, 1.0, 0.9, Label('hook', 0.8, 0.5)), ObjectMask('2', left & False, 1.0, 0.1))
    moments = observe(3, frame, FrameResult(3, 0, found), {'1': 0, '2': 3})
    assert (moments['1'].follows, moments['1'].label, moments['1'].j) == ('2', 'hook', 0)
    assert (moments['2'].follows, moments['2'].label, moments['2'].prompted) == (None, '', True)
