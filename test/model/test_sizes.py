from __future__ import annotations

import pytest

from sam2s_model.sizes import HIERA_SIZES


def test_there_are_four_published_sizes() -> None:
    assert list(HIERA_SIZES) == ['tiny', 'small', 'base_plus', 'large']


@pytest.mark.parametrize(
    ('name', 'channels'),
    [
        ('tiny', (96, 192, 384, 768)),
        ('small', (96, 192, 384, 768)),
        ('base_plus', (112, 224, 448, 896)),
        ('large', (144, 288, 576, 1152)),
    ],
)
def test_channels_double_from_stage_to_stage(name: str, channels: tuple[int, ...]) -> None:
    assert HIERA_SIZES[name].channels == channels


@pytest.mark.parametrize('name', HIERA_SIZES)
def test_global_blocks_lie_in_the_third_stage(name: str) -> None:
    size = HIERA_SIZES[name]
    start = sum(size.blocks[:2])
    assert all(start < block < start + size.blocks[2] for block in size.global_blocks)
