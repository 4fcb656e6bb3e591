"""Masks that follow the edges of the image: the guided filter (He, Sun and Tang 2013; fast version, He and Sun 2015).

Networks draw masks in cells of four pixels. Around each cell a mask is explained as a linear function of the colours
there, and these functions are then evaluated at a finer resolution. What the network is sure of stays as it is.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

REACH = 2  # cells in each direction that are explained together
LEAST_SPREAD = 1e-4  # of colours in [0, 1], squared: less is noise
UNSURE = 0.4  # a probability further than that from a half stays
MOST_LOGIT = 16.0  # surer than that no probability is
FINER = 2  # masks get so many times the resolution of their cells

Map: TypeAlias = NDArray[np.float32]


class Colours(NamedTuple):
    """What a frame looks like, in [0, 1].

    Attributes:
        fine: (FINER · h, FINER · w, 3).
        coarse: (h, w, 3) the same in the cells of a mask.
        mean: (h, w, 3) around each cell.
        inverse: (h, w, 3, 3) of the covariance around each cell.
    """

    fine: Map
    coarse: Map
    mean: Map
    inverse: Map


def follow_edges(logits: Map, rgb: NDArray[np.uint8]) -> Map:
    """Draw N masks more finely.

    Args:
        logits: (N, h, w).
        rgb: (H, W, 3) their frame.

    Returns:
        (N, FINER · h, FINER · w) probabilities less a half.
    """
    colours = _look(rgb, *logits.shape[1:])
    drawn = [_draw(plane, colours) for plane in logits]
    return np.stack(drawn) if drawn else np.empty((0, *colours.fine.shape[:2]), np.float32)


def _look(rgb: NDArray[np.uint8], height: int, width: int) -> Colours:
    squashed = cv2.resize(rgb, (FINER * width, FINER * height), interpolation=cv2.INTER_AREA)
    fine = squashed.astype(np.float32) / np.float32(255)
    coarse = np.asarray(cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    mean = _around(coarse)
    squares = _around((coarse[..., None] * coarse[..., None, :]).reshape(height, width, 9))
    spread = squares.reshape(height, width, 3, 3) - mean[..., None] * mean[..., None, :]
    return Colours(fine, coarse, mean, _inverse(spread + LEAST_SPREAD * np.eye(3, dtype=np.float32)))


def _inverse(matrices: Map) -> Map:
    """Of symmetric matrices (h, w, 3, 3), by their cofactors: a quarter of the time of `numpy.linalg.inv`."""
    a, b, c = (matrices[..., n, :] for n in range(3))
    cofactors = np.stack((np.cross(b, c), np.cross(c, a), np.cross(a, b)), axis=-1)
    determinant = np.einsum('hwi,hwi->hw', a, cofactors[..., 0])
    return np.asarray(cofactors / determinant[..., None, None], np.float32)


def _draw(logits: Map, colours: Colours) -> Map:
    functions = _scaled(_explain(_probability(logits), colours), colours.fine)
    drawn = np.einsum('hwc,hwc->hw', functions[..., :3], colours.fine) + functions[..., 3]
    seen = _probability(_scaled(logits, colours.fine))
    return np.asarray(np.where(np.abs(seen - 0.5) > UNSURE, seen, drawn) - 0.5, np.float32)


def _probability(logits: Map) -> Map:
    return np.asarray(1 / (1 + np.exp(-logits.clip(-MOST_LOGIT, MOST_LOGIT))), np.float32)


def _explain(share: Map, colours: Colours) -> Map:
    """Linear functions of colour for a mask (h, w): three slopes and a constant for each cell, (h, w, 4)."""
    mean_share = _around(share)
    together = _around(colours.coarse * share[..., None]) - colours.mean * mean_share[..., None]
    slope = np.einsum('hwij,hwj->hwi', colours.inverse, together)
    return _around(np.dstack((slope, mean_share - np.einsum('hwc,hwc->hw', slope, colours.mean))))


def _around(maps: Map) -> Map:
    """Mean of what lies around each cell."""
    return np.asarray(cv2.blur(maps, (2 * REACH + 1, 2 * REACH + 1)), np.float32)


def _scaled(maps: Map, like: Map) -> Map:
    height, width = like.shape[:2]
    return np.asarray(cv2.resize(maps, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
