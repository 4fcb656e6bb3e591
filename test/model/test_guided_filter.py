"""The guided filter: masks follow edges that the image shows, and only where the network is unsure."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sam2s_model.guided_filter import FINER, follow_edges

SIDE = 24  # cells; a picture has eight pixels to a cell, twice as many as the network's square
BLUE, RED = (40, 60, 160), (170, 60, 50)


def disc(radius: float, side: int) -> NDArray[np.bool_]:
    """A disc in the middle of a square, whose radius is a share of the side."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side - 0.5
    return np.hypot(x, y) < radius


def picture(truth: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Something red on blue, with the noise of a camera."""
    colours = np.where(truth[..., None], RED, BLUE) + np.random.default_rng(0).normal(0, 4, (*truth.shape, 3))
    return colours.clip(0, 255).astype(np.uint8)


def blurred(truth: NDArray[np.bool_], sure: float = 4.0) -> NDArray[np.float32]:
    """Logits (1, SIDE, SIDE) of somebody who sees things without their edges."""
    share = cv2.GaussianBlur(
        cv2.resize(truth.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA), (5, 5), 1
    )
    return np.asarray((share - 0.5) * 2 * sure, np.float32)[None]


def errors(drawn: NDArray[np.float32], truth: NDArray[np.bool_]) -> int:
    """Pixels of the picture that are on the wrong side."""
    return int(((cv2.resize(drawn[0], truth.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0) != truth).sum())


@pytest.mark.parametrize('radius', [0.33, 0.2, 0.12])
def test_masks_get_the_edges_of_the_image(radius: float) -> None:
    truth = disc(radius, 8 * SIDE)
    logits = blurred(disc(radius + 0.02, 8 * SIDE))
    assert errors(follow_edges(logits, picture(truth)), truth) < 0.4 * errors(logits, truth)


def test_without_edges_masks_stay_nearly_as_they_are() -> None:
    logits = blurred(disc(0.3, 8 * SIDE))
    drawn = follow_edges(logits, np.full((8 * SIDE, 8 * SIDE, 3), 128, np.uint8))
    finer = cv2.resize(logits[0], drawn.shape[1:], interpolation=cv2.INTER_LINEAR)
    assert np.isfinite(drawn).all()
    assert np.mean((drawn[0] > 0) != (finer > 0)) < 0.03


def test_what_is_sure_stays_whatever_the_image_shows() -> None:
    logits = np.where(disc(0.3, SIDE), 9.0, -9.0).astype(np.float32)[None]
    noise = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    finer = cv2.resize(logits[0], (FINER * SIDE, FINER * SIDE), interpolation=cv2.INTER_LINEAR)
    drawn, sure = follow_edges(logits, noise)[0], abs(finer) > 3
    assert sure.mean() > 0.8
    assert np.array_equal(drawn[sure] > 0, finer[sure] > 0)


def test_what_is_absent_stays_absent() -> None:
    nothing = np.full((1, SIDE, SIDE), -1024.0, np.float32)
    assert not (follow_edges(nothing, picture(disc(0.3, 8 * SIDE))) > 0).any()


def test_objects_do_not_depend_on_each_other() -> None:
    one, other = blurred(disc(0.3, 8 * SIDE)), blurred(disc(0.1, 8 * SIDE))
    image = picture(disc(0.3, 8 * SIDE))
    together = follow_edges(np.concatenate((one, other)), image)
    assert np.array_equal(together, np.concatenate((follow_edges(one, image), follow_edges(other, image))))
    assert follow_edges(one[:0], image).shape == (0, FINER * SIDE, FINER * SIDE)
