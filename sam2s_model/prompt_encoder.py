"""Prompt encoder: clicks and boxes become sparse tokens, an earlier mask becomes a dense map (SAM 2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sam2s_model.layers import LayerNorm2d
from sam2s_model.position_encoding import RandomFourier

STRIDE = 16  # image pixels per cell of the grid the decoder works on

# What a point can be. A box is two points, its corners.
NO_POINT, BACKGROUND, FOREGROUND, BOX_TOP_LEFT, BOX_BOTTOM_RIGHT = -1, 0, 1, 2, 3


class PromptEmbedding(NamedTuple):
    """One prompt for each of N objects.

    Attributes:
        sparse: (N, P + 1, C) a token for each point, then one that stands for no point.
        dense: (N, C, h, w) map to be added to the image features.
    """

    sparse: Tensor
    dense: Tensor


class PromptEncoder(nn.Module):
    """Encode points, boxes and mask logits for the mask decoder, and the positions of the cells they may lie in."""

    def __init__(self, d_model: int = 256, mask_channels: int = 16) -> None:
        super().__init__()
        self.pe_layer = RandomFourier(d_model)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, d_model) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, d_model)
        self.no_mask_embed = nn.Embedding(1, d_model)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, mask_channels // 4, kernel_size=2, stride=2),
            LayerNorm2d(mask_channels // 4),
            nn.GELU(),
            nn.Conv2d(mask_channels // 4, mask_channels, kernel_size=2, stride=2),
            LayerNorm2d(mask_channels),
            nn.GELU(),
            nn.Conv2d(mask_channels, d_model, kernel_size=1),
        )

    def dense_position(self, h: int, w: int) -> Tensor:
        """Position code of every cell of the image features, (1, C, h, w)."""
        return self.pe_layer.grid(h, w)

    def forward(
        self, points: Tensor, labels: Tensor, mask_logits: Tensor | None, grid: tuple[int, int]
    ) -> PromptEmbedding:
        """Encode one prompt for each of N objects.

        Args:
            points: (N, P, 2) x, y in pixels of the model's input image; P may be 0.
            labels: (N, P) integers, what each point is, -1 for a point to be ignored.
            mask_logits: (N, 1, 4h, 4w) an earlier mask at stride 4, or None.
            grid: (h, w) of the stride-16 features.
        """
        return PromptEmbedding(self._encode_points(points, labels, grid), self._dense(mask_logits, len(points), grid))

    def _encode_points(self, points: Tensor, labels: Tensor, grid: tuple[int, int]) -> Tensor:
        """Tokens (N, P + 1, C) of points (N, P, 2) in pixels of the model's input, whose kinds are labels (N, P)."""
        # SAM 2 was trained with one token for "no point" behind the real ones; without it every mask shifts.
        points = torch.cat((points, points.new_zeros(len(points), 1, 2)), dim=1)
        labels = torch.cat((labels, labels.new_full((len(labels), 1), NO_POINT)), dim=1)
        h, w = grid
        centres = (points + 0.5) / points.new_tensor((w * STRIDE, h * STRIDE))
        is_point = (labels != NO_POINT).unsqueeze(-1)
        kinds = torch.cat([self.not_a_point_embed.weight, *(kind.weight for kind in self._point_kinds())])
        sparse: Tensor = self.pe_layer(centres) * is_point + kinds[labels.long() + 1]
        return sparse

    def _point_kinds(self) -> list[nn.Embedding]:
        return [kind for kind in self.point_embeddings if isinstance(kind, nn.Embedding)]

    def _dense(self, mask_logits: Tensor | None, count: int, grid: tuple[int, int]) -> Tensor:
        if mask_logits is None:
            return self.no_mask_embed.weight[..., None, None].expand(count, -1, *grid)
        dense: Tensor = self.mask_downscaling(mask_logits)
        return dense
