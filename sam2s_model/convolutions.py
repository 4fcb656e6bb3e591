"""Convolutions that go on with an activation, or with what is to be added, while the result is still in the cache.

torch convolves by oneDNN on CPUs, but gives it neither an activation nor a shortcut: each is then one more way through
memory. torch hands oneDNN's fused convolution out for what its compiler makes; it knows no gradients. In float32
results differ by rounding alone; in half precision a sum is rounded once instead of twice.
"""

from __future__ import annotations

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
        known = FUSED if added is None else FUSED_AFTER_ADDING
        if activation in known and _suits_onednn(features, self.weight):
            return self._fused(features.to(self.weight.dtype), activation, added)
        result = super().forward(features)
        result = result if added is None else added + result
        return activation(result) if activation else result

    def _fused(self, features: Tensor, activation: Activation | None, added: Tensor | None) -> Tensor:
        name, numbers = FUSED[activation]
        convolve = torch.ops.mkldnn._convolution_pointwise
        shape = (list(self.padding), list(self.stride), list(self.dilation), self.groups)
        if added is None:
            convolved: Tensor = convolve(features, self.weight, self.bias, *shape, name, numbers, '')
            return convolved
        activated = (None if activation is None else name, numbers, '')
        added = added.to(self.weight.dtype)
        joined: Tensor = convolve.binary(features, added, self.weight, self.bias, *shape, 'add', None, *activated)
        return joined


def convolve(features: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    """Convolve (N, C, h, w) with weights that no layer has as such."""
    if not _suits_onednn(features, weight):
        return F.conv2d(features, weight, bias, padding=padding)
    shape = ([padding] * 2, [1, 1], [1, 1], 1)
    convolved: Tensor = torch.ops.mkldnn._convolution_pointwise(
        features.to(weight.dtype), weight, bias, *shape, *FUSED[None], ''
    )
    return convolved


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
