"""J and F on masks whose scores can be worked out by hand."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sam2s_model.evaluation.metrics import contour, contour_accuracy, region_similarity

EMPTY = np.zeros((100, 100), bool)
FULL = np.ones((100, 100), bool)


def rectangle(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = EMPTY.copy()
    mask[y0:y1, x0:x1] = True
    return mask


def dilated_contour_accuracy(predicted: np.ndarray, truth: np.ndarray, radius: int) -> float:
    """The definition, word for word: dilate each contour with a disk and look which pixels of the other it covers."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (x * x + y * y <= radius * radius).astype(np.uint8)
    lines = [contour(mask).astype(np.uint8) for mask in (predicted, truth)]
    wide = [cv2.dilate(line, disk, borderType=cv2.BORDER_CONSTANT, borderValue=0) for line in lines]
    if not lines[0].any() or not lines[1].any():
        return float(lines[0].any() == lines[1].any())
    precision, recall = (lines[0] & wide[1]).sum() / lines[0].sum(), (lines[1] & wide[0]).sum() / lines[1].sum()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize(
    ('predicted', 'truth', 'j', 'f'),
    [
        pytest.param(EMPTY, EMPTY, 1, 1, id='both empty'),
        pytest.param(FULL, FULL, 1, 1, id='both full'),
        pytest.param(EMPTY, rectangle(10, 10, 30, 30), 0, 0, id='nothing predicted'),
        pytest.param(rectangle(10, 10, 30, 30), EMPTY, 0, 0, id='nothing there'),
        pytest.param(FULL, EMPTY, 0, 1, id='a full mask has no contour'),
        pytest.param(FULL, rectangle(0, 0, 50, 100), 0.5, 0, id='full against half'),
        pytest.param(rectangle(7, 7, 8, 8), rectangle(7, 7, 8, 8), 1, 1, id='one pixel'),
        pytest.param(rectangle(7, 7, 8, 8), rectangle(8, 7, 9, 8), 0, 1, id='one pixel beside another'),
        pytest.param(rectangle(0, 0, 1, 1), rectangle(0, 0, 1, 1), 1, 1, id='the corner pixel'),
        pytest.param(rectangle(99, 99, 100, 100), rectangle(99, 99, 100, 100), 1, 1, id='the last corner pixel'),
        pytest.param(rectangle(10, 10, 30, 30), rectangle(20, 10, 40, 30), 1 / 3, None, id='shifted by half'),
        pytest.param(rectangle(10, 10, 30, 30), rectangle(12, 10, 32, 30), 18 / 22, 1, id='shifted within tolerance'),
        pytest.param(rectangle(0, 0, 9, 9), rectangle(60, 60, 90, 90), 0, 0, id='far apart'),
    ],
)
def test_j_and_f_of_simple_shapes(predicted: np.ndarray, truth: np.ndarray, j: float, f: float | None) -> None:
    assert region_similarity(predicted, truth) == pytest.approx(j)
    if f is not None:
        assert contour_accuracy(predicted, truth) == pytest.approx(f)


def test_a_contour_is_one_pixel_wide() -> None:
    expected = np.zeros((5, 5), bool)
    expected[0:3, 0:3] = True
    expected[1, 1] = False
    square = np.zeros((5, 5), bool)
    square[1:3, 1:3] = True
    np.testing.assert_array_equal(contour(square), expected)


@settings(max_examples=60, deadline=None)
@given(masks=arrays(np.bool_, (2, 11, 13)), rows=st.integers(1, 12))
def test_f_equals_matching_by_dilation_with_a_disk(masks: np.ndarray, rows: int) -> None:
    scale = np.ones((rows, 14), bool)
    predicted, truth = (np.kron(mask, scale) for mask in masks)
    radius = int(np.ceil(0.008 * np.hypot(*truth.shape)))
    assert contour_accuracy(predicted, truth) == pytest.approx(dilated_contour_accuracy(predicted, truth, radius))


@settings(max_examples=30, deadline=None)
@given(masks=arrays(np.bool_, (2, 9, 12)))
def test_both_scores_are_symmetric(masks: np.ndarray) -> None:
    first, second = masks
    assert region_similarity(first, second) == region_similarity(second, first)
    assert contour_accuracy(first, second) == pytest.approx(contour_accuracy(second, first))


@pytest.mark.parametrize('score', [region_similarity, contour_accuracy])
def test_masks_of_different_size_are_refused(score: object) -> None:
    with pytest.raises(ValueError, match='one shape'):
        score(EMPTY, np.zeros((50, 50), bool))  # type: ignore[operator]


@pytest.mark.parametrize('score', [region_similarity, contour_accuracy])
def test_label_images_are_refused(score: object) -> None:
    with pytest.raises(ValueError, match='bool'):
        score(EMPTY.astype(np.uint8), EMPTY)  # type: ignore[operator]


def test_both_scores_of_a_vga_frame_take_less_than_50_ms() -> None:
    first, second = np.zeros((2, 480, 640), bool)
    first[100:300, 100:500], second[110:310, 90:500] = True, True
    start = time.perf_counter()
    for _ in range(5):
        region_similarity(first, second), contour_accuracy(first, second)
    assert (time.perf_counter() - start) / 5 < 0.05
