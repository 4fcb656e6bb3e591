"""Convolutions that go on with an activation, or with what is to be added, while the result is still in the cache.

torch convolves by oneDNN on CPUs, but gives it neither an activation nor a shortcut: each is then one more way through
memory. torch hands oneDNN's fused convolution out for what its compiler makes; it knows no gradients. In float32
results differ by rounding alone; in half precision a sum is rounded once instead of twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.products import Activation

# Names and numbers that oneDNN knows activations by.
FUSED: dict[Activation | None, tuple[str, list[float]]] = {
    None: ('none', []),
    F.relu: ('relu', []),
    F.relu6: ('hardtanh', [0.0, 6.0]),
}
FUSED_AFTER_ADDING: tuple[Activation | None, ...] = (None, F.relu)  # it forgets the numbers of others


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` that can go on with an activation or an addition; pads with zeros."""

    def forward(self, features: Tensor, activation: Activation | None = None, added: Tensor | None = None) -> Tensor:
        """Convolve (N, C, h, w), add a tensor of the result's shape, then activate."""
        shape = Shape(self.padding, self.stride, self.dilation, self.groups)
        return convolve(features, self.weight, self.bias, shape, activation, added)


class Shape(NamedTuple):
    """How a kernel is laid on a map, as in `torch.nn.functional.conv2d`."""

    padding: Sequence[int] | str
    stride: Sequence[int] = (1, 1)
    dilation: Sequence[int] = (1, 1)
    groups: int = 1


def convolve(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    shape: Shape,
    activation: Activation | None = None,
    added: Tensor | None = None,
) -> Tensor:
    """Convolve (N, C, h, w), add a tensor of the result's shape, then activate."""
    known = FUSED if added is None else FUSED_AFTER_ADDING
    if activation in known and _suits_onednn(features, weight):
        return _fused(features.to(weight.dtype), weight, bias, shape, activation, added)
    result = F.conv2d(features, weight, bias, shape.stride, shape.padding, shape.dilation, shape.groups)
    result = result if added is None else added + result
    return activation(result) if activation else result


def _fused(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    shape: Shape,
    activation: Activation | None,
    added: Tensor | None,
) -> Tensor:
    name, numbers = FUSED[activation]
    fused = torch.ops.mkldnn._convolution_pointwise
    laid = (list(shape.padding), list(shape.stride), list(shape.dilation), shape.groups)
    if added is None:
        convolved: Tensor = fused(features, weight, bias, *laid, name, numbers, '')
        return convolved
    activated = (None if activation is None else name, numbers, '')
    joined: Tensor = fused.binary(features, added.to(weight.dtype), weight, bias, *laid, 'add', None, *activated)
    return joined


def _suits_onednn(features: Tensor, weight: Tensor) -> bool:
    dtype = weight.dtype
    narrow = torch.is_autocast_enabled('cpu')
    return (
        features.device.type == 'cpu'
        and (dtype == torch.get_autocast_dtype('cpu') if narrow else dtype == features.dtype == torch.float32)
        and dtype in (torch.float32, torch.bfloat16)
        and torch.is_inference_mode_enabled()
        and not torch.compiler.is_compiling()
        and features.numel() > 0
        and hasattr(torch.ops.mkldnn, '_convolution_pointwise')
    )
