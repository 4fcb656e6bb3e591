"""Prompts that a careful person would have given, made from the true mask (model of SAM 2's evaluation).

Click 1 is the mask's centre: the pixel farthest from its edge. Every further click corrects the larger error of the
present result: it adds the centre of what is missing or takes away the centre of what is too much.
"""

from __future__ import annotations

from typing import Literal, Protocol, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_model.masklet import Frame, FrameResult
from sam2s_model.prompt import BoxPrompt, MaskPrompt, Point, PointPrompt, Prompt

PromptKind = Literal['1click', '3click', '5click', 'box', 'mask']
PROMPT_KINDS: tuple[PromptKind, ...] = get_args(PromptKind)

Mask = NDArray[np.bool_]


class Promptable(Protocol):
    """The one verb of the tracker that prompting needs."""

    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult: ...


class VideoTracker(Promptable, Protocol):
    """The verbs of the tracker that an evaluation needs; the peers have the same."""

    def step(self, frame: Frame) -> FrameResult: ...

    def reset(self) -> None: ...


def prompt_object(tracker: Promptable, frame: Frame, object_id: str, truth: Mask, kind: PromptKind) -> FrameResult:
    """Point at an object as `kind` says, its true (H, W) mask in view; the result holds every object of the frame."""
    if kind == 'box':
        return tracker.prompt(frame, object_id, tight_box(truth))
    if kind == 'mask':
        return tracker.prompt(frame, object_id, MaskPrompt(truth))
    return _click(tracker, frame, object_id, truth, clicks=int(kind.removesuffix('click')))


def _click(tracker: Promptable, frame: Frame, object_id: str, truth: Mask, clicks: int) -> FrameResult:
    result = tracker.prompt(frame, object_id, PointPrompt((centre_of(truth),), (1,)))
    for _ in range(clicks - 1):
        click = correcting_click(truth, result[object_id].mask)
        if click is None:
            break
        result = tracker.prompt(frame, object_id, click)
    return result


def tight_box(mask: Mask) -> BoxPrompt:
    """The smallest box that holds all of the mask's pixels, from their outer edges."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        raise ValueError('an empty mask has no box; prompt an object on a frame where it is seen')
    return BoxPrompt((float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)))


def centre_of(mask: Mask) -> Point:
    """The pixel (x, y) farthest from the mask's edge; the image's border counts as edge."""
    if not mask.any():
        raise ValueError('an empty mask has no centre; prompt an object on a frame where it is seen')
    return _deepest(_depth(mask))


def correcting_click(truth: Mask, predicted: Mask) -> PointPrompt | None:
    """The click that corrects the larger error, None when there is none.

    It is an object click only if the deepest missing pixel lies strictly deeper than the deepest pixel that is too
    much.
    """
    missing, excess = _depth(truth & ~predicted), _depth(predicted & ~truth)
    if not missing.any() and not excess.any():
        return None
    if missing.max() > excess.max():
        return PointPrompt((_deepest(missing),), (1,))
    return PointPrompt((_deepest(excess),), (0,))


def _depth(mask: Mask) -> NDArray[np.float32]:
    """Distance (H, W) of each pixel of the mask to the nearest pixel outside it, in pixels; 0 outside."""
    padded = np.pad(mask, 1).astype(np.uint8)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance[1:-1, 1:-1], dtype=np.float32)


def _deepest(depth: NDArray[np.float32]) -> Point:
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x), float(y)
