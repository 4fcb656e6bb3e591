"""The published sizes of SAM 2.1: four image encoders, the same widths for everything behind them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HieraSize:
    """Width and depth of a Hiera trunk with its four stages at strides 4, 8, 16 and 32.

    Attributes:
        embed_dim: Channels of the first stage; every later stage has twice as many.
        heads: Attention heads of the first stage; every later stage has twice as many.
        blocks: Blocks of each stage.
        global_blocks: Indices of the blocks that attend to the whole map, counted over all stages.
        windows: Side of the attention windows of each stage, in cells.
        background: Side of the coarse grid from which the position embedding is interpolated.
        drop_path: Share of residual branches to skip in the last block while training, falling to 0 in the first.
    """

    embed_dim: int
    heads: int
    blocks: tuple[int, int, int, int]
    global_blocks: tuple[int, ...]
    windows: tuple[int, int, int, int] = (8, 4, 14, 7)
    background: int = 7
    drop_path: float = 0.0

    @property
    def channels(self) -> tuple[int, int, int, int]:
        """Channels of the stages' maps, fine to coarse."""
        return self.embed_dim, 2 * self.embed_dim, 4 * self.embed_dim, 8 * self.embed_dim


HIERA_SIZES = {
    'tiny': HieraSize(embed_dim=96, heads=1, blocks=(1, 2, 7, 2), global_blocks=(5, 7, 9)),
    'small': HieraSize(embed_dim=96, heads=1, blocks=(1, 2, 11, 2), global_blocks=(7, 10, 13)),
    'base_plus': HieraSize(
        embed_dim=112, heads=2, blocks=(2, 3, 16, 3), global_blocks=(12, 16, 20), background=14, drop_path=0.1
    ),
    'large': HieraSize(embed_dim=144, heads=2, blocks=(2, 6, 36, 4), global_blocks=(23, 33, 43), windows=(8, 4, 16, 8)),
}

IMAGE_SIZE = 1024  # side S of the square input in pixels; SAM2S fine-tunes at 512


@dataclass(frozen=True)
class Widths:
    """Widths of everything behind the image encoder.

    Attributes:
        d_model: Channels C of image features, tokens and object pointers.
        memory_dim: Channels M of memory features; divides C, for memory reads a pointer as C / M tokens.
        memory_ffn: Hidden channels of memory attention's feed-forward.
        decoder_heads: Attention heads of the mask decoder.
        decoder_ffn: Hidden channels of the mask decoder's feed-forward.
        iou_hidden: Hidden channels of the head that predicts a mask's quality.
    """

    d_model: int = 256
    memory_dim: int = 64
    memory_ffn: int = 2048
    decoder_heads: int = 8
    decoder_ffn: int = 2048
    iou_hidden: int = 256


PUBLISHED_WIDTHS = Widths()  # of all four sizes
