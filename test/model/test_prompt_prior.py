from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sam2s_model.prompt_encoder import BACKGROUND, BOX_BOTTOM_RIGHT, BOX_TOP_LEFT, FOREGROUND
from sam2s_model.prompt_prior import guess_mask

SIDE = 128
CENTRE, RADIUS = (0.4, 0.5), 0.15


def disc() -> NDArray[np.bool_]:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    return np.asarray((x - CENTRE[0]) ** 2 + (y - CENTRE[1]) ** 2 < RADIUS**2)


def image_of_disc() -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(0, 8, (SIDE, SIDE, 3))
    base = np.where(disc()[..., None], (200, 60, 50), (90, 110, 120))
    return np.clip(base + noise, 0, 255).astype(np.uint8)


def iou(logits: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    return float(((logits > 0) & mask).sum() / ((logits > 0) | mask).sum())


def points(*values: tuple[float, float]) -> NDArray[np.float32]:
    return np.array(values, np.float32) * SIDE


def test_a_box_finds_the_object_that_differs_from_its_surroundings() -> None:
    corners = points((0.22, 0.32), (0.58, 0.68))
    logits = guess_mask(image_of_disc(), corners, np.array([BOX_TOP_LEFT, BOX_BOTTOM_RIGHT]))
    assert iou(logits, disc()) > 0.9


def test_a_click_finds_the_object_under_it() -> None:
    logits = guess_mask(image_of_disc(), points(CENTRE), np.array([FOREGROUND]))
    assert iou(logits, disc()) > 0.8


def test_a_click_beside_the_object_is_left_out() -> None:
    beside = (0.56, 0.5)
    kinds = np.array([BOX_TOP_LEFT, BOX_BOTTOM_RIGHT, BACKGROUND])
    logits = guess_mask(image_of_disc(), points((0.22, 0.32), (0.62, 0.68), beside), kinds)
    assert logits[int(beside[1] * SIDE), int(beside[0] * SIDE)] < 0


def test_a_box_of_a_pixel_or_of_the_whole_image_still_gives_a_mask() -> None:
    kinds = np.array([BOX_TOP_LEFT, BOX_BOTTOM_RIGHT])
    for box in (points((0.5, 0.5), (0.503, 0.503)), points((0.0, 0.0), (1.0, 1.0))):
        assert (guess_mask(image_of_disc(), box, kinds) > 0).any()


def test_a_cut_that_collapses_gives_the_ellipse_in_the_box() -> None:
    flat = np.full((SIDE, SIDE, 3), 90, np.uint8)
    corners = points((0.25, 0.25), (0.75, 0.75))
    logits = guess_mask(flat, corners, np.array([BOX_TOP_LEFT, BOX_BOTTOM_RIGHT]))
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    inside = (x > 0.25) & (x < 0.75) & (y > 0.25) & (y < 0.75)
    assert (logits > 0).sum() > 0.2 * inside.sum()
    assert not ((logits > 0) & ~inside).sum() > 0.05 * inside.sum()
