"""The four graphs: image encoder, memory attention, mask decoder and memory encoder of one network, for one object.

They compute what the modules compute, in float32, with one difference: memory comes in slots, of which some may be
empty. So that few shapes occur, the caller fills up with empty slots and says which are, by a bias on the scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from sam2s_model.mask_decoder import DecoderOutput, HighResFeatures
from sam2s_model.memory_attention import POSITION_WEIGHT, MemoryAttention, MemoryAttentionLayer
from sam2s_model.position_encoding import rotary_table, rotate, sine_2d
from sam2s_model.prompt_encoder import PromptEmbedding
from sam2s_model.rope_attention import Grid, RopeAttention
from sam2s_model.sam2s import Sam2s

STRIDE = 16
EXAMPLE_SLOTS, EXAMPLE_POINTERS, EXAMPLE_POINTS = 3, 8, 3  # of dimensions that may vary; none of them 1


@dataclass(frozen=True)
class Graph:
    """One graph before it is exported.

    Attributes:
        module: Computes it; takes its inputs by position.
        inputs: Examples by name.
        outputs: Names, in their order.
        varying: Dimensions that are not fixed: name of the dimension by input and axis.
    """

    name: str
    module: nn.Module
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    varying: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


def graphs_of(network: Sam2s) -> tuple[Graph, ...]:
    """All four of a network with its weights."""
    side = network.image_size
    cells = side // STRIDE
    channels, memory_dim = network.no_mem_embed.shape[-1], network.no_obj_embed_spatial.shape[-1]
    grid, placed, pointers = (cells, cells), (1, EXAMPLE_SLOTS, cells**2, memory_dim), (1, EXAMPLE_POINTERS, memory_dim)
    features = (1, channels, *grid)
    slot, pointer = {1: 'slots'}, {1: 'pointers'}
    return (
        Graph('image_encoder', ImageGraph(network), {'image': _zeros(1, 3, side, side)},
              ('stride4', 'stride8', 'stride16')),
        Graph('memory_attention', MemoryGraph(network.memory_attention, grid),
              {'features': _zeros(*features),
               'memory': _zeros(*placed), 'memory_position': _zeros(*placed), 'memory_bias': _zeros(*placed[1:3]),
               'pointers': _zeros(*pointers), 'pointer_position': _zeros(*pointers),
               'pointer_bias': _zeros(pointers[1])},
              ('conditioned',),
              {'memory': slot, 'memory_position': slot, 'memory_bias': {0: 'slots'},
               'pointers': pointer, 'pointer_position': pointer, 'pointer_bias': {0: 'pointers'}}),
        Graph('mask_decoder', DecoderGraph(network),
              {'features': _zeros(*features), 'sparse': _zeros(1, EXAMPLE_POINTS, channels), 'dense': _zeros(*features),
               'stride8': _zeros(1, channels // 4, 2 * cells, 2 * cells),
               'stride4': _zeros(1, channels // 8, 4 * cells, 4 * cells)},
              DecoderOutput._fields, {'sparse': {1: 'points'}}),
        Graph('memory_encoder', network.memory_encoder,
              {'features': _zeros(*features), 'mask': _zeros(1, 1, side, side)}, ('encoded',)),
    )  # fmt: skip


def _zeros(*shape: int) -> Tensor:
    """A tensor of its own: inputs that share one are taken for one input."""
    return torch.zeros(shape)


class ImageGraph(nn.Module):
    """Image (1, 3, S, S) to what the decoder needs at strides 4 and 8, and to the features at stride 16."""

    def __init__(self, network: Sam2s) -> None:
        super().__init__()
        self.encoder, self.decoder = network.image_encoder, network.sam_mask_decoder

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.encoder(image)
        high_res = self.decoder.project_high_res(features.stride4, features.stride8)
        return high_res.stride4, high_res.stride8, features.stride16


class MemoryGraph(nn.Module):
    """`MemoryAttention` on slots of remembered frames and of pointer tokens, some of them empty."""

    def __init__(self, attention: MemoryAttention, grid: Grid) -> None:
        super().__init__()
        self.attention = attention
        channels = attention.norm.normalized_shape[0]
        # Made before the graph is traced: a table that is first asked for in tracing would be kept as none.
        self.position: Tensor
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer('position', POSITION_WEIGHT * sine_2d(channels, *grid))
        for name, table in zip(('cos', 'sin'), rotary_table(channels, grid, grid), strict=True):
            self.register_buffer(name, table)

    def forward(
        self, features: Tensor, memory: Tensor, memory_position: Tensor, memory_bias: Tensor,
        pointers: Tensor, pointer_position: Tensor, pointer_bias: Tensor,
    ) -> Tensor:  # fmt: skip
        """Condition features (1, C, h, w).

        Args:
            features: As they leave the neck.
            memory, memory_position: (1, F, h·w, M) slots of remembered frames.
            memory_bias: (F, h·w) 0, or -inf in empty slots.
            pointers, pointer_position: (1, P, M).
            pointer_bias: (P,).
        """
        cells = (features + self.position).flatten(2).transpose(1, 2)
        values = torch.cat((memory.flatten(1, 2), pointers), dim=1)
        bias = torch.cat((memory_bias.flatten(), pointer_bias))
        for layer in self.attention.layers:
            assert isinstance(layer, MemoryAttentionLayer)
            cells = self._look_at_itself(layer, cells)
            keys = self._keys(layer.cross_attn_image, memory + memory_position, pointers + pointer_position)
            seen = self._attend(layer.cross_attn_image, layer.norm2(cells), keys, values, bias)
            cells = cells + seen
            cells = cells + layer.linear2(layer.linear1(layer.norm3(cells)).relu())
        conditioned: Tensor = self.attention.norm(cells)
        return conditioned.transpose(1, 2).reshape(features.shape)

    def _look_at_itself(self, layer: MemoryAttentionLayer, cells: Tensor) -> Tensor:
        normed, attention = layer.norm1(cells), layer.self_attn
        return cells + self._attend(attention, normed, self._turn(attention.k_proj(normed)), normed)

    def _keys(self, attention: RopeAttention, placed: Tensor, unplaced: Tensor) -> Tensor:
        turned = self._turn(attention.k_proj(placed)).flatten(1, 2)
        return torch.cat((turned, attention.k_proj(unplaced)), dim=1)

    def _attend(
        self, attention: RopeAttention, queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        scaled = self._turn(attention.q_proj(queries)) * queries.shape[-1] ** -0.5
        scores = scaled @ keys.transpose(1, 2)
        weights = torch.softmax(scores if bias is None else scores + bias, dim=-1)
        # Values are projected after they were read: there are fewer queries than keys, and the result is the same.
        mixed: Tensor = attention.out_proj(attention.v_proj(weights @ values))
        return mixed

    def _turn(self, tokens: Tensor) -> Tensor:
        return rotate(tokens, (self.cos, self.sin))


class DecoderGraph(nn.Module):
    """Mask decoder with the position code of its cells; gives all proposals, so that the caller chooses."""

    def __init__(self, network: Sam2s) -> None:
        super().__init__()
        cells = network.image_size // STRIDE
        self.decoder = network.sam_mask_decoder
        self.position: Tensor
        with torch.no_grad():
            self.register_buffer('position', network.sam_prompt_encoder.dense_position(cells, cells))

    def forward(
        self, features: Tensor, sparse: Tensor, dense: Tensor, stride8: Tensor, stride4: Tensor
    ) -> tuple[Tensor, ...]:
        prompt = PromptEmbedding(sparse, dense)
        return tuple(self.decoder(features, self.position, prompt, HighResFeatures(stride8, stride4)))
