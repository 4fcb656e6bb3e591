"""COCO's run lengths agree with pycocotools, packed and as numbers."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco

from sam2s_ros.coco_runs import coco_counts, mask_of_coco

DRAWN = np.random.default_rng(3).random((7, 5)) > 0.5
MASKS = {'drawn': DRAWN, 'starts inside': DRAWN | (np.indices((7, 5)).sum(0) == 0), 'empty': DRAWN & False,
         'full': DRAWN | True}  # fmt: skip


@pytest.mark.parametrize('mask', MASKS.values(), ids=MASKS)
def test_pycocotools_reads_what_is_written(mask: np.ndarray) -> None:
    packed = coco.frPyObjects({'size': list(mask.shape), 'counts': coco_counts(mask)}, *mask.shape)
    np.testing.assert_array_equal(coco.decode(packed), mask)


@pytest.mark.parametrize('mask', MASKS.values(), ids=MASKS)
def test_masks_are_read_as_written(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(mask_of_coco({'size': list(mask.shape), 'counts': coco_counts(mask)}), mask)


@pytest.mark.parametrize('mask', MASKS.values(), ids=MASKS)
def test_packed_masks_are_read(mask: np.ndarray) -> None:
    packed = coco.encode(np.asfortranarray(mask, np.uint8))
    np.testing.assert_array_equal(mask_of_coco(packed | {'counts': packed['counts'].decode()}), mask)


@pytest.mark.parametrize(
    ('runs', 'message'),
    [
        ({'counts': [4]}, 'expected a mask .size: .height, width., counts'),
        ({'size': [2], 'counts': [4]}, r'expected the mask size .height, width., came .2.'),
        ({'size': [2, 2], 'counts': [5]}, 'expected mask counts that fill 2 × 2 = 4 pixels, came 5 pixels'),
        ({'size': [2, 2], 'counts': [-1, 5]}, 'fill 2 × 2 = 4 pixels, came'),
        ({'size': [2, 2], 'counts': ['4']}, 'fill 2 × 2 = 4 pixels, came'),
    ],
)
def test_bad_run_lengths_are_refused(runs: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mask_of_coco(runs)
