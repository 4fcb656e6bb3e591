from __future__ import annotations

import pytest
import torch

from sam2s_model.hiera import Hiera
from sam2s_model.image_encoder import FpnNeck, ImageEncoder
from sam2s_model.sizes import HIERA_SIZES

MAPS = [torch.randn(2, 8 * 2**i, 16 // 2**i, 16 // 2**i) for i in range(4)]


@pytest.mark.parametrize(
    ('name', 'count'),
    [('tiny', 27_219_136), ('small', 34_316_992), ('base_plus', 69_106_816), ('large', 212_703_280)],
)
def test_encoder_has_as_many_parameters_as_the_released_one(name: str, count: int) -> None:
    size = HIERA_SIZES[name]
    with torch.device('meta'):
        encoder = ImageEncoder(Hiera(size), FpnNeck(size.channels))
    assert sum(weight.numel() for weight in encoder.state_dict().values()) == count


def test_features_of_a_512_image_have_strides_4_8_and_16() -> None:
    size = HIERA_SIZES['base_plus']
    with torch.device('meta'):
        features = ImageEncoder(Hiera(size), FpnNeck(size.channels)).eval()(torch.empty(1, 3, 512, 512))
    assert [tuple(level.shape) for level in features] == [(1, 256, 128, 128), (1, 256, 64, 64), (1, 256, 32, 32)]


def test_first_convolution_serves_the_coarsest_map() -> None:
    weights = FpnNeck((8, 16, 32, 64), 4).state_dict()
    assert [weights[f'convs.{i}.conv.weight'].shape[1] for i in range(4)] == [64, 32, 16, 8]


def test_only_stride_16_hears_from_the_coarsest_map() -> None:
    neck = FpnNeck((8, 16, 32, 64), 4)
    before, after = neck(MAPS), neck([*MAPS[:3], MAPS[3] + 1])
    changed = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert changed == [False, False, True]


def test_stride_16_adds_each_coarse_cell_to_the_four_it_covers() -> None:
    neck = FpnNeck((8, 16, 32, 64), 4)
    added = neck(MAPS).stride16 - neck.convs[1](MAPS[2])
    coarse = neck.convs[0](MAPS[3])
    torch.testing.assert_close(added, coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
