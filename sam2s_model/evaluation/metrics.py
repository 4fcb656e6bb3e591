"""How well a mask agrees with the truth: region similarity J and contour accuracy F, as DAVIS and SA-V define them."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

# Share of the image diagonal within which two contours count as the same (DAVIS 2016).
CONTOUR_TOLERANCE = 0.008


def region_similarity(predicted: Mask, truth: Mask) -> float:
    """J: intersection over union of two (H, W) masks, in [0, 1]; 1 when both are empty."""
    _check_shapes(predicted, truth)
    union = np.count_nonzero(predicted | truth)
    if union == 0:
        return 1.0
    return np.count_nonzero(predicted & truth) / union


def contour_accuracy(predicted: Mask, truth: Mask) -> float:
    """F: F1 score of two masks' contours, in [0, 1].

    A contour pixel is matched when the other contour passes within ceil(0.008 · diagonal) pixels of it. Both contours
    empty gives 1, only one empty gives 0. A mask that fills the image has no contour.
    """
    _check_shapes(predicted, truth)
    height, width = truth.shape
    radius = math.ceil(CONTOUR_TOLERANCE * math.hypot(height, width))
    window = _window_around(predicted | truth)
    predicted_contour, true_contour = contour(predicted[window]), contour(truth[window])
    if not predicted_contour.any() or not true_contour.any():
        return float(predicted_contour.any() == true_contour.any())
    precision = _share_near(predicted_contour, true_contour, radius)
    recall = _share_near(true_contour, predicted_contour, radius)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def contour(mask: Mask) -> Mask:
    """(H, W) pixels that differ from their right, lower or lower right neighbour: a line one pixel wide."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode='edge')
    right, below, diagonal = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return np.asarray((mask != right) | (mask != below) | (mask != diagonal), dtype=np.bool_)


def _window_around(mask: Mask) -> tuple[slice, slice]:
    """The part of the image that holds every contour of the mask: its bounding box and one pixel around it."""
    return _span(mask, across=1), _span(mask, across=0)


def _span(mask: Mask, across: int) -> slice:
    where = np.flatnonzero(np.any(mask, axis=across))
    return slice(max(int(where[0]) - 1, 0), int(where[-1]) + 2) if where.size else slice(0, 1)


def _share_near(contour_pixels: Mask, other: Mask, radius: int) -> float:
    """Share of the contour's pixels with the other contour within the radius; the same as dilating it with a disk."""
    distance = cv2.distanceTransform((~other).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(np.mean(distance[contour_pixels] <= radius + 1e-3))


def _check_shapes(predicted: Mask, truth: Mask) -> None:
    if predicted.shape != truth.shape or truth.ndim != 2:
        raise ValueError(f'expected two (H, W) masks of one shape, got {predicted.shape} and {truth.shape}')
    if predicted.dtype != np.bool_ or truth.dtype != np.bool_:
        raise ValueError(f'expected bool masks, got {predicted.dtype} and {truth.dtype}; compare with 0 or a threshold')
