"""A first guess at what a prompt means, from colours and geometry alone; the decoder corrects it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_model.prompt_encoder import BACKGROUND, BOX_BOTTOM_RIGHT, BOX_TOP_LEFT, FOREGROUND

SIDE = 128  # pixels of the guess on each side
CERTAIN = 3.0  # logit of a cell that the guess is sure of
ITERATIONS = 2
CLICK_RADIUS = 0.03  # of the image side, what surely belongs to a click
CLICK_REACH = 0.25  # of the image side, how far a clicked object may extend in the guess

Mask = NDArray[np.uint8]


def guess_mask(image: NDArray[np.uint8], points: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Logits (SIDE, SIDE) of the object that points and box corners mean, by GrabCut (Rother et al. 2004).

    Args:
        image: (SIDE, SIDE, 3) RGB.
        points: (P, 2) x, y as shares of the image side, in [0, 1].
        labels: (P,) kinds of points, see `prompt_encoder`.
    """
    trimap = _trimap(points * SIDE, labels)
    rough = _logits((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD))
    if not _can_cut(trimap):
        return rough
    cut = trimap.copy()
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # GrabCut clusters with OpenCV's global generator; the same prompt shall give the same mask
    cv2.grabCut(image, cut, (0, 0, 1, 1), background, foreground, ITERATIONS, cv2.GC_INIT_WITH_MASK)
    found = (cut == cv2.GC_FGD) | (cut == cv2.GC_PR_FGD)
    return _logits(found) if found.any() else rough


def _trimap(points: NDArray[np.float32], labels: NDArray[np.int64]) -> Mask:
    """What is surely, perhaps and surely not the object."""
    trimap: Mask = np.full((SIDE, SIDE), cv2.GC_BGD, np.uint8)
    corners = points[(labels == BOX_TOP_LEFT) | (labels == BOX_BOTTOM_RIGHT)]
    if len(corners) == 2:
        (x0, y0), (x1, y1) = np.floor(corners[0]).astype(int), np.ceil(corners[1]).astype(int)
        trimap[max(y0, 0) : max(y1, y0 + 1), max(x0, 0) : max(x1, x0 + 1)] = cv2.GC_PR_FGD
    for point in points[labels == FOREGROUND]:
        if len(corners) != 2:
            _disc(trimap, point, CLICK_REACH, cv2.GC_PR_FGD)
    for point in points[labels == FOREGROUND]:
        _disc(trimap, point, CLICK_RADIUS, cv2.GC_FGD)
    for point in points[labels == BACKGROUND]:
        _disc(trimap, point, CLICK_RADIUS, cv2.GC_BGD)
    return trimap


def _disc(trimap: Mask, centre: NDArray[np.float32], radius: float, value: int) -> None:
    cv2.circle(trimap, (int(centre[0]), int(centre[1])), max(int(radius * SIDE), 1), value, -1)


def _can_cut(trimap: Mask) -> bool:
    """GrabCut needs a handful of samples on either side."""
    inside = int(np.count_nonzero((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)))
    return min(inside, trimap.size - inside) >= 10


def _logits(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(mask, CERTAIN, -CERTAIN).astype(np.float32)
