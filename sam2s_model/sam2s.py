"""Sam2s: SAM 2.1 composed of its parts, with the long-term memory of SAM2S (arXiv 2511.16618).

Attribute names are those of the released SAM 2.1 checkpoints; what SAM2S adds lives under its own prefixes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.frame_memory import Recall
from sam2s_model.hiera import Hiera
from sam2s_model.image_encoder import FpnNeck, ImageEncoder
from sam2s_model.layers import Mlp
from sam2s_model.mask_decoder import ChosenMask, DecoderOutput, MaskDecoder, choose_mask
from sam2s_model.memory_attention import MemoryAttention
from sam2s_model.memory_encoder import MemoryEncoder
from sam2s_model.memory_tokens import (
    SHORT_TERM,
    EncodedMemory,
    MemoryTokens,
    TemporalEmbeddings,
    layout,
    memory_tokens,
)
from sam2s_model.network import NO_OBJECT_LOGIT, FrameFeatures, MaskOutput, PromptBatch
from sam2s_model.precision import computing_in, narrow_weights
from sam2s_model.prompt_encoder import NO_POINT, PromptEmbedding, PromptEncoder
from sam2s_model.semantics import FrameView, MemoryView, SemanticBranch
from sam2s_model.sizes import PUBLISHED_WIDTHS, HieraSize, Widths
from sam2s_model.switches import Switches

MEMORY_MASK_SCALE, MEMORY_MASK_BIAS = 20.0, -10.0
MASK_PROMPT_LOGIT = 10.0


class DiveMemEmbedding(nn.Module):
    """The temporal embedding of long-term memory, beside SAM 2's own for short-term and conditioning frames."""

    def __init__(self, count: int, memory_dim: int) -> None:
        super().__init__()
        self.long_tpos = nn.Parameter(torch.zeros(count, 1, 1, memory_dim))


