"""Two-way transformer: prompt tokens and image cells attend to each other (Segment Anything, fig. 14)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.layers import Mlp
from sam2s_model.products import Linear


class Attention(nn.Module):
    """Multi-head attention inside `inner_dim` channels, which may be fewer than the tokens have."""

    def __init__(self, dim: int, heads: int, inner_dim: int | None = None) -> None:
        super().__init__()
        inner_dim = inner_dim or dim
        self.heads = heads
        self.q_proj = Linear(dim, inner_dim)
        self.k_proj = Linear(dim, inner_dim)
        self.v_proj = Linear(dim, inner_dim)
        self.out_proj = Linear(inner_dim, dim)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend from queries (N, Q, C) to keys and values (N, K, C); returns (N, Q, C)."""
        if queries.shape[1] * self.heads <= self.q_proj.out_features < keys.shape[1] and _knows_no_gradients(queries):
            return self._from_few(queries, keys, values)
        attended = F.scaled_dot_product_attention(
            self._split(self.q_proj(queries)), self._split(self.k_proj(keys)), self._split(self.v_proj(values))
        )
        mixed: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return mixed

    def _from_few(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The same for few queries: they go through the keys' weights, and their means through the values'.

        A bias of the keys shifts all scores of a query alike, so that it makes no difference.
        """
        scale = math.sqrt(self.heads / self.q_proj.out_features)
        turned = self._split(self.q_proj(queries)) @ self.k_proj.weight.view(self.heads, -1, keys.shape[-1])
        attention = (turned.flatten(1, 2) @ keys.transpose(1, 2)).mul_(scale).softmax(dim=-1)
        means = (attention @ values).view(len(values), self.heads, -1, values.shape[-1])
        read = means @ self.v_proj.weight.view(self.heads, -1, values.shape[-1]).transpose(1, 2)
        mixed: Tensor = self.out_proj(read.transpose(1, 2).flatten(2) + self.v_proj.bias)
        return mixed

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.view(*tokens.shape[:2], self.heads, -1).transpose(1, 2)


def _knows_no_gradients(queries: Tensor) -> bool:
    """Whether masks are computed and nothing else, in float32: then only the order of sums may change."""
    return (
        torch.is_inference_mode_enabled()
        and queries.dtype == torch.float32
        and not torch.is_autocast_enabled(queries.device.type)
        and not torch.compiler.is_compiling()
    )


class TwoWayBlock(nn.Module):
    """Tokens among themselves, tokens to image, feed-forward, image to tokens; a layer norm after each."""

    def __init__(self, dim: int, heads: int, ffn: int, inner_dim: int, first: bool) -> None:
        super().__init__()
        self.self_attn = Attention(dim, heads)
        self.norm1 = nn.LayerNorm(dim)
        self.cross_attn_token_to_image = Attention(dim, heads, inner_dim)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, ffn, dim)
        self.norm3 = nn.LayerNorm(dim)
        self.cross_attn_image_to_token = Attention(dim, heads, inner_dim)
        self.norm4 = nn.LayerNorm(dim)
        self.first = first

    def forward(self, tokens: Tensor, cells: Tensor, token_position: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Update tokens (N, Q, C) and image cells (N, h·w, C), whose positions have the same shapes."""
        tokens = self.norm1(self._attend_to_self(tokens, token_position))
        queries, keys = tokens + token_position, cells + position
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(queries, keys, cells))
        tokens = self.norm3(tokens + self.mlp(tokens))
        queries = tokens + token_position
        cells = self.norm4(cells + self.cross_attn_image_to_token(keys, queries, tokens))
        return tokens, cells

    def _attend_to_self(self, tokens: Tensor, token_position: Tensor) -> Tensor:
        if self.first:  # the tokens still are their own positions: no addition, no residual
            replaced: Tensor = self.self_attn(tokens, tokens, tokens)
            return replaced
        queries = tokens + token_position
        updated: Tensor = tokens + self.self_attn(queries, queries, tokens)
        return updated


class TwoWayTransformer(nn.Module):
    """`depth` two-way blocks, then one last look of the tokens at the image."""

    def __init__(self, dim: int = 256, heads: int = 8, ffn: int = 2048, depth: int = 2) -> None:
        super().__init__()
        inner_dim = dim // 2
        self.layers = nn.ModuleList(TwoWayBlock(dim, heads, ffn, inner_dim, first=i == 0) for i in range(depth))
        self.final_attn_token_to_image = Attention(dim, heads, inner_dim)
        self.norm_final_attn = nn.LayerNorm(dim)

    def forward(self, tokens: Tensor, features: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Let tokens and image features exchange what they know.

        Args:
            tokens: (N, Q, C) output and prompt tokens; they serve as their own position codes throughout.
            features: (N, C, h, w) image features.
            position: (1, C, h, w) their position code.

        Returns:
            Tokens (N, Q, C) and image features (N, C, h, w).
        """
        token_position = tokens
        cells, cell_position = features.flatten(2).transpose(1, 2), position.flatten(2).transpose(1, 2)
        for layer in self.layers:
            tokens, cells = layer(tokens, cells, token_position, cell_position)
        queries, keys = tokens + token_position, cells + cell_position
        tokens = self.norm_final_attn(tokens + self.final_attn_token_to_image(queries, keys, cells))
        return tokens, cells.transpose(1, 2).reshape(features.shape)
