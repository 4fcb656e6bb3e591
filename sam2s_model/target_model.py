"""Target models: what an object looks like, told apart from the rest of a frame by a linear model.

Matching asks which remembered cell a cell resembles, whatever makes them alike, in cells of eight pixels. A target
model learns which channels tell the object from everything else, and draws it at stride 4. That of Robinson et al.
(2020) is fitted by gradient steps; this is a logistic regression, fitted by Newton's method. What a frame teaches is
kept as the parabola that its loss is there: lessons add up, and old ones fade without the frame being seen again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import NamedTuple

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
READY_WEIGHTS = 64  # of objects that are tracked at once


class Lesson(NamedTuple):
    """What frames teach about the D weights w of a model: their loss is near ½ wᵀ P w - wᵀ q.

    Attributes:
        precision: (D, D) P, how much is known.
        pull: (D,) q, P times the weights asked for.
    """

    precision: Tensor
    pull: Tensor

    def times(self, share: float) -> Lesson:
        """The same lesson with another weight."""
        return Lesson(share * self.precision, share * self.pull)

    def and_also(self, other: Lesson) -> Lesson:
        """What both teach together."""
        return Lesson(self.precision + other.precision, self.pull + other.pull)


class SeenCells(NamedTuple):
    """The cells of a frame that a model learns from.

    Attributes:
        looks: (L, D) what each looks like.
        labels: (L,) in [0, 1], how much of it the object covers.
        counts: (L,) how much it counts.
    """

    looks: Tensor
    labels: Tensor
    counts: Tensor


def fit_target_model(appearance: Sequence[Tensor], mask: Tensor) -> Lesson | None:
    """Learn what tells an object from the rest of a frame.

    Args:
        appearance: Maps (1, C, h, w) of the frame, from `stream_basis.spread_out`, the finest first.
        mask: (h, w) in [0, 1], at the resolution of the finest map.

    Returns:
        What the frame teaches about weights (D,), one for each channel and one more; None where the mask shows nothing.
    """
    if mask.sum() < SEEN_CELLS:
        return None
    with in_float32(mask):
        cells = _look_at(appearance, mask, step=1)
        lesson = _learn(cells, cells.looks.new_zeros(cells.looks.shape[1]))
        for _ in range(NEWTON_STEPS - 1):
            lesson = _learn(cells, _solve((lesson,)))
        return lesson


def learn_more(appearance: Sequence[Tensor], mask: Tensor, weights: Tensor) -> Lesson:
    """What another frame teaches a model with weights (D,): one step of Newton's method, on a quarter of the cells."""
    with in_float32(mask):
        return _learn(_look_at(appearance, mask, step=2), weights)


@lru_cache(maxsize=READY_WEIGHTS)
def best_weights(lessons: tuple[Lesson, ...]) -> Tensor:
    """Weights (D,) of the least loss after some lessons, with decay; a lesson stays the same for many frames."""
    with in_float32(lessons[0].pull):
        return _solve(lessons)


def _solve(lessons: Sequence[Lesson]) -> Tensor:
    precision, pull = reduce(Lesson.and_also, lessons)
    weights: Tensor = torch.linalg.solve(precision + DECAY * torch.eye(len(pull), device=pull.device), pull)
    return weights


def _learn(cells: SeenCells, weights: Tensor) -> Lesson:
    """The parabola that touches the logistic loss of cells at weights (D,)."""
    found = (cells.looks @ weights).sigmoid()
    slope = cells.looks.T @ (cells.counts * (found - cells.labels))
    curvature = cells.counts * (found * (1 - found)).clamp_min(LEAST_CURVATURE)
    precision = (cells.looks * curvature.unsqueeze(1)).T @ cells.looks
    return Lesson(precision, precision @ weights - slope)


def _look_at(appearance: Sequence[Tensor], mask: Tensor, step: int) -> SeenCells:
    """Every cell near the object in both directions, or every `step`-th, and half as close elsewhere.

    The object counts as much as the rest, and a cell of both about as much as a cell of matching, which is four.
    """
    near = F.max_pool2d(mask[None], 2 * NEAR + 1, stride=1, padding=NEAR)[0] > 0
    chosen = torch.zeros_like(near)
    chosen[::step, ::step] = near[::step, ::step]
    chosen[:: 2 * step, :: 2 * step] = True
    inside = mask.sum()
    balance = ((mask.numel() - inside) / inside.clamp_min(SMALL)).clamp(1.0, MOST_BALANCE)
    counts = torch.where(near, 0.25, 1.0) * step**2 * (1 + (balance - 1) * mask)
    return SeenCells(_gather(appearance, chosen), mask[chosen], counts[chosen])


def _gather(appearance: Sequence[Tensor], chosen: Tensor) -> Tensor:
    """(L, D) what the chosen cells (h, w) of the finest map look like."""
    cells = chosen.flatten().nonzero().squeeze(1)
    rows = [resized(m, chosen.shape).permute(0, 2, 3, 1).flatten(0, 2).index_select(0, cells) for m in appearance]
    return torch.cat([*rows, rows[0].new_full((len(cells), 1), CONSTANT)], dim=1)


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
