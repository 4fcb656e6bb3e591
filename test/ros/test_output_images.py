"""What is drawn of a result: slots, classes, confidence, chosen classes, and a smaller picture for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from sam2s_ros.class_table import ClassTable
from sam2s_ros.output_images import OutputImages, shrinkage
from sam2s_ros.parameters import BinaryParameters, OverlayParameters
from sam2s_ros.tracked_image import ObjectClass, TrackedImage, TrackedObject

Make = Callable[..., Any]
CLASSES = ClassTable({'grasper': 1, 'bipolar forceps': 4})


def draw(tracked: TrackedImage, classes: str = '', **look: Any) -> OutputImages:
    return OutputImages(tracked, CLASSES, OverlayParameters(**look), BinaryParameters(classes))


def of_class(tracked: TrackedObject, name: str, number: int) -> TrackedObject:
    return replace(tracked, object_class=ObjectClass(name, number, 1.0))


@pytest.fixture
def images(tracked_image: Make, tracked_object: Make) -> OutputImages:
    """A good grasper over a worse object without a class, both partly in the middle."""
    grasper = of_class(tracked_object((30, 30, 10), slot=3, score=0.9, object_id='a'), 'grasper', 1)
    unknown = replace(tracked_object((40, 30, 10), slot=7, score=0.5, object_id='b'), object_class=ObjectClass())
    return draw(tracked_image(grasper, unknown))


def test_instances_hold_slots(images: OutputImages) -> None:
    assert [images.instances[30, x] for x in (25, 35, 45, 70)] == [3, 3, 7, 0]


def test_semantic_holds_class_numbers_and_255_where_the_class_is_unknown(images: OutputImages) -> None:
    assert [images.semantic[30, x] for x in (25, 35, 45, 70)] == [1, 1, 255, 0]


def test_confidence_is_quality_times_presence_and_zero_beside_the_objects(images: OutputImages) -> None:
    assert [images.confidence[30, x] for x in (25, 45, 70)] == [round(255 * 0.9 * 0.95), round(255 * 0.5 * 0.95), 0]


def test_without_a_choice_binary_shows_all_objects(images: OutputImages) -> None:
    np.testing.assert_array_equal(images.binary, np.where(images.instances, 255, 0))


@pytest.mark.parametrize('classes', ['bipolar_forceps', 'bipolar forceps, needle', ' bipolar forceps ,'])
def test_binary_shows_the_chosen_classes_also_where_they_are_covered(
    tracked_image: Make, tracked_object: Make, classes: str
) -> None:
    above = of_class(tracked_object((30, 30, 10), slot=1, score=0.9), 'grasper', 1)
    below = of_class(tracked_object((35, 30, 10), slot=2, score=0.5), 'bipolar forceps', 4)
    binary = draw(tracked_image(above, below), classes).binary
    np.testing.assert_array_equal(binary, np.where(below.mask, 255, 0))


def test_a_class_that_nobody_has_leaves_binary_empty(images: OutputImages) -> None:
    assert not draw(images.tracked, 'needle').binary.any()


def test_without_objects_every_mask_is_empty_and_of_the_image_s_size(tracked_image: Make) -> None:
    empty = draw(tracked_image())
    for mask in (empty.instances, empty.semantic, empty.confidence, empty.binary):
        assert mask.shape == (60, 80) and mask.dtype == np.uint8 and not mask.any()


@pytest.mark.parametrize(
    ('height', 'width', 'max_side', 'k'),
    [(480, 640, 960, 1), (1080, 1920, 960, 2), (1081, 1921, 960, 3), (60, 80, 80, 1)],
)
def test_an_overlay_is_shrunk_by_a_whole_number(height: int, width: int, max_side: int, k: int) -> None:
    assert shrinkage(height, width, max_side) == k


@pytest.mark.parametrize(('max_side', 'shape'), [(80, (60, 80, 3)), (40, (30, 40, 3))])
def test_a_shrunk_overlay_shows_the_objects_where_they_are(
    tracked_image: Make, tracked_object: Make, max_side: int, shape: tuple[int, ...]
) -> None:
    overlay = draw(tracked_image(tracked_object((40, 30, 14))), max_side=max_side).overlay
    assert overlay.shape == shape
    coloured = np.ptp(overlay[shape[0] // 2].astype(int), axis=1) > 30  # the image is grey
    left, right = np.flatnonzero(coloured)[[0, -1]] * 80 / shape[1]
    assert left == pytest.approx(26, abs=4) and right == pytest.approx(54, abs=4)


def test_the_overlay_says_why_memory_is_held(tracked_image: Make) -> None:
    assert (draw(tracked_image(hold='the video is blank')).overlay != draw(tracked_image()).overlay).any()
