"""Sample pictures: what was predicted on the frames of a clip, beside the truth."""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor

from sam2s_model.training.clip_loss import ClipOutcome
from sam2s_model.training.clips import Clip
from sam2s_model.training.videos import Images, Masks

COLOURS = ((230, 60, 60), (60, 180, 75), (60, 100, 230), (245, 200, 40), (200, 70, 220), (70, 220, 220))  # RGB
FILL = 0.45  # opacity of a predicted mask
MOST_FRAMES = 8


def draw_clip(clip: Clip, outcome: ClipOutcome) -> Images:
    """The first frames of a clip side by side (H, W, 3): predicted masks filled, true ones outlined."""
    tiles = []
    for t, logits in enumerate(outcome.mask_logits[:MOST_FRAMES]):
        tiles.append(_draw(clip.frames[t], _scale_up(logits, len(clip.frames[t])), clip.masks[:, t]))
    return np.concatenate(tiles, axis=1)


def _scale_up(logits: Tensor, side: int) -> Masks:
    planes = logits[:, 0].float().cpu().numpy()
    return np.stack([cv2.resize(plane, (side, side), interpolation=cv2.INTER_LINEAR) > 0 for plane in planes])


def _draw(frame: Images, predicted: Masks, true: Masks) -> Images:
    picture = frame.astype(np.float32)
    for number, mask in enumerate(predicted):
        picture[mask] += FILL * (np.array(_colour(number), np.float32) - picture[mask])
    drawn = np.ascontiguousarray(picture.round(), np.uint8)
    for number, mask in enumerate(true):
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outlines, -1, _colour(number), 1)
    return drawn


def _colour(number: int) -> tuple[int, int, int]:
    return COLOURS[number % len(COLOURS)]
