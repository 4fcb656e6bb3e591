"""Both ways of attending give the same."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from sam2s_model.attention import attend


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16], ids=str)
def test_it_attends_as_the_fused_kernel_does(dtype: torch.dtype) -> None:
    queries, keys, values = torch.randn(3, 2, 4, 30, 16).to(dtype)
    expected = F.scaled_dot_product_attention(queries.float(), keys.float(), values.float())
    with torch.inference_mode():
        found = attend(queries, keys, values)
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=1e-5 if dtype == torch.float32 else 0.03)


def test_nothing_that_was_given_is_written_to() -> None:
    given = torch.randn(3, 1, 2, 9, 8).bfloat16()
    before = given.clone()
    with torch.inference_mode():
        attend(*given)
    assert torch.equal(given, before)


def test_gradients_reach_queries_keys_and_values() -> None:
    given = torch.randn(3, 1, 2, 9, 8, dtype=torch.bfloat16, requires_grad=True)
    attend(*given).float().square().sum().backward()
    assert given.grad is not None and bool(given.grad.flatten(1).any(dim=1).all())
