"""Each pixel of the label image holds the slot of its object."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sam2s_ros.label_image import label_image
from sam2s_ros.tracked_image import TrackedObject

MakeObject = Callable[..., TrackedObject]


def test_without_objects_all_is_background() -> None:
    assert not label_image((), 60, 80).any()


def test_each_object_has_the_value_of_its_slot(tracked_object: MakeObject) -> None:
    left, right = tracked_object((20, 30, 9), slot=3), tracked_object((60, 30, 9), slot=254)
    labels = label_image((left, right), 60, 80)
    np.testing.assert_array_equal(labels == 3, left.mask)
    np.testing.assert_array_equal(labels == 254, right.mask)


def test_where_masks_overlap_the_higher_score_wins(tracked_object: MakeObject) -> None:
    sure, doubtful = tracked_object((40, 30, 9), 1, score=0.9), tracked_object((44, 30, 9), 2, score=0.5)
    for order in ((sure, doubtful), (doubtful, sure)):
        labels = label_image(order, 60, 80)
        np.testing.assert_array_equal(labels == 1, sure.mask)
        np.testing.assert_array_equal(labels == 2, doubtful.mask & ~sure.mask)


def test_an_object_that_is_not_seen_leaves_no_pixel(tracked_object: MakeObject) -> None:
    assert not label_image((tracked_object(None),), 60, 80).any()
