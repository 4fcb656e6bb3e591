"""Stages are differences of their moments, and percentiles are taken of each stage by itself."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy')

from dataclasses import fields

from sam2s_msgs.msg import Timing
from sam2s_ros.latency import LatencyWindow, StageSeconds, stage_seconds
from sam2s_ros.tracked_image import StageTimes

MILLISECOND = 1_000_000


def test_stages_are_what_lies_between_their_moments() -> None:
    times = StageTimes(*(moment * MILLISECOND for moment in (100, 103, 110, 140)))
    seconds = stage_seconds(times, 0.05, 145 * MILLISECOND)
    assert seconds == StageSeconds(0.05, 0.003, 0.007, 0.03, 0.005, 0.045)


def test_an_image_from_the_future_has_no_negative_age() -> None:
    assert stage_seconds(StageTimes(0, 0, 0, 0), -3.0, 0).receive_age == 0.0


def test_stages_are_those_of_the_message() -> None:
    assert [spec.name for spec in fields(StageSeconds)] == list(Timing.get_fields_and_field_types())


def test_percentiles_are_taken_of_each_stage_by_itself() -> None:
    window = LatencyWindow()
    for number in range(101):
        window.add(StageSeconds(queue=float(number), inference=float(100 - number)))
    median, p95 = window.percentiles(50, 95)
    assert (median.queue, median.inference) == (50.0, 50.0)
    assert (p95.queue, p95.inference) == (95.0, 95.0)


def test_old_images_are_forgotten() -> None:
    window = LatencyWindow(images=2)
    for total in (9.0, 1.0, 3.0):
        window.add(StageSeconds(total=total))
    assert window.percentiles(50)[0].total == 2.0


def test_without_images_all_is_zero() -> None:
    assert LatencyWindow().percentiles(50, 99) == (StageSeconds(), StageSeconds())
