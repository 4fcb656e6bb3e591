"""Images since a prompted one are given in order, few of many, and always with the newest."""

from __future__ import annotations

import pytest

from sam2s_ros.passed_frames import REMEMBERED, PassedFrames


def passed(*stamps: int, most: int = 8) -> PassedFrames:
    frames = PassedFrames(most)
    for stamp in stamps:
        frames.note(stamp)
    return frames


@pytest.mark.parametrize(
    ('since', 'most', 'stamps'),
    [
        (60, 8, [70, 80, 90]),
        (65, 8, [70, 80, 90]),
        (90, 8, []),
        (99, 8, []),
        (-1, 5, [10, 30, 50, 70, 90]),
        (0, 2, [40, 90]),
        (0, 1, [90]),
        (0, 0, []),
    ],
    ids=['all', 'not tracked', 'newest', 'newer', 'every second', 'two', 'one', 'switched off'],
)
def test_images_since_a_stamp_are_given_oldest_first(since: int, most: int, stamps: list[int]) -> None:
    assert passed(*range(0, 100, 10), most=most).since(since) == stamps


def test_in_a_looped_bag_the_order_of_arrival_counts() -> None:
    looped = passed(10, 20, 30, 10, 20)
    assert looped.since(10) == [20]
    assert looped.since(30) == [10, 20]
    assert looped.since(25) == []


def test_long_passed_images_are_forgotten() -> None:
    assert len(passed(*range(1000), most=1000).since(0)) == REMEMBERED


def test_a_new_stream_has_no_passed_images() -> None:
    frames = passed(1, 2, 3)
    frames.clear()
    assert frames.since(0) == []
