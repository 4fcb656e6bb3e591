"""Sam2s: SAM 2.1 composed of its parts, with the long-term memory of SAM2S (arXiv 2511.16618).

Attribute names are those of the released SAM 2.1 checkpoints; what SAM2S adds lives under its own prefixes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.hiera import Hiera
from sam2s_model.image_encoder import FpnNeck, ImageEncoder
from sam2s_model.layers import Mlp
from sam2s_model.mask_decoder import DecoderOutput, MaskDecoder, choose_mask
from sam2s_model.memory_attention import MemoryAttention
from sam2s_model.memory_bank import Recall, Role, Slot
from sam2s_model.memory_encoder import MemoryEncoder
from sam2s_model.network import NO_OBJECT_LOGIT, FrameFeatures, MaskOutput, PromptBatch
from sam2s_model.position_encoding import sine_1d, sine_2d
from sam2s_model.prompt_encoder import NO_POINT, PromptEmbedding, PromptEncoder
from sam2s_model.sizes import D_MODEL, MEMORY_DIM, HieraSize

SHORT_TERM = 6
POINTER_SPAN = 15  # frames; distances of object pointers are divided by this
MEMORY_MASK_SCALE, MEMORY_MASK_BIAS = 20.0, -10.0
MASK_PROMPT_LOGIT = 10.0


@dataclass(frozen=True)
class Switches:
    """What differs between the released video predictor and the VOS benchmark script of SAM 2.

    Attributes:
        stability_fallback: An unstable single mask is replaced by the best of the others.
        binarize_prompted: A prompted frame's mask is remembered sharp.
    """

    stability_fallback: bool = False
    binarize_prompted: bool = False


class EncodedMemory(NamedTuple):
    """What one object leaves behind on one frame: features (M, h, w) and its object pointer (C,)."""

    features: Tensor
    pointer: Tensor


class DiveMemEmbedding(nn.Module):
    """The temporal embedding of long-term memory, beside SAM 2's own for short-term and conditioning frames."""

    def __init__(self) -> None:
        super().__init__()
        self.long_tpos = nn.Parameter(torch.zeros(1, 1, 1, MEMORY_DIM))


