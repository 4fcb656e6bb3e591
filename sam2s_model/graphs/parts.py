"""Stand-ins for the four parts of a network: the same calls, answered by graphs one object at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from sam2s_model.image_encoder import ImageFeatures
from sam2s_model.mask_decoder import DecoderOutput, HighResFeatures
from sam2s_model.prompt_encoder import PromptEmbedding
from sam2s_model.rope_attention import Grid
from sam2s_model.sam2s import Sam2s

Compute: TypeAlias = Callable[..., Sequence[Tensor]]  # what computes a graph: its inputs in order, its outputs in order

SLOTS = (1, 4, 7, 11, 18)  # of remembered frames: so many shapes of memory occur, and no more
GRAPHS = ('image_encoder', 'memory_attention', 'mask_decoder', 'memory_encoder')
POINTER_TOKENS = 64  # pointer tokens come in multiples of this, 16 pointers


class GraphImageEncoder(nn.Module):
    """Gives the fine maps as narrow as the decoder wants them; `GraphMaskDecoder.project_high_res` leaves them so."""

    def __init__(self, graph: Compute) -> None:
        super().__init__()
        self._graph = graph

    def forward(self, images: Tensor) -> ImageFeatures:
        return ImageFeatures(*self._graph(images))


class GraphMemoryAttention(nn.Module):
    """Fills memory up to one of a few lengths with empty slots."""

    def __init__(self, graph: Compute) -> None:
        super().__init__()
        self._graph = graph

    def forward(
        self,
        features: Tensor,
        memory: Tensor,
        memory_position: Tensor,
        pointer_tokens: int,
        memory_grid: Grid | None = None,
        whole_frames: int = 0,
    ) -> Tensor:
        """As `MemoryAttention.forward`; no frame is pooled."""
        conditioned = [
            self._condition(features, tokens, positions, pointer_tokens)
            for tokens, positions in zip(memory, memory_position, strict=True)
        ]
        return torch.cat(conditioned)

    def _condition(self, features: Tensor, tokens: Tensor, positions: Tensor, pointer_tokens: int) -> Tensor:
        cells = features.shape[-2] * features.shape[-1]
        placed = len(tokens) - pointer_tokens
        slots = slots_for(placed // cells)
        unplaced = -(-pointer_tokens // POINTER_TOKENS) * POINTER_TOKENS or POINTER_TOKENS
        frames = [_filled_up(part[:placed], slots * cells).view(1, slots, cells, -1) for part in (tokens, positions)]
        pointers = [_filled_up(part[placed:], unplaced).unsqueeze(0) for part in (tokens, positions)]
        memory_bias = _bias(placed, slots * cells, tokens).view(slots, cells)
        (conditioned,) = self._graph(features, *frames, memory_bias, *pointers, _bias(pointer_tokens, unplaced, tokens))
        return conditioned


class GraphMaskDecoder(nn.Module):
    """Knows the position code of its cells already."""

    def __init__(self, graph: Compute) -> None:
        super().__init__()
        self._graph = graph

    def project_high_res(self, stride4: Tensor, stride8: Tensor) -> HighResFeatures:
        """The image encoder's graph has narrowed them."""
        return HighResFeatures(stride8, stride4)

    def forward(
        self, features: Tensor, position: Tensor, prompt: PromptEmbedding, high_res: HighResFeatures
    ) -> DecoderOutput:
        """As `MaskDecoder.forward`."""
        answers = [
            self._graph(of_object.unsqueeze(0), sparse.unsqueeze(0), dense.unsqueeze(0), *high_res)
            for of_object, sparse, dense in zip(
                features.expand(len(prompt.sparse), -1, -1, -1), prompt.sparse, prompt.dense, strict=True
            )
        ]
        return DecoderOutput(*(torch.cat(answer) for answer in zip(*answers, strict=True)))


class GraphMemoryEncoder(nn.Module):
    def __init__(self, graph: Compute) -> None:
        super().__init__()
        self._graph = graph

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """As `MemoryEncoder.forward`."""
        return torch.cat([self._graph(features, of_object.unsqueeze(0))[0] for of_object in mask])


def replace_parts(network: Sam2s, graphs: Mapping[str, Compute]) -> None:
    """Let graphs compute the four parts of a network, by their names in `graphs_of`; its own parts are given up.

    Raises:
        ValueError: The network pools its memory.
    """
    if network.switches.pooled_memory:
        raise ValueError('pooled_memory: expected False with graphs, which read memory whole, came True')
    parts: dict[str, nn.Module] = {
        'image_encoder': GraphImageEncoder(graphs['image_encoder']),
        'memory_attention': GraphMemoryAttention(graphs['memory_attention']),
        'sam_mask_decoder': GraphMaskDecoder(graphs['mask_decoder']),
        'memory_encoder': GraphMemoryEncoder(graphs['memory_encoder']),
    }
    for name, part in parts.items():
        network._modules[name] = part


def slots_for(frames: int) -> int:
    """The least number of slots that takes so many frames; beyond the last of `SLOTS`, as many as there are."""
    return next((slots for slots in SLOTS if slots >= frames), frames)


def _filled_up(tokens: Tensor, length: int) -> Tensor:
    return torch.cat((tokens, tokens.new_zeros(length - len(tokens), tokens.shape[1])))


def _bias(taken: int, length: int, like: Tensor) -> Tensor:
    bias = like.new_zeros(length, dtype=torch.float32)
    bias[taken:] = -math.inf
    return bias
