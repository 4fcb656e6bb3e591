"""What lite makes of its trunk's maps: FPN neck and the decoder's first projections, joined where both are linear."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.image_encoder import FpnNeck, Lateral
from sam2s_model.mask_decoder import HighResFeatures, MaskDecoder
from sam2s_model.products import linear


def encode_deep(normed: Sequence[Tensor], neck: FpnNeck) -> Tensor:
    """Features (1, C, h, w) at stride 16 of normed maps at strides 16 and 32."""
    stride32, stride16 = (conv(features) for conv, features in zip(neck.convs, reversed(normed), strict=False))
    joined: Tensor = stride16 + F.interpolate(stride32, scale_factor=2, mode='nearest')
    return joined


def encode_fine(
    fine: Sequence[Tensor], norms: Iterable[nn.Module], neck: FpnNeck, decoder: MaskDecoder
) -> HighResFeatures:
    """What the decoder sees of the maps at strides 4 and 8, whose norms are given.

    Norm, lateral convolution and projection follow each other without anything between them: three linear maps are one.
    """
    projections = zip(fine, norms, reversed(neck.convs), (decoder.conv_s0, decoder.conv_s1), strict=False)
    stride4, stride8 = (_project(*parts) for parts in projections)
    return HighResFeatures(stride8, stride4)


def _project(features: Tensor, norm: nn.Module, lateral: nn.Module, last: nn.Conv2d) -> Tensor:
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    assert isinstance(lateral, Lateral) and lateral.conv.bias is not None and last.bias is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    shift = norm.bias - norm.running_mean * scale
    joined = last.weight.flatten(1) @ lateral.conv.weight.flatten(1)
    bias = last.weight.flatten(1) @ lateral.conv.bias + joined @ shift + last.bias
    return linear(features.permute(0, 2, 3, 1), joined * scale, bias).permute(0, 3, 1, 2)
