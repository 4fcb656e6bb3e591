"""Masks, outlines and names drawn over the image, for people."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_ros.label_image import label_image
from sam2s_ros.track_state import TrackState
from sam2s_ros.tracked_image import TrackedObject

GOLDEN_RATIO = 0.618034  # steps of this size around the colour circle keep neighbours far apart
TEXT_SIZE = 1 / 900  # of the image's height
SMALLEST_TEXT = 0.4  # what can still be read
CERTAIN = (TrackState.TRACKED, TrackState.TENTATIVE)


def _palette() -> NDArray[np.uint8]:
    # Tissue is red: begin at green, and leave the reds between 0.95 and 0.05 out.
    hues = [0.05 + 0.9 * ((0.3 + slot * GOLDEN_RATIO) % 1.0) for slot in range(256)]
    colours = np.array([colorsys.hsv_to_rgb(hue, 0.85, 1.0) for hue in hues])
    return np.round(colours * 255).astype(np.uint8)


PALETTE = _palette()  # (256, 3) RGB of each slot


def draw_overlay(
    rgb: NDArray[np.uint8], objects: Sequence[TrackedObject], alpha: float, note: str = ''
) -> NDArray[np.uint8]:
    """Return a copy of the image (H, W, 3) with all objects drawn.

    ``alpha`` in [0, 1] is the masks' opacity; ``note`` is written into the upper left corner.
    """
    overlay = np.array(rgb)
    if note:
        draw_text(overlay, note, (0, 0), overlay.shape[0] * TEXT_SIZE)
    seen = [tracked for tracked in objects if tracked.area]
    if not seen:
        return overlay
    _blend_masks(overlay, seen, alpha)
    for tracked in seen:
        _draw_outline(overlay, tracked)
    for tracked in seen:
        _draw_caption(overlay, tracked)
    return overlay


def colour_of(slot: int) -> tuple[int, int, int]:
    """The RGB colour in which a slot is drawn."""
    red, green, blue = PALETTE[slot].tolist()
    return red, green, blue


def _blend_masks(overlay: NDArray[np.uint8], seen: Sequence[TrackedObject], alpha: float) -> None:
    labels = label_image(seen, *overlay.shape[:2])
    for tracked in seen:
        pixels = overlay[tracked.runs.box]
        shown = (labels[tracked.runs.box] == tracked.identity.slot).view(np.uint8)
        cv2.copyTo(cv2.LUT(pixels, _blend_table(tracked.identity.slot, alpha)), shown, pixels)


@cache
def _blend_table(slot: int, alpha: float) -> NDArray[np.uint8]:
    """(1, 256, 3) what each value of red, green and blue becomes under the slot's colour."""
    values = np.arange(256)[None, :, None]
    table: NDArray[np.uint8] = np.round((1 - alpha) * values + alpha * PALETTE[slot]).astype(np.uint8)
    return table


def _draw_outline(overlay: NDArray[np.uint8], tracked: TrackedObject) -> None:
    inside = np.ascontiguousarray(tracked.mask[tracked.runs.box]).view(np.uint8)
    corner = (tracked.runs.x, tracked.runs.y)
    outlines, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE, offset=corner)
    cv2.drawContours(overlay, outlines, -1, colour_of(tracked.identity.slot), thickness=2)


def _draw_caption(overlay: NDArray[np.uint8], tracked: TrackedObject) -> None:
    # Above the mask's highest pixels: the corner of its box may lie far from a slanted instrument.
    left = int(np.flatnonzero(tracked.mask[tracked.runs.y])[0])
    draw_text(overlay, caption(tracked), (left, tracked.runs.y - 4), overlay.shape[0] * TEXT_SIZE)


def draw_text(image: NDArray[np.uint8], text: str, place: tuple[int, int], scale: float) -> None:
    """Write into an image (H, W, 3), in place: white with a dark edge, moved to where all of it is inside.

    Args:
        image: RGB or BGR.
        text: One line.
        place: Its lower left corner (x, y).
        scale: Size as OpenCV counts it, at least `SMALLEST_TEXT`.
    """
    scale = max(SMALLEST_TEXT, scale)
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x = max(2, min(place[0], image.shape[1] - width - 2))
    y = max(height + 2, min(place[1], image.shape[0] - height // 2 - 2))  # g and y reach below the line
    # Not a thicker stroke underneath: in OpenCV 5 thick letters are wider than thin ones.
    for dx, dy in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        cv2.putText(image, text, (x + dx, y + dy), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA)


def caption(tracked: TrackedObject) -> str:
    """The object's id, its class name, and its state where the mask cannot simply be trusted."""
    state = '' if tracked.state in CERTAIN else tracked.state.name.lower()
    return ' '.join(part for part in (tracked.identity.object_id, tracked.object_class.name, state) if part)
