"""What a person gives to say which object is meant: points, a box or a mask, on one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Point: TypeAlias = tuple[float, float]


class InvalidPrompt(ValueError):
    """The prompt cannot be used on this image; the message says why."""


class PromptOutsideImage(InvalidPrompt):
    """A coordinate of the prompt lies outside the image."""


@dataclass(frozen=True)
class PointPrompt:
    """Clicks on one object.

    Attributes:
        points: P points (x, y) in image pixels.
        labels: P labels, 1 on the object, 0 beside it.
    """

    points: tuple[Point, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class BoxPrompt:
    """A tight box around one object, with clicks if wanted.

    Attributes:
        box: (x0, y0, x1, y1) in image pixels, x0 < x1 and y0 < y1.
        points, labels: Clicks beside the box, as in `PointPrompt`.
    """

    box: tuple[float, float, float, float]
    points: tuple[Point, ...] = ()
    labels: tuple[int, ...] = ()


@dataclass(frozen=True)
class MaskPrompt:
    """The object's mask itself: (H, W) bool in image pixels, not empty."""

    mask: NDArray[np.bool_]


Prompt: TypeAlias = PointPrompt | BoxPrompt | MaskPrompt


def check_prompt(prompt: Prompt, height: int, width: int) -> None:
    """Refuse what cannot mean an object on a height × width image.

    Raises:
        PromptOutsideImage: A coordinate is outside the image or not finite.
        InvalidPrompt: Anything else that is wrong with the prompt.
    """
    if isinstance(prompt, MaskPrompt):
        _check_mask(prompt.mask, height, width)
        return
    if len(prompt.points) != len(prompt.labels):
        raise InvalidPrompt(
            f'{len(prompt.points)} points came with {len(prompt.labels)} labels; give one label a point'
        )
    if any(label not in (0, 1) for label in prompt.labels):
        raise InvalidPrompt(f'point labels must be 1 (object) or 0 (background), got {list(prompt.labels)}')
    for x, y in prompt.points:
        _check_inside(x, y, height, width)
    if isinstance(prompt, BoxPrompt):
        _check_box(prompt.box, height, width)
    elif not prompt.points:
        raise InvalidPrompt('the prompt is empty; give points, a box or a mask')


def _check_mask(mask: NDArray[np.bool_], height: int, width: int) -> None:
    if mask.shape != (height, width):
        raise InvalidPrompt(f'mask has shape {mask.shape}, the image has {(height, width)}')
    if not mask.any():
        raise InvalidPrompt('the mask is empty; at least one pixel must be set')


def _check_box(box: tuple[float, float, float, float], height: int, width: int) -> None:
    x0, y0, x1, y1 = box
    _check_inside(x0, y0, height, width)
    _check_inside(x1, y1, height, width)
    if x0 >= x1 or y0 >= y1:
        raise InvalidPrompt(f'box {box} is empty; expected (x0, y0, x1, y1) with x0 < x1 and y0 < y1')


def _check_inside(x: float, y: float, height: int, width: int) -> None:
    # The right and lower edge count as inside: a box may end where the image ends.
    if not (0 <= x <= width and 0 <= y <= height):
        raise PromptOutsideImage(f'({x}, {y}) lies outside the {width}×{height} image')