class Sam2s(nn.Module):
    """A promptable video segmentation network; see `network.Network`."""

    pixel_mean = (0.485, 0.456, 0.406)
    pixel_std = (0.229, 0.224, 0.225)

    def __init__(self, size: HieraSize, image_size: int = 512, switches: Switches | None = None) -> None:
        super().__init__()
        if image_size % 32:
            raise ValueError(f'image_size must be a multiple of 32, got {image_size}')
        self.image_size = image_size
        self.switches = switches or Switches()
        trunk = Hiera(size)
        self.image_encoder = ImageEncoder(trunk, FpnNeck(trunk.channels, D_MODEL))
        self.memory_attention = MemoryAttention(D_MODEL, MEMORY_DIM)
        self.memory_encoder = MemoryEncoder(D_MODEL, MEMORY_DIM)
        self.sam_prompt_encoder = PromptEncoder(D_MODEL)
        self.sam_mask_decoder = MaskDecoder(D_MODEL)
        self.mask_downsample = nn.Conv2d(1, 1, kernel_size=4, stride=4)
        self.obj_ptr_proj = Mlp(D_MODEL, D_MODEL, D_MODEL, depth=3)
        self.obj_ptr_tpos_proj = nn.Linear(D_MODEL, MEMORY_DIM)
        self.maskmem_tpos_enc = nn.Parameter(torch.zeros(SHORT_TERM + 1, 1, 1, MEMORY_DIM))
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, D_MODEL))
        self.no_mem_pos_enc = nn.Parameter(torch.zeros(1, 1, D_MODEL))
        self.no_obj_ptr = nn.Parameter(torch.zeros(1, D_MODEL))
        self.no_obj_embed_spatial = nn.Parameter(torch.zeros(1, MEMORY_DIM))
        self.divemem = DiveMemEmbedding()

    def calibrate(self, image: Tensor) -> None:
        """SAM 2 learns nothing of a stream beforehand."""

    def encode_image(self, image: Tensor, calibration: None) -> FrameFeatures:
        """Encode one frame (1, 3, S, S)."""
        features = self.image_encoder(image)
        high_res = self.sam_mask_decoder.project_high_res(features.stride4, features.stride8)
        return FrameFeatures(image, features.stride16, high_res, features.stride16.detach().flatten())

    def layout(self, recall: Recall[EncodedMemory]) -> Hashable:
        """Objects with as many memories in the same roles give token sequences of the same form."""
        return tuple((slot.role, self._temporal_index(slot)) for slot in recall.frames), len(recall.pointers)

    def track_frame(
        self, features: FrameFeatures, recalls: Sequence[Recall[EncodedMemory]], prompt: PromptBatch | None
    ) -> MaskOutput:
        """Segment N objects on one frame from memory, a prompt, or both."""
        if prompt is not None and prompt.mask is not None:
            return self._take_mask(features, prompt.mask)
        conditioned = self._condition(features, recalls)
        output = self._decode(features, conditioned, prompt or _no_points(conditioned))
        return self._choose(output, multimask=prompt is None or prompt.points.shape[1] <= 1)

    def encode_memory(self, features: FrameFeatures, output: MaskOutput, prompted: bool) -> list[EncodedMemory]:
        """Encode the masks of N objects with the frame they are on."""
        assert output.pointer is not None, 'SAM 2 remembers object pointers'
        logits = F.interpolate(output.mask_logits, features.image.shape[-2:], mode='bilinear', align_corners=False)
        sharp = prompted and self.switches.binarize_prompted
        masks = (logits > 0).float() if sharp else logits.sigmoid()
        encoded = self.memory_encoder(features.stride16, masks * MEMORY_MASK_SCALE + MEMORY_MASK_BIAS)
        absent = (output.object_score <= 0).to(encoded.dtype)
        encoded = encoded + (absent[:, None] * self.no_obj_embed_spatial)[..., None, None]
        return [EncodedMemory(*content) for content in zip(encoded, output.pointer, strict=True)]

    def _temporal_index(self, slot: Slot[EncodedMemory]) -> int:
        """Row of `maskmem_tpos_enc`: 0 for the previous frame, 5 for six frames ago, 6 for a conditioning frame."""
        return slot.distance - 1 if slot.role is Role.SHORT_TERM else SHORT_TERM

    def _condition(self, features: FrameFeatures, recalls: Sequence[Recall[EncodedMemory]]) -> Tensor:
        """Frame features (N, C, h, w) as each object sees them."""
        if not recalls[0].frames:
            without_memory = features.stride16 + self.no_mem_embed.view(1, -1, 1, 1)
            return without_memory.expand(len(recalls), -1, -1, -1)
        sequences = [self._memory_tokens(recall) for recall in recalls]
        memory, position = (torch.stack(part) for part in zip(*sequences, strict=True))
        pointer_tokens = len(recalls[0].pointers) * (D_MODEL // MEMORY_DIM)
        conditioned: Tensor = self.memory_attention(features.stride16, memory, position, pointer_tokens)
        return conditioned

    def _memory_tokens(self, recall: Recall[EncodedMemory]) -> tuple[Tensor, Tensor]:
        """Tokens (L, M) of all that one object remembers, and their position codes (L, M); pointers last."""
        tokens, positions = [], []
        for slot in recall.frames:
            memory = slot.memory.content.features
            grid = (memory.shape[-2], memory.shape[-1])
            cells = sine_2d(MEMORY_DIM, *grid, memory.device, memory.dtype).view(MEMORY_DIM, -1).T
            tokens.append(memory.flatten(1).T)
            positions.append(cells + self._temporal_embedding(slot))
        if recall.pointers:
            pointers = torch.stack([slot.memory.content.pointer for slot in recall.pointers])
            tokens.append(pointers.view(-1, MEMORY_DIM))
            positions.append(self._pointer_positions(recall.pointers).repeat_interleave(D_MODEL // MEMORY_DIM, dim=0))
        return torch.cat(tokens), torch.cat(positions)

    def _temporal_embedding(self, slot: Slot[EncodedMemory]) -> Tensor:
        if slot.role is Role.LONG_TERM:
            return self.divemem.long_tpos.view(1, -1)
        return self.maskmem_tpos_enc[self._temporal_index(slot)].view(1, -1)

    def _pointer_positions(self, slots: Sequence[Slot[EncodedMemory]]) -> Tensor:
        """Temporal codes (P, M) of object pointers, by their distance in frames."""
        distances = self.no_obj_ptr.new_tensor([slot.distance for slot in slots]) / POINTER_SPAN
        positions: Tensor = self.obj_ptr_tpos_proj(sine_1d(distances, D_MODEL))
        return positions

    def _decode(self, features: FrameFeatures, conditioned: Tensor, prompt: PromptBatch) -> DecoderOutput:
        grid = (conditioned.shape[-2], conditioned.shape[-1])
        embedding = self.sam_prompt_encoder(prompt.points, prompt.labels, prompt.previous_logits, grid)
        position = self.sam_prompt_encoder.dense_position(*grid)
        output: DecoderOutput = self.sam_mask_decoder(
            conditioned, position, PromptEmbedding(*embedding), features.high_res
        )
        return output

    def _choose(self, output: DecoderOutput, multimask: bool) -> MaskOutput:
        chosen = choose_mask(output, multimask, self.switches.stability_fallback and not self.training)
        score = output.object_score.squeeze(1)
        present = score > 0
        logits = torch.where(present[:, None, None, None], chosen.mask_logits, NO_OBJECT_LOGIT)
        pointer = torch.where(present[:, None], self.obj_ptr_proj(chosen.token), self.no_obj_ptr)
        return MaskOutput(logits, chosen.iou, score, pointer, output)

    def _take_mask(self, features: FrameFeatures, mask: Tensor) -> MaskOutput:
        """A mask prompt (N, 1, S, S) is its own result; the decoder only makes its pointer (SAM 2, mask as output)."""
        logits = mask * 2 * MASK_PROMPT_LOGIT - MASK_PROMPT_LOGIT
        small = F.interpolate(logits, scale_factor=0.25, mode='bilinear', align_corners=False, antialias=True)
        prompt = _no_points(mask)._replace(previous_logits=self.mask_downsample(mask))
        # The features are raw on purpose: in SAM 2 this path adds not even `no_mem_embed`.
        decoded = self._decode(features, features.stride16.expand(len(mask), -1, -1, -1), prompt)
        pointer = self._choose(decoded, multimask=False).pointer
        assert pointer is not None
        seen = mask.flatten(1).any(1)
        pointer = torch.where(seen[:, None], pointer, self.no_obj_ptr)
        score = torch.where(seen, MASK_PROMPT_LOGIT, -MASK_PROMPT_LOGIT)
        return MaskOutput(small, torch.ones_like(score), score, pointer, None)


def _no_points(like: Tensor) -> PromptBatch:
    """What SAM 2's decoder gets for N objects that nobody points at: one point that is none."""
    points = like.new_zeros(len(like), 1, 2)
    return PromptBatch(points, points.new_full((len(like), 1), NO_POINT))
