"""A mask as COCO's run lengths: down the columns of the whole image, background first.

Prompt scripts hold them as plain numbers, which need no library; `pycocotools` reads and writes both this form and the
packed one, in which the numbers are a string.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def coco_counts(mask: NDArray[np.bool_]) -> list[int]:
    """The run lengths of a mask (H, W) bool."""
    pixels = np.asarray(mask, np.bool_).ravel(order='F')
    if pixels.size == 0:
        return []
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    edges = np.concatenate(([0, 0] if pixels[0] else [0], changes, [pixels.size]))
    counts: list[int] = np.diff(edges).tolist()
    return counts


def mask_of_coco(runs: Any) -> NDArray[np.bool_]:
    """The mask (H, W) bool of `{size: [H, W], counts: …}`, counts as numbers or packed into a string.

    Raises:
        ValueError: It is of another form, or the runs do not fill the image.
    """
    if not isinstance(runs, dict) or runs.keys() != {'size', 'counts'}:
        raise ValueError(f'expected a mask {{size: [height, width], counts: […]}}, came {runs!r:.80}')
    try:
        height, width = (int(side) for side in runs['size'])
    except (TypeError, ValueError) as error:
        raise ValueError(f'expected the mask size [height, width], came {runs["size"]!r:.80}') from error
    if isinstance(runs['counts'], str):
        return _unpacked(height, width, runs['counts'])
    return _mask_of_numbers(height, width, runs['counts'])


def _mask_of_numbers(height: int, width: int, counts: Any) -> NDArray[np.bool_]:
    is_list = isinstance(counts, list) and all(type(count) is int and count >= 0 for count in counts)
    if not is_list or sum(counts) != height * width:
        came = f'{sum(counts)} pixels' if is_list else f'{counts!r:.80}'
        raise ValueError(f'expected mask counts that fill {height} × {width} = {height * width} pixels, came {came}')
    is_object = np.arange(len(counts)) % 2 == 1
    return np.ascontiguousarray(np.repeat(is_object, counts).reshape(width, height).T)


def _unpacked(height: int, width: int, counts: str) -> NDArray[np.bool_]:
    from pycocotools import mask as coco

    try:
        (plain,) = coco.decode([{'size': [height, width], 'counts': counts.encode()}]).transpose(2, 0, 1)
    except ValueError as error:
        raise ValueError(f'expected packed COCO counts for {height} × {width} pixels, came {counts!r:.80}') from error
    return np.ascontiguousarray(plain, np.bool_)
