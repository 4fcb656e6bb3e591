"""A click on the overlay, as rqt_image_view publishes it, points at an object of the image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from fault_bench import ids, image, picture, track
from geometry_msgs.msg import Point
from tracker_in_process import TrackerInProcess

pytestmark = pytest.mark.ros

SECOND = 1_000_000_000


def click(tracker: TrackerInProcess, x: float, y: float, topic: str = 'overlay_mouse_left') -> None:
    mouse = tracker.beside.create_publisher(Point, f'{tracker.name}/{topic}', 10)
    tracker.wait_until(lambda: mouse.get_subscription_count() == 1)
    mouse.publish(Point(x=x, y=y))


@pytest.mark.parametrize('topic', ['overlay_mouse_left', 'overlay/compressed_mouse_left'])
def test_a_click_on_a_shrunk_overlay_adds_what_lies_there(start_tracker: Callable[..., Any], topic: str) -> None:
    tracker = start_tracker(overlay__max_side=80)
    track(tracker, image(SECOND, picture(1, 120, 160)))  # the overlay has half of that
    click(tracker, 50.0, 45.0, topic)  # on the right disc there
    tracker.wait_until(lambda: tracker.told(1) == ['1: is tracked now'])
    (found,) = track(tracker, image(2 * SECOND, picture(2, 120, 160))).tracks
    assert found.roi.x_offset <= 100 < found.roi.x_offset + found.roi.width and found.area > 500


def test_clicks_count_only_where_they_are_wanted_and_on_the_image(start_tracker: Callable[..., Any]) -> None:
    tracker = start_tracker()
    track(tracker, SECOND)
    click(tracker, 500.0, 5.0)
    assert tracker.set(overlay__clicks=False).successful
    click(tracker, 50.0, 45.0)
    assert ids(track(tracker, 2 * SECOND)) == []
    assert tracker.set(overlay__clicks=True).successful
    click(tracker, 50.0, 45.0)
    tracker.wait_until(lambda: len(tracker.told(1)) == 1)
    assert len(ids(track(tracker, 3 * SECOND))) == 1
