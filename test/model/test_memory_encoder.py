from __future__ import annotations

import torch

from sam2s_model.memory_encoder import ConvNextBlock, MemoryEncoder


def test_it_has_as_many_parameters_as_the_released_one() -> None:
    with torch.device('meta'):
        encoder = MemoryEncoder()
    assert sum(weight.numel() for weight in encoder.state_dict().values()) == 1_384_608


def test_memory_of_a_512_image_is_64_channels_at_stride_16() -> None:
    with torch.device('meta'):
        memory = MemoryEncoder()(torch.empty(1, 256, 32, 32), torch.empty(1, 1, 512, 512))
    assert memory.shape == (1, 64, 32, 32)


def test_one_frame_serves_many_objects() -> None:
    encoder = MemoryEncoder(d_model=32, memory_dim=8)
    features, masks = torch.randn(1, 32, 2, 3), torch.randn(3, 1, 32, 48)
    torch.testing.assert_close(encoder(features, masks), encoder(features.expand(3, -1, -1, -1), masks))


def test_memory_depends_on_the_mask_also_in_a_narrow_network() -> None:
    encoder = MemoryEncoder(d_model=64, memory_dim=16)
    features = torch.zeros(1, 64, 2, 2)
    empty, full = (encoder(features, torch.full((1, 1, 32, 32), value)) for value in (-10.0, 10.0))
    assert not torch.allclose(empty, full, atol=1e-3)


def test_an_untrained_block_changes_almost_nothing() -> None:
    features = torch.randn(1, 16, 8, 8)
    torch.testing.assert_close(ConvNextBlock(16)(features), features, rtol=0, atol=1e-4)
