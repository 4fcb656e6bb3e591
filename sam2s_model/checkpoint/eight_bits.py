"""Weights in 8-bit integers, half the size of float16: each output channel has its step."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

STEP = '.step'  # appended to a weight's name
LARGEST = 127


def narrow(weights: dict[str, Tensor], parts: Collection[str]) -> dict[str, Tensor]:
    """Narrow what the layers of some parts of a network multiply with; all else stays.

    Args:
        weights: By name; the first dimension of matrices and kernels is that of the output channels.
        parts: First parts of the names.
    """
    narrowed: dict[str, Tensor] = {}
    for name, value in weights.items():
        if name.split('.')[0] in parts and name.endswith('.weight') and value.ndim > 1:
            step = value.float().flatten(1).abs().amax(1).clamp_min(torch.finfo(torch.float32).tiny) / LARGEST
            steps = step.view(-1, *[1] * (value.ndim - 1))
            narrowed[name] = (value.float() / steps).round().clamp(-LARGEST, LARGEST).to(torch.int8)
            narrowed[name + STEP] = step
        else:
            narrowed[name] = value
    return narrowed


def widen(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights as floats again; those that never were narrow stay what they are."""
    narrowed = {name for name, value in weights.items() if value.dtype == torch.int8 and _has_steps(name, weights)}
    steps = {name + STEP for name in narrowed}
    return {
        name: _times(value, weights[name + STEP]) if name in narrowed else value
        for name, value in weights.items()
        if name not in steps
    }


def _has_steps(name: str, weights: dict[str, Tensor]) -> bool:
    step = weights.get(name + STEP)
    return step is not None and step.shape == weights[name].shape[:1]


def _times(integers: Tensor, step: Tensor) -> Tensor:
    return integers.float() * step.float().view(-1, *[1] * (integers.ndim - 1))
