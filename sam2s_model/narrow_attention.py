"""Attention whose values are narrower than its keys, a few queries at a time.

Fused kernels want keys and values of one width. What SAM 2 remembers has 64 channels, its keys have 256: read as it is
and projected afterwards, it takes a quarter of the work for the values, and the result is the same, since the weights
of a query sum to one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sam2s_model.products import linear

SCORES_BYTES = 16 << 20  # scores of one chunk; half of the last-level cache they stay in, on the CPUs of 2022
LEAST_QUERIES = 32


def attend_narrowly(queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None = None) -> Tensor:
    """Read values (N, L, M) with queries (N or 1, Q, C) by keys (N, L, C), whose scores get a bias (L,) on top.

    Returns:
        (N, Q, M) in the queries' type.
    """
    queries = (queries * queries.shape[-1] ** -0.5).expand(len(keys), -1, -1)
    values = values.to(queries.dtype).transpose(1, 2).contiguous()
    read = queries.new_empty(*queries.shape[:2], values.shape[1])
    rows = max(LEAST_QUERIES, SCORES_BYTES // max(1, keys.shape[1] * keys.element_size()))
    for n, (of_object, objects_keys, objects_values) in enumerate(zip(queries, keys, values, strict=True)):
        for start in range(0, len(of_object), rows):
            chunk = slice(start, start + rows)
            scores = linear(of_object[chunk], objects_keys, bias)
            read[n, chunk] = linear(_softmax(scores), objects_values)
    return read


def _softmax(scores: Tensor) -> Tensor:
    """In place where no gradient needs the scores."""
    if scores.requires_grad:
        return torch.softmax(scores, dim=-1)
    return torch.softmax(scores, dim=-1, out=scores)
