"""Every image is accounted for, and the rates are those of the last two seconds."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy')

from sam2s_msgs.msg import DropCounts
from sam2s_ros.image_ledger import DropReason, ImageCounts, ImageLedger, RateMeter

SECOND = 1_000_000_000


def test_what_is_dropped_is_counted_by_reason() -> None:
    ledger = ImageLedger()
    for _ in range(5):
        ledger.receive()
    ledger.track()
    ledger.drop(DropReason.SUPERSEDED)
    ledger.drop(DropReason.STOPPED, 3)
    expected = ImageCounts(5, 1, {DropReason.SUPERSEDED: 1, DropReason.STOPPED: 3})
    assert ledger.counts == expected
    assert ledger.counts.all_dropped == 4


def test_every_reason_has_its_field_in_the_message() -> None:
    assert {reason.value for reason in DropReason} == set(DropCounts.get_fields_and_field_types())


def test_no_image_has_no_age() -> None:
    ledger = ImageLedger()
    assert ledger.image_age_s is None
    ledger.receive()
    assert ledger.image_age_s is not None and 0.0 <= ledger.image_age_s < 5.0


@pytest.mark.parametrize('rate', [1, 25, 60])
def test_a_steady_stream_has_its_rate(rate: int) -> None:
    meter = RateMeter()
    moments = [number * SECOND // rate for number in range(4 * rate)]
    for moment in moments:
        meter.note(moment)
    assert meter.per_second(moments[-1]) == pytest.approx(rate, rel=0.01)


def test_one_image_is_no_rate() -> None:
    meter = RateMeter()
    meter.note(0)
    assert meter.per_second(0) == 0.0


def test_a_stream_that_stopped_slows_down_to_nothing() -> None:
    meter = RateMeter()
    for number in range(50):
        meter.note(number * SECOND // 25)
    last = 49 * SECOND // 25
    rates = [meter.per_second(last + int(waited * SECOND)) for waited in (0.0, 0.5, 1.0, 1.9, 2.1)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0.0
