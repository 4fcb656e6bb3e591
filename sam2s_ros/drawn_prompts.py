"""Points, boxes and masks as plain values, the way they stand in a prompt script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sam2s_model import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from sam2s_ros.coco_runs import coco_counts, mask_of_coco

DRAWN = frozenset({'box', 'points', 'point_labels', 'mask'})  # the names that these values have


def read_drawn(values: dict[str, Any], folder: Path) -> Prompt:
    """The prompt that some of the values `DRAWN` make; mask files are looked for from `folder`.

    Raises:
        ValueError: They make none.
    """
    if 'mask' in values:
        if others := sorted(DRAWN & values.keys() - {'mask'}):
            raise ValueError(f'expected a mask alone, came a mask with {", ".join(others)}')
        return _mask(values['mask'], folder)
    points = tuple(_numbers(point, 2, 'a point [x, y]') for point in _listed(values, 'points'))
    labels = tuple(_label(label) for label in _listed(values, 'point_labels'))
    if len(points) != len(labels):
        raise ValueError(
            f'expected one of point_labels for each point, came {len(points)} points, {len(labels)} labels'
        )
    clicks = tuple((x, y) for x, y in points)
    if 'box' in values:
        x0, y0, x1, y1 = _numbers(values['box'], 4, 'a box [x0, y0, x1, y1]')
        return BoxPrompt((x0, y0, x1, y1), clicks, labels)
    if not clicks:
        raise ValueError('expected a box, points with point_labels, or a mask, came none of them')
    return PointPrompt(clicks, labels)


def drawn_values(prompt: Prompt) -> dict[str, Any]:
    """A prompt as plain values; masks as COCO run lengths."""
    if isinstance(prompt, MaskPrompt):
        return {'mask': {'size': list(prompt.mask.shape), 'counts': coco_counts(prompt.mask)}}
    box = {'box': [float(edge) for edge in prompt.box]} if isinstance(prompt, BoxPrompt) else {}
    if not prompt.points:
        return box
    points = [[float(x), float(y)] for x, y in prompt.points]
    return box | {'points': points, 'point_labels': [int(label) for label in prompt.labels]}


def _mask(value: Any, folder: Path) -> MaskPrompt:
    if not isinstance(value, str):
        return MaskPrompt(mask_of_coco(value))
    image = cv2.imread(str(folder / value), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError(f'expected a mask image at {folder / value}, came no file that can be read as one')
    return MaskPrompt(np.asarray(image) != 0)


def _listed(values: dict[str, Any], name: str) -> list[Any]:
    listed = values.get(name, [])
    if not isinstance(listed, list):
        raise ValueError(f'expected a list of {name}, came {listed!r}')
    return listed


def _numbers(value: Any, count: int, what: str) -> list[float]:
    try:
        numbers = [float(number) for number in value]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count:
        raise ValueError(f'expected {what}, came {value!r}')
    return numbers


def _label(value: Any) -> int:
    if value not in (0, 1):
        raise ValueError(f'expected point_labels of 1 on the object and 0 beside it, came {value!r}')
    return int(value)
