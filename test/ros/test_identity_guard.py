"""The guard doubts masks that jump, merge or change places, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from sam2s_ros.identity_guard import IdentityGuard, Place, overlap
from sam2s_ros.run_lengths import encode_mask

FRAME_S = 0.04


def place(x: int, object_id: str = 'a', class_name: str = 'grasper', y: int = 40) -> Place:
    """A square of 20 pixels with its corner at (x, y) on a 400×300 image."""
    mask = np.zeros((300, 400), bool)
    mask[y : y + 20, x : x + 20] = True
    return Place(object_id, class_name, mask, encode_mask(mask))


@pytest.mark.parametrize(('x', 'expected'), [(0, 1.0), (10, 1 / 3), (20, 0.0), (200, 0.0)])
def test_overlap_is_intersection_over_union(x: int, expected: float) -> None:
    assert overlap(place(0), place(x)) == pytest.approx(expected)


def test_an_instrument_that_moves_fast_raises_no_doubt() -> None:
    guard = IdentityGuard()
    doubts = [guard.look([place(x)], FRAME_S) for x in range(0, 380, 40)]  # two diagonals a second
    assert not any(doubt.passing or doubt.lasting for doubt in doubts)


def test_a_mask_that_jumps_is_doubted_for_that_image() -> None:
    guard = IdentityGuard()
    guard.look([place(0)], FRAME_S)
    assert guard.look([place(300)], FRAME_S).passing['a'].startswith('jumped 300 pixels')
    assert not guard.look([place(300)], FRAME_S).passing


def test_nothing_is_concluded_from_a_move_during_a_long_pause() -> None:
    guard = IdentityGuard()
    guard.look([place(0)], FRAME_S)
    assert not guard.look([place(300)], 0.6).passing


def test_an_object_that_was_out_of_sight_may_return_anywhere() -> None:
    guard = IdentityGuard()
    guard.look([place(0)], FRAME_S)
    guard.look([], FRAME_S)
    assert not guard.look([place(300)], FRAME_S).passing


def test_two_objects_on_the_same_pixels_are_doubted_at_once_and_soon_for_good() -> None:
    guard = IdentityGuard()
    doubts = [guard.look([place(50, 'a'), place(52, 'b')], FRAME_S) for _ in range(7)]
    assert [set(doubt.passing) for doubt in doubts[:5]] == [{'a', 'b'}] * 5
    assert set(doubts[-1].lasting) == {'a', 'b'}
    assert doubts[-1].lasting['a'] == "covers the same pixels as 'b'"


def test_instruments_that_cross_without_merging_raise_no_doubt() -> None:
    guard = IdentityGuard()
    doubts = [guard.look([place(x, 'a'), place(200 - x, 'b', y=48)], FRAME_S) for x in range(0, 200, 8)]
    assert not any(doubt.passing or doubt.lasting for doubt in doubts)


def test_objects_that_change_places_are_both_doubted_for_good() -> None:
    guard = IdentityGuard()
    guard.look([place(50, 'a'), place(90, 'b')], FRAME_S)
    doubts = guard.look([place(92, 'a'), place(51, 'b')], FRAME_S)
    assert set(doubts.lasting) == {'a', 'b'}


def test_an_object_that_takes_the_place_of_one_that_vanished_makes_both_doubtful() -> None:
    guard = IdentityGuard()
    guard.look([place(50, 'a'), place(90, 'b')], FRAME_S)
    assert set(guard.look([place(91, 'a')], FRAME_S).lasting) == {'a', 'b'}


@pytest.mark.parametrize(('other', 'is_doubted'), [('grasper', True), ('', True), ('hook', False)])
def test_only_objects_that_may_be_of_one_class_are_compared(other: str, is_doubted: bool) -> None:
    guard = IdentityGuard()
    guard.look([place(50, 'a'), place(90, 'b', other)], FRAME_S)
    assert bool(guard.look([place(90, 'a'), place(50, 'b', other)], FRAME_S).lasting) == is_doubted


def test_images_of_another_size_are_not_compared() -> None:
    guard = IdentityGuard()
    guard.look([place(50, 'a'), place(90, 'b')], FRAME_S)
    mask = np.zeros((600, 800), bool)
    mask[500:540, 700:740] = True
    doubts = guard.look([Place('a', 'grasper', mask, encode_mask(mask))], FRAME_S)
    assert not doubts.passing and not doubts.lasting
