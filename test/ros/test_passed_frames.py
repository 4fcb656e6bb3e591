"""Images since a prompted one are given in order, few of many, and always with the newest."""

from __future__ import annotations

import pytest

from sam2s_ros.passed_frames import REMEMBERED, PassedFrames


def passed(count: int, most: int) -> PassedFrames:
    frames = PassedFrames(most)
    for index in range(count):
        frames.note(index, 1000 + 10 * index)
    return frames


@pytest.mark.parametrize(
    ('since', 'most', 'stamps'),
    [
        (6, 8, [1070, 1080, 1090]),
        (9, 8, []),
        (-1, 5, [1010, 1030, 1050, 1070, 1090]),
        (0, 2, [1040, 1090]),
        (0, 1, [1090]),
        (0, 0, []),
    ],
    ids=['all', 'none', 'every second', 'two', 'the newest', 'switched off'],
)
def test_images_since_a_place_are_given_oldest_first(since: int, most: int, stamps: list[int]) -> None:
    assert passed(10, most).since(since) == stamps


def test_long_passed_images_are_forgotten() -> None:
    assert len(passed(1000, 1000).since(0)) == REMEMBERED


def test_a_new_stream_has_no_passed_images() -> None:
    frames = passed(3, 8)
    frames.clear()
    assert frames.since(0) == []
