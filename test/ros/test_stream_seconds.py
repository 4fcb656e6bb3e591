"""Time of the stream follows the stamps while they make sense, and never runs away."""

from __future__ import annotations

import pytest

from sam2s_ros.frame_buffer import ReceivedImage
from sam2s_ros.stream_seconds import StreamSeconds

SECOND = 10**9


@pytest.mark.parametrize(
    ('stamp_step_s', 'arrival_step_s', 'expected'),
    [
        (0.04, 0.5, 0.04),  # played slowly
        (0.0, 0.04, 0.04),  # no stamps at all
        (-600.0, 0.04, 0.04),  # a looped recording
        (3600.0, 0.04, 0.04),  # a corrected clock
        (90.0, 90.0, 1.0),  # a pause
        (0.0, -1.0, 0.0),
    ],
)
def test_a_step_is_what_the_stamps_say_or_else_the_arrival(
    stamp_step_s: float, arrival_step_s: float, expected: float
) -> None:
    seconds = StreamSeconds()
    assert seconds.pass_to(ReceivedImage(None, 5000 * SECOND, 100 * SECOND)) == 0.0
    stamp, arrival = (int((begin + step) * SECOND) for begin, step in ((5000, stamp_step_s), (100, arrival_step_s)))
    assert seconds.pass_to(ReceivedImage(None, stamp, arrival)) == pytest.approx(expected)
