"""Number types: what computes in half precision, and what stays in float32 whatever is asked for.

Half precision is autocast: matrix products and convolutions compute in the narrow type, sums and norms in float32. The
heads that predict quality and presence never take part, since decisions hang on their last digits: bfloat16 has no
number between 0.996 and 1, and DiveMem's γ_iou is 0.95.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

MATRIX_LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)  # whose weights autocast converts


def computing_in(precision: torch.dtype, like: Tensor) -> AbstractContextManager[object]:
    """Compute in `precision` on the device of a tensor; float32 leaves everything as it is, an autocast, too."""
    if precision == torch.float32:
        return nullcontext()
    return torch.autocast(like.device.type, precision)


def in_float32(like: Tensor) -> AbstractContextManager[object]:
    """Leave autocast for a while; what goes in must be float32, too."""
    return torch.autocast(like.device.type, enabled=False)


def narrow_weights(parts: Iterable[nn.Module], precision: torch.dtype) -> None:
    """Keep the weights of matrix layers as autocast wants them; converted anew for every frame, they take its time."""
    for part in parts:
        for layer in part.modules():
            if isinstance(layer, MATRIX_LAYERS):
                layer.to(precision)
