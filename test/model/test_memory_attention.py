from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from sam2s_model.memory_attention import MemoryAttention
from sam2s_model.position_encoding import sine_2d


@pytest.fixture
def small() -> MemoryAttention:
    torch.manual_seed(0)
    return MemoryAttention(d_model=32, memory_dim=8, layers=2, ffn=64).eval()


def test_it_has_as_many_parameters_as_the_released_one() -> None:
    with torch.device('meta'):
        attention = MemoryAttention()
    assert sum(weight.numel() for weight in attention.state_dict().values()) == 5_922_304


@pytest.mark.parametrize(('frames', 'pointer_tokens'), [(1, 0), (3, 8), (11, 64)])
def test_features_keep_their_shape(small: MemoryAttention, frames: int, pointer_tokens: int) -> None:
    memory = torch.randn(2, frames * 24 + pointer_tokens, 8)
    conditioned = small(torch.randn(2, 32, 4, 6), memory, torch.randn_like(memory), pointer_tokens)
    assert conditioned.shape == (2, 32, 4, 6)


def test_pooled_memory_needs_fewer_tokens(small: MemoryAttention) -> None:
    memory = torch.randn(2, 3 * 6 + 4, 8)
    conditioned = small(torch.randn(2, 32, 4, 6), memory, torch.randn_like(memory), 4, memory_grid=(2, 3))
    assert conditioned.shape == (2, 32, 4, 6)


def test_memory_grid_is_the_frames_grid_unless_said(small: MemoryAttention) -> None:
    features, memory = torch.randn(1, 32, 4, 6), torch.randn(1, 24, 8)
    silent = small(features, memory, memory, 0)
    torch.testing.assert_close(small(features, memory, memory, 0, memory_grid=(4, 6)), silent, rtol=0, atol=0)


def test_one_frame_serves_many_objects(small: MemoryAttention) -> None:
    features, memory = torch.randn(1, 32, 4, 6), torch.randn(3, 24, 8)
    shared = small(features, memory, memory, 0)
    repeated = small(features.expand(3, -1, -1, -1), memory, memory, 0)
    torch.testing.assert_close(shared, repeated, rtol=0, atol=1e-5)


def test_objects_do_not_hear_of_each_other(small: MemoryAttention) -> None:
    features, memory = torch.randn(2, 32, 4, 6), torch.randn(2, 24, 8)
    other = torch.stack((memory[0], torch.randn(24, 8)))
    torch.testing.assert_close(small(features, memory, memory, 0)[0], small(features, other, other, 0)[0])


def test_order_of_remembered_frames_does_not_matter(small: MemoryAttention) -> None:
    features, memory = torch.randn(1, 32, 4, 6), torch.randn(1, 2, 24, 8)
    forth, back = memory.flatten(1, 2), memory.flip(1).flatten(1, 2)
    torch.testing.assert_close(small(features, forth, forth, 0), small(features, back, back, 0), rtol=0, atol=1e-5)


def test_gradients_reach_features_and_memory(small: MemoryAttention) -> None:
    features, memory = torch.randn(1, 32, 4, 6, requires_grad=True), torch.randn(1, 28, 8, requires_grad=True)
    small.train()(features, memory, torch.zeros(1, 28, 8), 4).square().sum().backward()
    assert features.grad is not None and memory.grad is not None
    assert bool(memory.grad.abs().sum(dim=2).all())


def test_a_tenth_of_the_sine_map_is_added_to_the_features() -> None:
    bare = MemoryAttention(d_model=32, memory_dim=8, layers=0).eval()
    features, memory = torch.randn(1, 32, 4, 6), torch.empty(1, 0, 8)
    placed = (features + 0.1 * sine_2d(32, 4, 6)).permute(0, 2, 3, 1)
    expected = F.layer_norm(placed, (32,)).permute(0, 3, 1, 2)
    torch.testing.assert_close(bare(features, memory, memory, 0), expected)
