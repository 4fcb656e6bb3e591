"""The trunk in 8-bit integers gives what it gives in float32, as nearly as bfloat16 does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from sam2s_model.build import SHIPPED_WEIGHTS
from sam2s_model.checkpoint import read_weights
from sam2s_model.compute import has_int8
from sam2s_model.image_transforms import to_input
from sam2s_model.int8_trunk import RANGES, Int8Trunk, read_ranges
from sam2s_model.lite_trunk import LITE0, LiteTrunk
from sam2s_model.phantom import generate, preset
from sam2s_model.training.trunk_ranges import measure_ranges

CPU = torch.device('cpu')

pytestmark = pytest.mark.skipif(not has_int8(CPU), reason='torch has no 8-bit kernels for this CPU')


@pytest.fixture(scope='module')
def trunk() -> LiteTrunk:
    trunk = LiteTrunk().eval().requires_grad_(False)
    prefix = 'trunk.'
    weights = read_weights(SHIPPED_WEIGHTS)
    trunk.load_state_dict({k.removeprefix(prefix): v.float() for k, v in weights.items() if k.startswith(prefix)})
    return trunk


def phantom_image(side: int, seed: int) -> Tensor:
    rgb = generate(preset('short', frames=1, height=side, width=side), seed).frames[0]
    return to_input(np.ascontiguousarray(rgb), side, (0.5,) * 3, (0.5,) * 3, CPU)


@torch.inference_mode()
@pytest.mark.parametrize('side', [128, 320])
def test_maps_are_as_near_as_in_half_precision(trunk: LiteTrunk, side: int) -> None:
    images = torch.cat([phantom_image(side, seed) for seed in (1, 2)])
    for found, expected in zip(Int8Trunk(trunk, read_ranges())(images), trunk(images), strict=True):
        assert found.shape == expected.shape
        assert (found - expected).norm() / expected.norm() < 0.15


@torch.inference_mode()
def test_what_leaves_the_range_saturates(trunk: LiteTrunk) -> None:
    ranges = [largest / 2 for largest in read_ranges()]
    maps = Int8Trunk(trunk, ranges)(phantom_image(128, seed=1))
    assert maps.stride32.abs().amax() <= ranges[-1].amax() * 128 / 127 * 1.0001


@torch.inference_mode()
def test_ranges_are_measured_for_each_channel_of_each_stage(trunk: LiteTrunk) -> None:
    images = [phantom_image(64, seed) for seed in (1, 2)]
    measured = measure_ranges(trunk, images)
    assert [len(largest) for largest in measured] == [stage.channels for stage in LITE0]
    deepest = torch.stack([trunk(image).stride32.abs().amax((0, 2, 3)) for image in images]).amax(0)
    torch.testing.assert_close(measured[-1], deepest)


def test_the_shipped_ranges_fit_the_shipped_trunk() -> None:
    assert [len(largest) for largest in read_ranges(RANGES)] == [stage.channels for stage in LITE0]
