"""Views: the part of the frame that a prompt is about, enlarged, so that small and thin things are read sharply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sam2s_model.network import PromptBatch
from sam2s_model.prompt_encoder import BOX_BOTTOM_RIGHT, BOX_TOP_LEFT, NO_POINT

STRIDE = 4  # pixels of a mask cell, in the frame and in the view
BOX_CONTEXT, BOX_MARGIN, SMALLEST_BOX_VIEW = 1.5, 16, 96
MASK_CONTEXT, MASK_MARGIN, SMALLEST_MASK_VIEW = 2.0, 32, 128  # a mask so far may have missed much of the object
CLASS_CONTEXT, CLASS_MARGIN, SMALLEST_CLASS_VIEW = 1.2, 16, 96


Extent: TypeAlias = tuple[float, float, float, float]  # x0, y0, x1, y1


class View(NamedTuple):
    """A square of the frame: columns x to x + side, rows y to y + side, in pixels; multiples of `STRIDE`."""

    x: int
    y: int
    side: int


def choose_views(prompt: PromptBatch, frame_side: int) -> list[View]:
    """What each of N prompts is about: its box; without one the mask so far and the clicks on it; else the frame."""
    masks = [None] * len(prompt.points) if prompt.previous_logits is None else list(prompt.previous_logits[:, 0] > 0)
    prompts = zip(prompt.points.cpu(), prompt.labels.cpu(), masks, strict=True)
    return [_choose(points, labels, mask, frame_side) for points, labels, mask in prompts]


def choose_mask_views(masks: Tensor, frame_side: int) -> list[View]:
    """Where each of N objects is, masks (N, 1, S/4, S/4) with at least a cell each."""
    sizes = (CLASS_CONTEXT, CLASS_MARGIN, SMALLEST_CLASS_VIEW)
    return [_around(_extent(_corners(mask)), *sizes, frame_side) for mask in masks[:, 0]]


def view_of_mask(mask: NDArray[np.bool_], frame_side: int) -> View:
    """Where to look again for an object with a mask (S/4, S/4) of at least a cell, which may miss much of it."""
    ys, xs = np.nonzero(mask)
    extent = (STRIDE * xs.min(), STRIDE * ys.min(), STRIDE * (xs.max() + 1), STRIDE * (ys.max() + 1))
    return _around(extent, MASK_CONTEXT, MASK_MARGIN, SMALLEST_MASK_VIEW, frame_side)


def _choose(points: Tensor, labels: Tensor, mask: Tensor | None, frame_side: int) -> View:
    given = points[labels != NO_POINT]
    corners = points[(labels == BOX_TOP_LEFT) | (labels == BOX_BOTTOM_RIGHT)]
    if mask is not None and mask.any():
        seen = torch.cat((given, _corners(mask)))
        return _around(_extent(seen), MASK_CONTEXT, MASK_MARGIN, SMALLEST_MASK_VIEW, frame_side)
    if len(corners) == 2:
        return _around(_extent(given), BOX_CONTEXT, BOX_MARGIN, SMALLEST_BOX_VIEW, frame_side)
    return View(0, 0, frame_side)


def _corners(mask: Tensor) -> Tensor:
    """Outer corners (2, 2) of a mask (S/4, S/4) in pixels."""
    cells = mask.nonzero().cpu().flip(1).float()
    return torch.stack((cells.amin(0), cells.amax(0) + 1)) * STRIDE


def _extent(points: Tensor) -> Extent:
    """The smallest and largest x and y of points (P, 2)."""
    x0, y0 = points.amin(0).tolist()
    x1, y1 = points.amax(0).tolist()
    return x0, y0, x1, y1


def _around(extent: Extent, context: float, margin: int, smallest: int, frame_side: int) -> View:
    """The view around an extent, moved so that it lies within the frame."""
    x0, y0, x1, y1 = (min(max(float(end), 0.0), frame_side) for end in extent)
    wanted = max(max(x1 - x0, y1 - y0) * context + margin, smallest)
    side = min(-(-int(wanted) // STRIDE) * STRIDE, frame_side)
    x, y = (int(centre - side / 2) // STRIDE * STRIDE for centre in ((x0 + x1) / 2, (y0 + y1) / 2))
    return View(min(max(x, 0), frame_side - side), min(max(y, 0), frame_side - side), side)


def cut_image(image: Tensor, views: Sequence[View], side: int) -> Tensor:
    """What N views show of a frame (1, 3, S, S), as (N, 3, side, side)."""
    shown = [image[..., v.y : v.y + v.side, v.x : v.x + v.side] for v in views]
    return torch.cat([_resize(part, side) for part in shown])


def cut_logits(logits: Tensor, views: Sequence[View], side: int) -> Tensor:
    """What N views show of masks (N, 1, S/4, S/4), as (N, 1, side, side)."""
    parts = zip(torch.split(logits, 1), (View(*(n // STRIDE for n in view)) for view in views), strict=True)
    return torch.cat([_resize(part[..., v.y : v.y + v.side, v.x : v.x + v.side], side) for part, v in parts])


def paste_logits(logits: Tensor, views: Sequence[View], frame_side: int, outside: float) -> Tensor:
    """Put masks of N views (N, 1, h, w) where they belong, (N, 1, S/4, S/4); `outside` is the logit elsewhere."""
    cells = frame_side // STRIDE
    pasted = []
    for part, view in zip(torch.split(logits, 1), views, strict=True):
        x, y, side = (n // STRIDE for n in view)
        around = (x, cells - x - side, y, cells - y - side)
        pasted.append(F.pad(_resize(part, side), around, value=outside))
    return torch.cat(pasted)


def points_in_views(points: Tensor, views: Sequence[View]) -> Tensor:
    """Points (N, P, 2) of the frame as shares of their view's side, 0 to 1 within it."""
    corners = points.new_tensor([(view.x, view.y) for view in views])
    sides = points.new_tensor([view.side for view in views])
    return (points - corners[:, None]) / sides[:, None, None]


def _resize(maps: Tensor, side: int) -> Tensor:
    if maps.shape[-1] == side:
        return maps
    return F.interpolate(maps, (side, side), mode='bilinear', antialias=maps.shape[-1] > side)
