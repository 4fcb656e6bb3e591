from __future__ import annotations

import torch

from sam2s_model.two_way_transformer import Attention, TwoWayBlock, TwoWayTransformer


def test_tokens_and_features_keep_their_shapes() -> None:
    transformer = TwoWayTransformer(dim=32, heads=4, ffn=64)
    tokens, features = transformer(torch.randn(2, 5, 32), torch.randn(2, 32, 3, 4), torch.randn(1, 32, 3, 4))
    assert (tokens.shape, features.shape) == ((2, 5, 32), (2, 32, 3, 4))


def test_attention_may_be_narrower_than_its_tokens() -> None:
    attention = Attention(32, heads=4, inner_dim=16)
    assert attention.q_proj.weight.shape == (16, 32)
    assert attention(torch.randn(2, 5, 32), torch.randn(2, 7, 32), torch.randn(2, 7, 32)).shape == (2, 5, 32)


def test_few_queries_attend_alike_by_the_shorter_way() -> None:
    torch.manual_seed(0)
    attention = Attention(32, heads=2, inner_dim=16).requires_grad_(False)
    queries, keys, values = torch.randn(2, 5, 32), torch.randn(2, 30, 32), torch.randn(2, 30, 32)
    expected = attention(queries, keys, values)
    with torch.inference_mode():
        torch.testing.assert_close(attention._from_few(queries, keys, values), expected)
        torch.testing.assert_close(attention(queries, keys, values), expected)


def test_order_of_keys_does_not_matter() -> None:
    attention = Attention(32, heads=4)
    queries, keys = torch.randn(1, 5, 32), torch.randn(1, 7, 32)
    torch.testing.assert_close(attention(queries, keys, keys), attention(queries, keys.flip(1), keys.flip(1)))


def test_first_self_attention_replaces_the_tokens() -> None:
    block = TwoWayBlock(32, heads=4, ffn=64, inner_dim=16, first=True)
    tokens = torch.randn(1, 5, 32)
    attended = block._attend_to_self(tokens, torch.randn(1, 5, 32))
    torch.testing.assert_close(attended, block.self_attn(tokens, tokens, tokens))


def test_later_self_attention_adds_to_the_tokens_and_sees_positions() -> None:
    block = TwoWayBlock(32, heads=4, ffn=64, inner_dim=16, first=False)
    tokens, position = torch.randn(2, 1, 5, 32)
    queries = tokens + position
    expected = tokens + block.self_attn(queries, queries, tokens)
    torch.testing.assert_close(block._attend_to_self(tokens, position), expected)


def test_only_the_first_layer_is_first() -> None:
    assert [layer.first for layer in TwoWayTransformer(32, 4, 64, depth=3).layers] == [True, False, False]


def test_values_carry_no_position() -> None:
    block = TwoWayBlock(32, heads=4, ffn=64, inner_dim=16, first=True)
    tokens, cells = torch.randn(1, 1, 32), torch.randn(1, 1, 32)  # one key each: attention weights are 1
    here, there = (block(tokens, cells, torch.randn(1, 1, 32), torch.randn(1, 1, 32)) for _ in range(2))
    torch.testing.assert_close(here, there)
