"""What was seen: one object on one frame, true and predicted. Every figure of the evaluation is made from these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sam2s_model.data import LabelledFrame
from sam2s_model.evaluation.metrics import Mask, contour_accuracy, region_similarity
from sam2s_model.masklet import FrameResult

SAME_OBJECT = 0.5  # IoU from which on a mask counts as lying on an object


@dataclass(frozen=True)
class Moment:
    """One object on one annotated frame, from its prompt on.

    Attributes:
        frame: Number of the frame in the video. stamp_ns: Its stamp, nanoseconds.
        prompted: The object was prompted on this very frame.
        area: Pixels of the true mask, those to ignore left out. image_area: Pixels of the image.
        claimed: Pixels of the predicted mask, those to ignore left out.
        j, f: Region similarity and contour accuracy, in [0, 1].
        presence: What the tracker says of the object being there, in [0, 1].
        label: Class name that the tracker gives, empty when it gives none.
        follows: Id of the object whose true mask the predicted one lies on (IoU of 0.5 or more), None for none.
    """

    frame: int
    stamp_ns: int
    prompted: bool
    area: int
    image_area: int
    claimed: int
    j: float
    f: float
    presence: float
    label: str
    follows: str | None


def observe(index: int, frame: LabelledFrame, result: FrameResult, prompted: Mapping[str, int]) -> dict[str, Moment]:
    """Compare a result with an annotated frame, for each object of `prompted`, which gives the frame of its prompt."""
    kept = None if frame.ignored is None else ~frame.ignored
    masks = frame.masks or {}
    truths = {object_id: _without(mask, kept) for object_id, mask in masks.items() if object_id in prompted}
    moments = {}
    for object_id, prompted_at in prompted.items():
        found = result[object_id]
        predicted = _without(found.mask, kept)
        truth = truths.get(object_id)
        truth = np.zeros_like(predicted) if truth is None else truth
        j = region_similarity(predicted, truth)
        moments[object_id] = Moment(
            frame=index,
            stamp_ns=frame.stamp_ns,
            prompted=index == prompted_at,
            area=int(np.count_nonzero(truth)),
            image_area=truth.size,
            claimed=int(np.count_nonzero(predicted)),
            j=j,
            f=contour_accuracy(predicted, truth),
            presence=found.presence,
            label=found.label.name if found.label else '',
            follows=_followed(object_id, predicted, truths, j),
        )
    return moments


def _without(mask: Mask, kept: Mask | None) -> Mask:
    return mask if kept is None else mask & kept


def _followed(object_id: str, predicted: Mask, truths: Mapping[str, Mask], own: float) -> str | None:
    if not predicted.any():
        return None
    overlaps = {other: region_similarity(predicted, truth) for other, truth in truths.items() if other != object_id}
    if object_id in truths:
        overlaps[object_id] = own
    best = max(overlaps, key=lambda other: overlaps[other], default=None)
    return best if best is not None and overlaps[best] >= SAME_OBJECT else None
