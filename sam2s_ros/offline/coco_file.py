"""All masks as one COCO file, which `pycocotools.coco.COCO` opens; written while the recording goes by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam2s_ros.tracked_image import TrackedImage, TrackedObject


class CocoFile:
    """One image of the file for each that was tracked, one annotation for each mask that is not empty.

    Beside what COCO knows, images have `topic` and `stamp_ns`, and annotations `object_id`, `state`, `score` and
    `presence`. Use it in a `with` statement.
    """

    def __init__(self, path: Path, description: str) -> None:
        self._file = path.open('w', encoding='utf-8')
        self._description = description
        self._images: list[dict[str, Any]] = []
        self._categories: dict[str, int] = {}
        self._annotations = 0
        self._file.write('{"annotations": [')

    def __enter__(self) -> CocoFile:
        return self

    def __exit__(self, *_: object) -> None:
        categories = [{'id': number, 'name': name} for name, number in self._categories.items()]
        rest = {'images': self._images, 'categories': categories, 'info': {'description': self._description}}
        self._file.write('\n],\n' + json.dumps(rest)[1:] + '\n')
        self._file.close()

    def add(self, topic: str, tracked: TrackedImage) -> None:
        """Write the masks of an image."""
        height, width, _ = tracked.rgb.shape
        number = len(self._images) + 1
        name, stamp = f'{topic.strip("/")}/{tracked.image.stamp_ns}', tracked.image.stamp_ns
        about = {'id': number, 'file_name': name, 'height': height, 'width': width, 'topic': topic, 'stamp_ns': stamp}
        self._images.append(about)
        for found in tracked.objects:
            if found.area:
                self._write(found, number)

    def _write(self, found: TrackedObject, image: int) -> None:
        runs, name = found.runs, found.object_class.name or 'unknown'
        self._annotations += 1
        annotation = {
            'id': self._annotations,
            'image_id': image,
            'category_id': self._categories.setdefault(name, len(self._categories) + 1),
            'segmentation': packed_runs(found.mask),
            'area': found.area,
            'bbox': [runs.x, runs.y, runs.width, runs.height],
            'iscrowd': 0,
            'score': float(found.score),
            'presence': float(found.presence),
            'object_id': found.identity.object_id,
            'state': found.state.name,
        }
        self._file.write((',\n' if self._annotations > 1 else '\n') + json.dumps(annotation))


def packed_runs(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """A mask (H, W) bool as COCO's packed run lengths."""
    from pycocotools import mask as coco

    packed = coco.encode(np.asfortranarray(mask, np.uint8))
    return {'size': [int(side) for side in packed['size']], 'counts': packed['counts'].decode('ascii')}
