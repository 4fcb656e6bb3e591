"""A first guess at what a prompt means, from colours and geometry alone; the decoder corrects it."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_model.prompt_encoder import BACKGROUND, BOX_BOTTOM_RIGHT, BOX_TOP_LEFT, FOREGROUND

CERTAIN = 3.0  # logit of a pixel that the guess is sure of
CUT_SIDE = 96  # pixels of the cut on each side
ITERATIONS = 3
MARGIN = 0.25  # of the box on each side; colours further away say little about the surroundings of the object
MARGIN_PIXELS = 8
ENOUGH_PIXELS = 10  # on either side, for a model of their colours
SMALLEST_SHARE = 0.2  # of a tight box; a cut that leaves less has collapsed
CLICK_REACH = 0.25  # of the image side, how far a clicked object may extend
CLICK_RADIUS = 0.03  # of the image side, what surely belongs to a click

Labels = NDArray[np.int64]
Points = NDArray[np.float32]
Trimap = NDArray[np.uint8]


class Region(NamedTuple):
    """Pixel columns x0 to x1 and rows y0 to y1, ends excluded."""

    x0: int
    y0: int
    x1: int
    y1: int


def guess_mask(image: NDArray[np.uint8], points: Points, labels: Labels) -> NDArray[np.float32]:
    """Logits (S, S) of the object that points and box corners mean, by GrabCut (Rother et al. 2004) around it.

    Args:
        image: (S, S, 3) RGB.
        points: (P, 2) x, y in pixels.
        labels: (P,) kinds of points, see `prompt_encoder`.
    """
    side = len(image)
    region = _object_region(points, labels, side)
    crop = _widen(region, side)
    trimap = _trimap(region, points, labels, side)[crop.y0 : crop.y1, crop.x0 : crop.x1]
    found = _cut(np.ascontiguousarray(image[crop.y0 : crop.y1, crop.x0 : crop.x1]), trimap)
    if found.sum() < SMALLEST_SHARE * (trimap == cv2.GC_PR_FGD).sum():
        found = _ellipse(region, side)[crop.y0 : crop.y1, crop.x0 : crop.x1]
    logits = np.full((side, side), -CERTAIN, np.float32)
    logits[crop.y0 : crop.y1, crop.x0 : crop.x1][found] = CERTAIN
    return logits


def _object_region(points: Points, labels: Labels, side: int) -> Region:
    """The box, or without one what lies within reach of the positive clicks."""
    corners = points[(labels == BOX_TOP_LEFT) | (labels == BOX_BOTTOM_RIGHT)]
    reach = 0.0
    if len(corners) != 2:
        corners, reach = points[labels == FOREGROUND], CLICK_REACH * side
    if not len(corners):
        return Region(0, 0, side, side)
    x0, y0 = np.clip(np.floor(corners.min(0) - reach), 0, side - 1).astype(int)
    x1, y1 = np.clip(np.ceil(corners.max(0) + reach), (x0 + 1, y0 + 1), side).astype(int)
    return Region(int(x0), int(y0), int(x1), int(y1))


def _widen(region: Region, side: int) -> Region:
    x = int((region.x1 - region.x0) * MARGIN) + MARGIN_PIXELS
    y = int((region.y1 - region.y0) * MARGIN) + MARGIN_PIXELS
    return Region(max(region.x0 - x, 0), max(region.y0 - y, 0), min(region.x1 + x, side), min(region.y1 + y, side))


def _trimap(region: Region, points: Points, labels: Labels, side: int) -> Trimap:
    """What is surely, perhaps and surely not the object: (S, S)."""
    trimap: Trimap = np.full((side, side), cv2.GC_BGD, np.uint8)
    trimap[region.y0 : region.y1, region.x0 : region.x1] = cv2.GC_PR_FGD
    radius = max(int(CLICK_RADIUS * side), 1)
    for (x, y), label in zip(points, labels, strict=True):
        if label in (FOREGROUND, BACKGROUND):
            value = cv2.GC_FGD if label == FOREGROUND else cv2.GC_BGD
            cv2.circle(trimap, (int(x), int(y)), radius, value, -1)
    return trimap


def _cut(image: NDArray[np.uint8], trimap: Trimap) -> NDArray[np.bool_]:
    """The object's pixels by GrabCut; everything possible where there is no background to compare with."""
    size = (CUT_SIDE, CUT_SIDE)
    cut = np.asarray(cv2.resize(trimap, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    possible = np.count_nonzero(cut & 1)  # odd values are the object's
    if min(possible, cut.size - possible) >= ENOUGH_PIXELS:
        background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)  # GrabCut clusters with OpenCV's global generator; the same prompt shall give the same mask
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        cv2.grabCut(small, cut, (0, 0, 1, 1), background, foreground, ITERATIONS, cv2.GC_INIT_WITH_MASK)
    height, width = trimap.shape
    kept = cv2.resize(cut & 1, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(kept, bool)


def _ellipse(region: Region, side: int) -> NDArray[np.bool_]:
    """The ellipse that fills the region, on the whole image."""
    ellipse = np.zeros((side, side), np.uint8)
    centre = (region.x0 + region.x1) // 2, (region.y0 + region.y1) // 2
    axes = max((region.x1 - region.x0) // 2, 1), max((region.y1 - region.y0) // 2, 1)
    cv2.ellipse(ellipse, centre, axes, 0, 0, 360, 1, -1)
    return ellipse > 0
