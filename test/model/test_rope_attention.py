from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sam2s_model.position_encoding import rotary_table, rotate
from sam2s_model.rope_attention import RopeAttention

GRID = (2, 3)


@pytest.fixture
def attention() -> RopeAttention:
    return RopeAttention(dim=16, memory_dim=8, dropout=0.0)


def attend_by_hand(attention: RopeAttention, queries: Tensor, memory: Tensor, frames: int, unplaced: int) -> Tensor:
    """Attention as the textbook writes it, key by key."""
    table = rotary_table(16, GRID, GRID)
    turned_queries = rotate(attention.q_proj(queries), table)
    keys = attention.k_proj(memory)
    blocks = [rotate(keys[:, 6 * i : 6 * i + 6], table) for i in range(frames)]
    turned_keys = torch.cat([*blocks, keys[:, frames * 6 :]], dim=1)
    assert turned_keys.shape[1] == frames * 6 + unplaced
    weights = (turned_queries @ turned_keys.transpose(1, 2) / 4).softmax(dim=2)
    attended: Tensor = attention.out_proj(weights @ attention.v_proj(memory))
    return attended


@pytest.mark.parametrize(('frames', 'unplaced'), [(1, 0), (3, 0), (2, 4), (0, 4)])
def test_frames_share_one_table_and_the_last_keys_have_none(
    attention: RopeAttention, frames: int, unplaced: int
) -> None:
    queries, memory = torch.randn(2, 6, 16), torch.randn(2, frames * 6 + unplaced, 8)
    ours = attention(queries, memory, memory, GRID, GRID, unplaced)
    torch.testing.assert_close(ours, attend_by_hand(attention, queries, memory, frames, unplaced))


def test_order_of_unplaced_keys_does_not_matter(attention: RopeAttention) -> None:
    queries, memory = torch.randn(1, 6, 16), torch.randn(1, 10, 8)
    shuffled = torch.cat((memory[:, :6], memory[:, 6:].flip(1)), dim=1)
    ours, theirs = (attention(queries, keys, keys, GRID, GRID, 4) for keys in (memory, shuffled))
    torch.testing.assert_close(ours, theirs)


def test_place_of_a_placed_key_does_matter(attention: RopeAttention) -> None:
    queries, memory = torch.randn(1, 6, 16), torch.randn(1, 6, 8)
    ours, theirs = (attention(queries, keys, keys, GRID, GRID) for keys in (memory, memory.flip(1)))
    assert not torch.allclose(ours, theirs, atol=1e-4)


def test_attention_weights_drop_out_in_training_only() -> None:
    attention = RopeAttention(dim=16, memory_dim=8, dropout=0.5)
    queries, memory = torch.randn(1, 6, 16), torch.randn(1, 6, 8)
    torch.testing.assert_close(*[attention.eval()(queries, memory, memory, GRID, GRID) for _ in range(2)])
    noisy = [attention.train()(queries, memory, memory, GRID, GRID) for _ in range(2)]
    assert not torch.allclose(*noisy)


def test_pooled_keys_turn_by_where_they_lie_in_the_grid_of_the_queries(attention: RopeAttention) -> None:
    queries, memory = torch.randn(1, 16, 16), torch.randn(1, 4, 8)
    ours = attention(queries, memory, memory, (4, 4), (2, 2))
    turned_queries = rotate(attention.q_proj(queries), rotary_table(16, (4, 4), (4, 4)))
    turned_keys = rotate(attention.k_proj(memory), rotary_table(16, (2, 2), (4, 4)))
    weights = (turned_queries @ turned_keys.transpose(1, 2) / 4).softmax(dim=2)
    torch.testing.assert_close(ours, attention.out_proj(weights @ attention.v_proj(memory)))


@pytest.mark.parametrize('training', [False, True])
def test_a_pooled_key_counts_as_the_four_that_are_in_it(attention: RopeAttention, training: bool) -> None:
    whole, pooled, unplaced = (torch.randn(1, count, 8) for count in (16, 4, 2))
    queries, memory = torch.randn(1, 16, 16), torch.cat((whole, pooled, unplaced), dim=1)
    ours = attention.train(training)(queries, memory, memory, (4, 4), (2, 2), unplaced=2, whole=1)
    turned = rotate(attention.k_proj(pooled), rotary_table(16, (2, 2), (4, 4)))
    exact = rotate(attention.k_proj(whole), rotary_table(16, (4, 4), (4, 4)))
    keys = torch.cat((exact, turned.repeat(1, 4, 1), attention.k_proj(unplaced)), dim=1)
    values = torch.cat((whole, pooled.repeat(1, 4, 1), unplaced), dim=1)
    turned_queries = rotate(attention.q_proj(queries), rotary_table(16, (4, 4), (4, 4)))
    weights = (turned_queries @ keys.transpose(1, 2) / 4).softmax(dim=2)
    torch.testing.assert_close(ours, attention.out_proj(weights @ attention.v_proj(values)))