class Sam2s(nn.Module):
    """A promptable video segmentation network; see `network.Network`."""

    pixel_mean = (0.485, 0.456, 0.406)
    pixel_std = (0.229, 0.224, 0.225)

    def __init__(
        self,
        size: HieraSize,
        image_size: int = 512,
        switches: Switches | None = None,
        widths: Widths = PUBLISHED_WIDTHS,
        semantic_dim: int | None = None,
    ) -> None:
        """Build with fresh weights; `semantic_dim`, D of an instrument bank, adds the semantic branch."""
        super().__init__()
        if image_size % 32:
            raise ValueError(f'image_size must be a multiple of 32, got {image_size}')
        self.image_size = image_size
        self.precision = torch.float32
        self.switches = switches or Switches()
        trunk = Hiera(size)
        d_model, memory_dim = widths.d_model, widths.memory_dim
        self.image_encoder = ImageEncoder(trunk, FpnNeck(trunk.channels, d_model))
        self.memory_attention = MemoryAttention(d_model, memory_dim, ffn=widths.memory_ffn)
        self.memory_encoder = MemoryEncoder(d_model, memory_dim)
        self.sam_prompt_encoder = PromptEncoder(d_model)
        self.sam_mask_decoder = MaskDecoder(d_model, widths.decoder_heads, widths.decoder_ffn, widths.iou_hidden)
        self.mask_downsample = nn.Conv2d(1, 1, kernel_size=4, stride=4)
        self.obj_ptr_proj = Mlp(d_model, d_model, d_model, depth=3)
        self.obj_ptr_tpos_proj = nn.Linear(d_model, memory_dim)
        self.maskmem_tpos_enc = nn.Parameter(torch.zeros(SHORT_TERM + 1, 1, 1, memory_dim))
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, d_model))
        self.no_mem_pos_enc = nn.Parameter(torch.zeros(1, 1, d_model))
        self.no_obj_ptr = nn.Parameter(torch.zeros(1, d_model))
        self.no_obj_embed_spatial = nn.Parameter(torch.zeros(1, memory_dim))
        self.divemem = DiveMemEmbedding(self.switches.long_embeddings, memory_dim)
        self.tsl = SemanticBranch(d_model, memory_dim, semantic_dim) if semantic_dim else None

    def compute_in(self, precision: torch.dtype) -> None:
        """Compute in a number type, for tracking alone: weights are kept in it, too. Heads and norms stay float32."""
        self.precision = precision
        decoder = self.sam_mask_decoder
        narrow_weights((self.image_encoder, self.memory_attention, self.memory_encoder, self.obj_ptr_proj), precision)
        narrow_weights((decoder.transformer, decoder.output_upscaling, decoder.output_hypernetworks_mlps), precision)

    def calibrate(self, image: Tensor) -> None:
        """SAM 2 learns nothing of a stream beforehand."""

    def encode_image(self, image: Tensor, calibration: None) -> FrameFeatures:
        """Encode one frame (1, 3, S, S)."""
        with computing_in(self.precision, image):
            features = self.image_encoder(image)
            high_res = self.sam_mask_decoder.project_high_res(features.stride4, features.stride8)
        return FrameFeatures(image, features.stride16, high_res, self._embedding(features.stride16.detach()))

    def layout(self, recall: Recall[EncodedMemory]) -> Hashable:
        """Objects with as many memories in the same roles give token sequences of the same form."""
        return layout(recall)

    def track_frame(
        self, features: FrameFeatures, recalls: Sequence[Recall[EncodedMemory]], prompt: PromptBatch | None
    ) -> MaskOutput:
        """Segment N objects on one frame from memory, a prompt, or both."""
        with computing_in(self.precision, features.image):
            if prompt is not None and prompt.mask is not None:
                return self._take_mask(features, prompt.mask)
            memory = self._memory(recalls)
            conditioned = self._condition(features, memory, len(recalls))
            output = self._decode(features, conditioned, prompt or _no_points(conditioned))
            return self._choose(output, memory, multimask=prompt is None or prompt.points.shape[1] <= 1)

    def encode_memory(
        self, features: FrameFeatures, recalls: Sequence[Recall[EncodedMemory]], output: MaskOutput, prompted: bool
    ) -> list[EncodedMemory]:
        """Encode the masks of N objects with the frame they are on."""
        assert output.pointer is not None, 'SAM 2 remembers object pointers'
        logits = F.interpolate(output.mask_logits, features.image.shape[-2:], mode='bilinear', align_corners=False)
        sharp = prompted and self.switches.binarize_prompted
        masks = (logits > 0).float() if sharp else logits.sigmoid()
        with computing_in(self.precision, masks):
            encoded = self.memory_encoder(features.stride16, masks * MEMORY_MASK_SCALE + MEMORY_MASK_BIAS)
        absent = (output.object_score <= 0).to(encoded.dtype)
        encoded = encoded + (absent[:, None] * self.no_obj_embed_spatial)[..., None, None]
        if self.switches.bfloat16_memory and not self.training:
            encoded = encoded.bfloat16()
        return [EncodedMemory(*content) for content in zip(encoded, output.pointer, strict=True)]

    def _embedding(self, stride16: Tensor) -> Tensor:
        """E(f), (D,) of the frame features (1, C, h, w)."""
        if self.switches.embedding == 'pooled':
            return stride16.mean((2, 3)).flatten()
        return (F.normalize(stride16, dim=1) if self.switches.embedding == 'cells' else stride16).flatten()

    def _memory(self, recalls: Sequence[Recall[EncodedMemory]]) -> MemoryTokens | None:
        if not recalls[0].frames:
            return None
        embeddings = TemporalEmbeddings(self.maskmem_tpos_enc, self.divemem.long_tpos, self.obj_ptr_tpos_proj)
        return memory_tokens(recalls, embeddings, self.switches.pooled_memory)

    def _condition(self, features: FrameFeatures, memory: MemoryTokens | None, count: int) -> Tensor:
        """Frame features (N, C, h, w) as each object sees them."""
        if memory is None:
            without_memory = features.stride16 + self.no_mem_embed.view(1, -1, 1, 1)
            return without_memory.expand(count, -1, -1, -1)
        conditioned: Tensor = self.memory_attention(features.stride16, *memory)
        return conditioned

    def _decode(self, features: FrameFeatures, conditioned: Tensor, prompt: PromptBatch) -> DecoderOutput:
        grid = (conditioned.shape[-2], conditioned.shape[-1])
        embedding = self.sam_prompt_encoder(prompt.points, prompt.labels, prompt.previous_logits, grid)
        position = self.sam_prompt_encoder.dense_position(*grid)
        output: DecoderOutput = self.sam_mask_decoder(
            conditioned, position, PromptEmbedding(*embedding), features.high_res
        )
        return output

    def _choose(self, output: DecoderOutput, memory: MemoryTokens | None, multimask: bool) -> MaskOutput:
        chosen = choose_mask(output, multimask, self.switches.stability_fallback and not self.training)
        score = output.object_score.squeeze(1)
        present = score > 0
        logits = torch.where(present[:, None, None, None], chosen.mask_logits, NO_OBJECT_LOGIT)
        pointer = torch.where(present[:, None], self.obj_ptr_proj(chosen.token), self.no_obj_ptr)
        return MaskOutput(logits, chosen.iou, score, pointer, output, self._semantics(memory, output, chosen))

    def _semantics(self, memory: MemoryTokens | None, output: DecoderOutput, chosen: ChosenMask) -> Tensor | None:
        if self.tsl is None:
            return None
        position = self.sam_prompt_encoder.dense_position(output.cells.shape[-2], output.cells.shape[-1])
        remembered = None if memory is None else MemoryView(memory.tokens + memory.positions, memory.tokens)
        view = FrameView(output.cells, position, chosen.token, chosen.mask_logits)
        semantics: Tensor = self.tsl(remembered, view)
        return semantics

    def _take_mask(self, features: FrameFeatures, mask: Tensor) -> MaskOutput:
        """A mask prompt (N, 1, S, S) is its own result; the decoder only makes its pointer (SAM 2, mask as output)."""
        logits = mask * 2 * MASK_PROMPT_LOGIT - MASK_PROMPT_LOGIT
        small = F.interpolate(logits, scale_factor=0.25, mode='bilinear', align_corners=False, antialias=True)
        prompt = _no_points(mask)._replace(previous_logits=self.mask_downsample(mask))
        # The features are raw on purpose: in SAM 2 this path adds not even `no_mem_embed`.
        decoded = self._decode(features, features.stride16.expand(len(mask), -1, -1, -1), prompt)
        chosen = self._choose(decoded, None, multimask=False)
        assert chosen.pointer is not None
        seen = mask.flatten(1).any(1)
        pointer = torch.where(seen[:, None], chosen.pointer, self.no_obj_ptr)
        score = torch.where(seen, MASK_PROMPT_LOGIT, -MASK_PROMPT_LOGIT)
        return MaskOutput(small, torch.ones_like(score), score, pointer, None, chosen.semantics)


def _no_points(like: Tensor) -> PromptBatch:
    """What SAM 2's decoder gets for N objects that nobody points at: one point that is none."""
    points = like.new_zeros(len(like), 1, 2)
    return PromptBatch(points, points.new_full((len(like), 1), NO_POINT))
