from __future__ import annotations

from typing import Any

import pytest
import torch

from sam2s_model import hiera
from sam2s_model.hiera import Hiera, HieraBlock, WindowAttention, join_windows, max_pool, split_windows
from sam2s_model.sizes import HIERA_SIZES, HieraSize

SMALL = HieraSize(embed_dim=8, heads=1, blocks=(1, 1, 2, 1), global_blocks=(3,))


def layout(size: HieraSize) -> str:
    """The trunk's blocks in short: `index:in>out hHEADS wWINDOW`, as the reference lists them."""
    with torch.device('meta'):
        blocks: Any = Hiera(size).blocks
    lines = []
    for index, block in enumerate(blocks):
        before, after = block.norm1.weight.numel(), block.norm2.weight.numel()
        width = f'{before}>{after}' if before != after else f'{after}'
        lines.append(f'{index}:{width} h{block.attn.heads} w{block.window}')
    return ' '.join(lines)


def test_blocks_of_tiny_are_those_of_the_released_model() -> None:
    assert layout(HIERA_SIZES['tiny']) == (
        '0:96 h1 w8 1:96>192 h2 w8 2:192 h2 w4 3:192>384 h4 w4 4:384 h4 w14 5:384 h4 w0 6:384 h4 w14 7:384 h4 w0 '
        '8:384 h4 w14 9:384 h4 w0 10:384>768 h8 w14 11:768 h8 w7'
    )


def test_blocks_of_base_plus_are_those_of_the_released_model() -> None:
    third = ' '.join(f'{i}:448 h8 w{0 if i in (12, 16, 20) else 14}' for i in range(6, 21))
    assert layout(HIERA_SIZES['base_plus']) == (
        '0:112 h2 w8 1:112 h2 w8 2:112>224 h4 w8 3:224 h4 w4 4:224 h4 w4 5:224>448 h8 w4 '
        f'{third} 21:448>896 h16 w14 22:896 h16 w7 23:896 h16 w7'
    )


def test_maps_leave_at_strides_4_to_32() -> None:
    maps = Hiera(SMALL).eval()(torch.randn(2, 3, 64, 64))
    assert [tuple(features.shape) for features in maps] == [(2, 8, 16, 16), (2, 16, 8, 8), (2, 32, 4, 4), (2, 64, 2, 2)]


@pytest.mark.parametrize('side', [512, 768, 1024])
def test_every_size_takes_every_usual_image_side(side: int) -> None:
    with torch.device('meta'):
        for size in HIERA_SIZES.values():
            maps = Hiera(size).eval()(torch.empty(1, 3, side, side))
            assert [features.shape[-1] for features in maps] == [side // 4, side // 8, side // 16, side // 32]


def test_position_is_the_stretched_background_plus_the_repeated_window() -> None:
    trunk = Hiera(SMALL)
    trunk.pos_embed.data.fill_(3.0)
    trunk.pos_embed_window.data.normal_()
    position = trunk._position(16, 24)
    window = trunk.pos_embed_window[0].permute(1, 2, 0)
    torch.testing.assert_close(position[0, 8:, 16:], window + 3)


def test_windows_join_to_the_map_they_were_cut_from() -> None:
    cells = torch.randn(2, 10, 9, 3)
    torch.testing.assert_close(join_windows(split_windows(cells, 4), 10, 9), cells)


def test_windows_are_filled_below_and_to_the_right() -> None:
    cells, filling = torch.ones(1, 5, 6, 1), torch.tensor([100.0])
    assert split_windows(cells, 4).sum(dim=(1, 2, 3)).tolist() == [16, 8, 4, 2]
    assert split_windows(cells, 4, filling).sum(dim=(1, 2, 3)).tolist() == [16, 808, 1204, 1402]


def test_the_filling_of_a_window_is_attended_to() -> None:
    block = HieraBlock(8, 8, heads=1, window=4, drop_path=0.0).eval()
    cells = torch.randn(1, 3, 3, 8)
    whole = HieraBlock(8, 8, heads=1, window=0, drop_path=0.0).eval()
    whole.load_state_dict(block.state_dict())
    assert not torch.allclose(block(cells), whole(cells), atol=1e-4)


@pytest.mark.parametrize('pool', [False, True], ids=['kept', 'pooled'])
def test_the_filling_of_a_window_is_what_zeros_become(pool: bool) -> None:
    attention = WindowAttention(8, 16, heads=2, pool_queries=pool)
    cells = torch.randn(2, 6, 6, 8)
    windows = split_windows(cells, 4)
    expected = join_windows(attention(windows), 3 if pool else 6, 3 if pool else 6)
    torch.testing.assert_close(attention(cells, 4), expected)


@pytest.mark.parametrize(('name', 'local'), [('tiny', 4), ('small', 4), ('base_plus', 6), ('large', 9)])
def test_blocks_up_to_stride_16_look_no_further_than_a_window(name: str, local: int) -> None:
    with torch.device('meta'):
        assert Hiera(HIERA_SIZES[name]).local_blocks == local


@pytest.mark.parametrize('windows', [1, 3, 100])
def test_bands_of_the_image_change_nothing(monkeypatch: pytest.MonkeyPatch, windows: int) -> None:
    monkeypatch.setattr(hiera, 'CPU_WINDOWS', windows)
    trunk, images = Hiera(SMALL), torch.randn(2, 3, 128, 96)
    at_once, in_bands = trunk.train()(images), trunk.eval()(images)
    for expected, found in zip(at_once, in_bands, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_max_pool_halves_the_map() -> None:
    cells = torch.arange(24.0).view(1, 4, 6, 1)
    assert max_pool(cells).flatten().tolist() == [7, 9, 11, 19, 21, 23]


def test_the_shortcut_of_a_widening_block_starts_from_the_normalised_map() -> None:
    block = HieraBlock(8, 16, heads=1, window=2, drop_path=0.0).eval()
    for name, weight in block.named_parameters():
        if name.startswith(('attn.proj', 'mlp.layers.1')):
            torch.nn.init.zeros_(weight)
    cells = torch.randn(1, 4, 4, 8) * 5 + 2
    torch.testing.assert_close(block(cells), max_pool(block.proj(block.norm1(cells))))


def test_a_dropped_path_leaves_whole_samples_untouched() -> None:
    torch.manual_seed(0)
    block = HieraBlock(8, 8, heads=1, window=0, drop_path=0.5).train()
    cells = torch.randn(64, 2, 2, 8)
    untouched = (block(cells) == cells).flatten(1).all(dim=1)
    assert 4 < untouched.sum() < 32  # both branches dropped: a quarter


def test_drop_path_is_off_outside_training() -> None:
    block = HieraBlock(8, 8, heads=1, window=0, drop_path=0.9).eval()
    cells = torch.randn(4, 2, 2, 8)
    torch.testing.assert_close(block(cells), block(cells), rtol=0, atol=0)


def test_drop_path_rises_from_nothing_to_the_full_share() -> None:
    with torch.device('meta'):
        blocks = Hiera(HIERA_SIZES['base_plus']).blocks
    rates = [block.drop_path for block in blocks]
    assert rates == pytest.approx([0.1 * i / 23 for i in range(24)])
