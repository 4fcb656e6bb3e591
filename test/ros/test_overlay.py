"""The overlay shows masks, outlines and names, and leaves the rest of the image alone."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sam2s_ros.overlay import PALETTE, caption, colour_of, draw_overlay, draw_text
from sam2s_ros.run_lengths import encode_mask
from sam2s_ros.track_state import TrackState
from sam2s_ros.tracked_image import TrackedObject

MakeObject = Callable[..., TrackedObject]
GREY = np.full((60, 80, 3), 100, np.uint8)


def test_without_objects_the_overlay_is_a_copy_of_the_image() -> None:
    overlay = draw_overlay(GREY, (), 0.45)
    np.testing.assert_array_equal(overlay, GREY)
    assert not np.shares_memory(overlay, GREY)


def test_the_image_itself_is_not_drawn_on(tracked_object: MakeObject) -> None:
    image = GREY.copy()
    draw_overlay(image, (tracked_object(),), 0.45)
    np.testing.assert_array_equal(image, GREY)


def test_the_middle_of_a_mask_is_blended_with_the_colour_of_its_slot(tracked_object: MakeObject) -> None:
    overlay = draw_overlay(GREY, (tracked_object((40, 30, 15), slot=4),), 0.25)
    np.testing.assert_allclose(overlay[38, 40], 0.75 * 100 + 0.25 * PALETTE[4].astype(float), atol=1)


def test_pixels_far_from_any_object_are_unchanged(tracked_object: MakeObject) -> None:
    overlay = draw_overlay(GREY, (tracked_object((60, 40, 8)),), 0.45)
    np.testing.assert_array_equal(overlay[:20], GREY[:20])
    np.testing.assert_array_equal(overlay[36:, :50], GREY[36:, :50])


def test_overlapping_objects_show_the_better_one_on_top(tracked_object: MakeObject) -> None:
    sure, doubtful = tracked_object((40, 30, 20), 1, score=0.9), tracked_object((40, 30, 28), 2, score=0.5)
    overlay = draw_overlay(GREY, (doubtful, sure), 1.0)
    assert tuple(overlay[38, 40]) == colour_of(1)


def test_an_empty_mask_is_not_drawn(tracked_object: MakeObject) -> None:
    np.testing.assert_array_equal(draw_overlay(GREY, (tracked_object(None),), 0.45), GREY)


def test_a_caption_warns_when_the_mask_cannot_be_trusted(tracked_object: MakeObject) -> None:
    assert caption(tracked_object()) == 'a grasper'
    assert caption(tracked_object(state=TrackState.UNCERTAIN)) == 'a grasper uncertain'


@pytest.mark.parametrize('place', [(-50, 10), (400, 10), (10, -20), (10, 400)])
def test_a_text_that_would_leave_the_image_is_moved_inside(place: tuple[int, int]) -> None:
    image = np.full((60, 200, 3), 100, np.uint8)
    draw_text(image, 'grasper', place, 0.4)
    rows, columns = np.nonzero((image != 100).any(axis=2))
    assert np.ptp(columns) > 25, 'all of it is there'
    assert rows.min() > 0 and rows.max() < 59
    assert columns.min() > 0 and columns.max() < 199


def test_neighbouring_slots_have_clearly_different_colours() -> None:
    steps = np.abs(np.diff(PALETTE.astype(int), axis=0)).max(axis=1)
    assert steps.min() > 80


def test_a_1080p_overlay_takes_a_few_milliseconds(tracked_object: MakeObject) -> None:
    small = tracked_object((40, 30, 15))
    mask = np.zeros((1080, 1920), np.bool_)
    mask[300:900, 600:1200] = True

    tracked = replace(small, mask=mask, runs=encode_mask(mask))
    image = np.zeros((1080, 1920, 3), np.uint8)
    fastest = min(timeit.repeat(lambda: draw_overlay(image, (tracked,), 0.45), number=1, repeat=9))
    assert fastest < 0.030  # 3 ms on an idle machine
