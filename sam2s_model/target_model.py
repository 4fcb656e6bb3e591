"""Target models: what an object looks like, told apart from the rest of a prompted frame by a linear model.

Matching asks which remembered cell a cell resembles, whatever makes them alike, in cells of eight pixels. A target
model learns which channels tell the object from everything else, and draws it at stride 4. That of Robinson et al.
(2020) is fitted by gradient steps and updated from its own masks; this is a logistic regression, fitted by Newton's
method on each prompted frame alone: a mask that nobody has vouched for teaches it nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.precision import in_float32
from sam2s_model.stream_basis import resized

NEWTON_STEPS = 5
DECAY = 0.2  # of the weights, half of it times their squared length is added to the loss
LEAST_CURVATURE = 0.01  # of a cell, however sure the model is of it
MOST_BALANCE = 20.0  # a cell of the object counts at most so many times as much as one beside it
CONSTANT = 0.3  # the last of the channels, of about the size of the others
NEAR = 4  # cells at stride 4 around the object, all of which are looked at
SMALL = 16.0  # cells, below which an object does not gain weight any more
SEEN_CELLS = 0.5  # at stride 4, below which a mask shows nothing to learn from


def fit_target_model(appearance: Sequence[Tensor], mask: Tensor) -> Tensor | None:
    """Learn what tells an object from the rest of a frame.

    Args:
        appearance: Maps (1, C, h, w) of the frame, from `stream_basis.spread_out`, the finest first.
        mask: (h, w) in [0, 1], at the resolution of the finest map.

    Returns:
        Weights (D,), one for each channel and one more; None where the mask shows nothing.
    """
    if mask.sum() < SEEN_CELLS:
        return None
    chosen, counts = _choose(mask)
    with in_float32(mask):
        return _minimise(_join(appearance)[chosen.flatten()], mask[chosen], counts)


def _minimise(cells: Tensor, labels: Tensor, counts: Tensor) -> Tensor:
    """Weights (D,) of the least logistic loss on cells (L, D), with decay; Newton's method, from 0."""
    weights = cells.new_zeros(cells.shape[1])
    decay = DECAY * torch.eye(len(weights), device=cells.device)
    for _ in range(NEWTON_STEPS):
        found = (cells @ weights).sigmoid()
        slope = cells.T @ (counts * (found - labels)) + DECAY * weights
        curvature = counts * (found * (1 - found)).clamp_min(LEAST_CURVATURE)
        hessian = (cells * curvature.unsqueeze(1)).T @ cells + decay
        weights = weights - torch.linalg.solve(hessian, slope)
    return weights


def _choose(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Which cells to learn from (h, w), all near the object and every fourth elsewhere, and how much each counts (L,).

    The object counts as much as the rest, and a cell of both about as much as a cell of matching, which is four.
    """
    near = F.max_pool2d(mask[None], 2 * NEAR + 1, stride=1, padding=NEAR)[0] > 0
    chosen = near.clone()
    chosen[::2, ::2] = True
    inside = mask.sum()
    balance = ((mask.numel() - inside) / inside.clamp_min(SMALL)).clamp(1.0, MOST_BALANCE)
    counts = torch.where(near, 0.25, 1.0) * (1 + (balance - 1) * mask)
    return chosen, counts[chosen]


def apply_target_models(appearance: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Logits (N, 1, h, w) of N objects, weights (N, D), on another frame."""
    *parts, constant = torch.split(weights, [*(m.shape[1] for m in appearance), 1], dim=1)
    size = appearance[0].shape[-2:]
    drawn = (resized(_along(*pair), size) for pair in zip(appearance, parts, strict=True))
    return sum(drawn, start=CONSTANT * constant.view(-1, 1, 1, 1))


def _along(features: Tensor, weights: Tensor) -> Tensor:
    """Features (1, C, h, w) along weights (N, C): (N, 1, h, w)."""
    cells = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])
    return (weights @ cells.T).view(len(weights), 1, *features.shape[-2:])


def _join(appearance: Sequence[Tensor]) -> Tensor:
    """(h·w, D) what each cell of the finest map looks like."""
    size = appearance[0].shape[-2:]
    channels = torch.cat([resized(features, size) for features in appearance], dim=1)[0].flatten(1)
    return F.pad(channels, (0, 0, 0, 1), value=CONSTANT).T
