"""Matrix products by the faster of torch's two libraries for CPUs.

In float32 torch multiplies matrices by MKL and convolves by oneDNN. On AMD CPUs with AVX-512 oneDNN multiplies matrices
faster, too, and can apply an activation while the product is still in the cache. torch hands oneDNN's product out for
what its compiler makes; it knows no gradients. Results differ by rounding alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Activation = Callable[[Tensor], Tensor]
FUSED: dict[Activation | None, str] = {None: 'none', F.relu: 'relu', F.gelu: 'gelu'}


class Linear(nn.Linear):
    """`nn.Linear` that can go on with an activation, by the faster library."""

    def forward(self, tokens: Tensor, activation: Activation | None = None) -> Tensor:
        return linear(tokens, self.weight, self.bias, activation)


def linear(tokens: Tensor, weight: Tensor, bias: Tensor | None = None, activation: Activation | None = None) -> Tensor:
    """Multiply tokens (..., in) by weights (out, in), add a bias (out,), and apply an activation."""
    if activation in FUSED and _suits_onednn(tokens, weight):
        suffix = '' if activation is F.relu else 'none'  # GELU comes in two kinds; 'none' is the exact one
        product: Tensor = torch.ops.mkldnn._linear_pointwise(
            tokens.contiguous(), weight.contiguous(), bias, FUSED[activation], [], suffix
        )
        return product
    product = F.linear(tokens, weight, bias)
    return activation(product) if activation else product


def _suits_onednn(tokens: Tensor, weight: Tensor) -> bool:
    return (
        not torch.compiler.is_compiling()
        and tokens.device.type == 'cpu'
        and tokens.dtype == weight.dtype == torch.float32
        and torch.is_inference_mode_enabled()
        and not torch.is_autocast_enabled('cpu')
        and tokens.numel() > 0
        and prefers_onednn()
    )


@cache
def prefers_onednn() -> bool:
    """Whether this CPU is one of those on which oneDNN was measured to be faster, and torch has it."""
    able = torch.cpu.get_capabilities()
    is_measured = 'AMD' in str(able.get('cpu_name')) and bool(able.get('avx512_f'))
    return is_measured and torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, '_linear_pointwise')
