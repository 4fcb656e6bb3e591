"""The images that are made of one result, each at most once and only when somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from sam2s_ros.class_table import ClassTable
from sam2s_ros.label_image import number_image
from sam2s_ros.overlay import draw_overlay
from sam2s_ros.parameters import BinaryParameters, OverlayParameters
from sam2s_ros.run_lengths import encode_mask
from sam2s_ros.tracked_image import TrackedImage, TrackedObject

UNLABELLED = 255  # class of an object that nobody named, in an 8-bit mask (vision_msgs/LabelInfo)
MASK = 255


class OutputImages:
    """What can be drawn of a processed image; all but the overlay have its size.

    Args:
        tracked: The result.
        classes: Numbers of the class names.
        overlay, binary: How to draw.
    """

    def __init__(
        self, tracked: TrackedImage, classes: ClassTable, overlay: OverlayParameters, binary: BinaryParameters
    ) -> None:
        self.tracked = tracked
        self.header: Header = tracked.image.message.header
        self.overlay_look = overlay
        self._classes = classes
        self._binary = binary
        self._height, self._width, _ = tracked.rgb.shape

    @property
    def instances(self) -> NDArray[np.uint8]:
        """(H, W) slots, 0 where there is no object; where masks overlap, the better one."""
        return self._numbers(lambda found: found.identity.slot)

    @property
    def semantic(self) -> NDArray[np.uint8]:
        """(H, W) numbers of the classes, 0 where there is no object, 255 where its class is unknown."""
        return self._numbers(lambda found: found.object_class.number or UNLABELLED)

    @property
    def confidence(self) -> NDArray[np.uint8]:
        """(H, W) quality of the mask times presence of its object, 255 for 1; 0 where there is no object."""
        return self._numbers(lambda found: round(255 * found.score * found.presence))

    @property
    def binary(self) -> NDArray[np.uint8]:
        """(H, W) 255 on every object of the chosen classes, also where another object covers it."""
        names = [name.strip() for name in self._binary.classes.split(',') if name.strip()]
        chosen = {self._classes.id_of(name) for name in names} - {0}
        shown = [found for found in self.tracked.objects if not names or found.object_class.number in chosen]
        return number_image(shown, lambda _: MASK, self._height, self._width)

    @cached_property
    def overlay(self) -> NDArray[np.uint8]:
        """(H / k, W / k, 3) RGB for people, with the k of `shrinkage`."""
        k = shrinkage(self._height, self._width, self.overlay_look.max_side)
        rgb, objects = self.tracked.rgb, self.tracked.objects
        if k > 1:
            rgb = np.asarray(cv2.resize(rgb, (self._width // k, self._height // k), interpolation=cv2.INTER_AREA))
            objects = tuple(_shrunk(found, k, *rgb.shape[:2]) for found in objects)
        return draw_overlay(rgb, objects, self.overlay_look.alpha, self.tracked.hold)

    def _numbers(self, number: Callable[[TrackedObject], int]) -> NDArray[np.uint8]:
        return number_image(self.tracked.objects, number, self._height, self._width)


def shrinkage(height: int, width: int, max_side: int) -> int:
    """By which whole number k an overlay is smaller: its place (x, y) is (k x, k y) on the image."""
    return -(-max(height, width) // max_side)


def _shrunk(found: TrackedObject, k: int, height: int, width: int) -> TrackedObject:
    """The object on an image of every k-th pixel, (height, width) of them."""
    middle = k // 2
    # The first sample at or behind a place of the image.
    box = tuple(slice(*((place - middle + k - 1) // k for place in (side.start, side.stop))) for side in found.runs.box)
    mask = np.zeros((height, width), np.bool_)
    mask[box] = found.mask[middle::k, middle::k][:height, :width][box]
    return replace(found, mask=mask, runs=encode_mask(mask))
