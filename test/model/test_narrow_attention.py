"""Attention to narrow values reads what the fused kernel reads, in chunks of any size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from sam2s_model import narrow_attention
from sam2s_model.narrow_attention import attend_narrowly


@pytest.mark.parametrize('scores_bytes', [1, 40 * 70 * 4, 1 << 24], ids='{} bytes'.format)
@pytest.mark.parametrize('objects', [1, 3])
def test_it_reads_what_fused_attention_reads(monkeypatch: pytest.MonkeyPatch, scores_bytes: int, objects: int) -> None:
    monkeypatch.setattr(narrow_attention, 'SCORES_BYTES', scores_bytes)
    queries, keys, values = torch.randn(1, 100, 16), torch.randn(objects, 70, 16), torch.randn(objects, 70, 4)
    expected = F.scaled_dot_product_attention(queries.expand(objects, -1, -1), keys, values)
    torch.testing.assert_close(attend_narrowly(queries, keys, values), expected)
    with torch.inference_mode():
        torch.testing.assert_close(attend_narrowly(queries, keys, values), expected)


def test_a_bias_comes_on_top_of_the_scores() -> None:
    queries, keys, values, bias = torch.randn(1, 9, 16), torch.randn(2, 7, 16), torch.randn(2, 7, 4), torch.randn(7)
    expected = F.scaled_dot_product_attention(queries.expand(2, -1, -1), keys, values, attn_mask=bias)
    with torch.inference_mode():
        torch.testing.assert_close(attend_narrowly(queries, keys, values, bias), expected)


def test_nothing_that_was_given_is_written_to() -> None:
    given = torch.randn(1, 9, 16), torch.randn(1, 7, 16), torch.randn(1, 7, 4)
    copies = [tensor.clone() for tensor in given]
    with torch.inference_mode():
        attend_narrowly(*given)
    assert all(torch.equal(tensor, copy) for tensor, copy in zip(given, copies, strict=True))


def test_gradients_reach_queries_keys_and_values() -> None:
    given = [torch.randn(1, 9, width, requires_grad=True) for width in (16, 16, 4)]
    attend_narrowly(*given).square().sum().backward()
    assert all(tensor.grad is not None and bool(tensor.grad.any()) for tensor in given)
