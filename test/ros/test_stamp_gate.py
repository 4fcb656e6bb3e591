"""Images pass in the order of their stamps; what is late, double, or from before is told apart."""

from __future__ import annotations

import pytest

from sam2s_ros.events import Event, EventCode, EventLog
from sam2s_ros.frame_buffer import ReceivedImage
from sam2s_ros.image_ledger import DropReason
from sam2s_ros.stamp_gate import StampGate, Verdict

SECOND = 1_000_000_000
NEXT, BACK = Verdict(), Verdict(went_back=True)
LATE, TWICE = Verdict(DropReason.OUT_OF_ORDER), Verdict(DropReason.DUPLICATE)


class Stream:
    """Images of given stamps that arrive 40 ms after one another, and what the gate says of each."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.gate = StampGate(0.5, EventLog(self.events.append))
        self.arrival_s = 0.0

    def judge(self, stamp_s: float, after_s: float = 0.04, age_s: float = 0.0) -> Verdict:
        self.arrival_s += after_s
        return self.gate.judge(ReceivedImage(None, round(stamp_s * SECOND), int(self.arrival_s * SECOND), age_s))

    def told(self, code: EventCode) -> int:
        return sum(event.code is code for event in self.events)


@pytest.fixture
def stream() -> Stream:
    return Stream()


def test_images_in_order_pass_and_nothing_is_told(stream: Stream) -> None:
    assert [stream.judge(10 + number / 25) for number in range(50)] == [NEXT] * 50
    assert stream.events == []


def test_late_and_double_images_are_dropped_and_change_nothing(stream: Stream) -> None:
    assert [stream.judge(stamp) for stamp in (10.0, 10.4, 10.2, 10.4, 10.41)] == [NEXT, NEXT, LATE, TWICE, NEXT]
    assert stream.told(EventCode.TIME_JUMPED) == 0


def test_a_recording_that_loops_goes_back_once(stream: Stream) -> None:
    loop = [10.0, 10.5, 11.0, 11.5]
    verdicts = [stream.judge(stamp) for stamp in loop * 2]
    assert verdicts == [NEXT] * 4 + [BACK] + [NEXT] * 3
    assert stream.told(EventCode.TIME_JUMPED) == 1


def test_the_clock_that_goes_back_makes_a_jump_of_any_earlier_stamp(stream: Stream) -> None:
    stream.judge(10.0)
    stream.gate.expect_jump()
    assert [stream.judge(stamp) for stamp in (9.9, 9.8)] == [BACK, LATE]


@pytest.mark.parametrize(('after_s', 'jumps'), [(0.04, 1), (4.9, 0)])
def test_a_leap_is_told_unless_the_stream_had_stopped_as_long(stream: Stream, after_s: float, jumps: int) -> None:
    stream.judge(10.0)
    assert stream.judge(15.0, after_s=after_s) == NEXT
    assert stream.told(EventCode.TIME_JUMPED) == jumps


def test_a_recording_at_ten_times_its_speed_does_not_jump(stream: Stream) -> None:
    assert all(stream.judge(10 + 0.4 * number) == NEXT for number in range(100))
    assert stream.events == []


def test_images_without_stamps_pass_and_are_told_once(stream: Stream) -> None:
    assert [stream.judge(0.0) for _ in range(5)] == [NEXT] * 5
    assert stream.told(EventCode.STAMP_DOUBTED) == 1


def test_a_single_image_without_a_stamp_is_no_jump(stream: Stream) -> None:
    assert [stream.judge(stamp) for stamp in (10.0, 0.0, 10.1)] == [NEXT] * 3
    assert stream.told(EventCode.TIME_JUMPED) == 0


def test_stamps_in_the_future_are_told_when_they_begin(stream: Stream) -> None:
    for number, age_s in enumerate((0.1, -30.0, -30.0, 0.1, -30.0, -0.5)):
        assert stream.judge(10 + number / 25, age_s=age_s) == NEXT
    assert stream.told(EventCode.STAMP_DOUBTED) == 2
