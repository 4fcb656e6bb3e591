from __future__ import annotations

import torch
import torch.nn.functional as F

from sam2s_model.lite_trunk import LiteTrunk, SamePaddedConv


def test_maps_have_the_channels_and_strides_of_lite0() -> None:
    maps = LiteTrunk()(torch.zeros(1, 3, 64, 64))
    assert [tuple(m.shape[1:]) for m in maps] == [(24, 16, 16), (40, 8, 8), (80, 4, 4), (112, 4, 4), (320, 2, 2)]


def test_the_trunk_has_the_parameters_of_lite0_without_its_head() -> None:
    # 3 412 736 with batch norms in four numbers a channel; folding leaves one bias for each.
    assert sum(p.numel() for p in LiteTrunk().parameters()) == 2_939_120


def test_a_strided_convolution_pads_more_after_than_before() -> None:
    conv = SamePaddedConv(1, 1, kernel=5, stride=2)
    image = torch.randn(1, 1, 8, 8)
    padded = F.pad(image, (1, 2, 1, 2))
    torch.testing.assert_close(conv(image), F.conv2d(padded, conv.weight, conv.bias, stride=2))
