"""Prompts and corrections as a person would give them, drawn from ground truth (SAM 2, training prompts)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sam2s_model.innermost import innermost
from sam2s_model.network import PREVIOUS_LOGIT_LIMIT, PromptBatch
from sam2s_model.prompt_encoder import BACKGROUND, BOX_BOTTOM_RIGHT, BOX_TOP_LEFT, FOREGROUND

PromptKind = Literal['mask', 'box', 'click']
KINDS: tuple[PromptKind, ...] = ('mask', 'box', 'click')
BOX_NOISE, BOX_NOISE_LIMIT = 0.1, 20.0  # of the side, and in pixels (SAM 2)

Masks = NDArray[np.bool_]


def simulate(
    rng: np.random.Generator,
    kind: PromptKind,
    masks: Masks,
    noise: float = BOX_NOISE,
    noise_limit: float = BOX_NOISE_LIMIT,
    central: float = 0.0,
) -> PromptBatch:
    """First prompts for N objects with masks (N, S, S), none of them empty; see `PromptSettings`."""
    if kind == 'mask':
        empty = torch.zeros(len(masks), 0, 2)
        return PromptBatch(empty, empty[..., 0], mask=torch.from_numpy(masks).float().unsqueeze(1))
    if kind == 'click':
        return _batch([[_click(rng, mask, central)] for mask in masks], [[FOREGROUND]] * len(masks))
    corners = [_noisy_box(rng, mask, noise, noise_limit) for mask in masks]
    return _batch(corners, [[BOX_TOP_LEFT, BOX_BOTTOM_RIGHT]] * len(masks))


def correct(
    rng: np.random.Generator,
    prompt: PromptBatch | None,
    logits: Tensor,
    masks: Masks,
    on_object: bool = False,
    central: float = 0.0,
) -> PromptBatch:
    """Add a click for each object to what was prompted on the frame.

    Args:
        rng: Draws the clicks.
        prompt: What was prompted so far, None on a frame that was tracked.
        logits: (N, 1, S/4, S/4) the masks that the clicks correct.
        masks: (N, S, S) the truth.
        on_object: Click anywhere on the object instead of on an error.
        central: How often a click falls as far from the edge of the error as it can.
    """
    side = masks.shape[-1]
    logits = logits.detach().float()
    guesses = torch.nn.functional.interpolate(logits, (side, side), mode='bilinear')[:, 0].cpu().numpy() > 0
    points, labels = [], []
    for mask, guess in zip(masks, guesses, strict=True):
        wrong = mask if on_object and mask.any() else mask ^ guess
        point = _click(rng, wrong if wrong.any() else np.ones_like(mask), central)
        points.append([point])
        labels.append([FOREGROUND if mask[int(point[1]), int(point[0])] else BACKGROUND])
    clicks = _batch(points, labels)
    if prompt is not None:
        points_so_far, labels_so_far = prompt.points.cpu(), prompt.labels.cpu()
        clicks = PromptBatch(torch.cat((points_so_far, clicks.points), 1), torch.cat((labels_so_far, clicks.labels), 1))
    return clicks._replace(previous_logits=logits.clamp(-PREVIOUS_LOGIT_LIMIT, PREVIOUS_LOGIT_LIMIT))


def _batch(points: list[list[tuple[float, float]]], labels: list[list[int]]) -> PromptBatch:
    return PromptBatch(torch.tensor(points, dtype=torch.float32), torch.tensor(labels))


def _click(rng: np.random.Generator, mask: Masks, central: float) -> tuple[float, float]:
    """A pixel (x, y) of the mask: by chance the one farthest from its edge, else any."""
    if central and rng.random() < central:
        x, y = innermost(mask)
        return float(x), float(y)
    return _pick(rng, mask)


def _pick(rng: np.random.Generator, mask: Masks) -> tuple[float, float]:
    """A pixel (x, y) of the mask, all equally likely."""
    ys, xs = np.nonzero(mask)
    chosen = int(rng.integers(len(xs)))
    return float(xs[chosen]), float(ys[chosen])


def _noisy_box(rng: np.random.Generator, mask: Masks, noise: float, limit: float) -> list[tuple[float, float]]:
    ys, xs = np.nonzero(mask)
    corners = np.array([[xs.min(), ys.min()], [xs.max() + 1, ys.max() + 1]], np.float32)
    reach = np.minimum((corners[1] - corners[0]) * noise, limit)
    noisy = np.clip(corners + rng.uniform(-reach, reach, (2, 2)), 0, mask.shape[-1])
    return [(float(x), float(y)) for x, y in noisy]
